# SPDX-License-Identifier: Apache-2.0
"""Promotions: announced, ended early, withdrawn before they begin; nothing else of one ever changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.horizon import require_near
from billing.audit import Action
from billing.errors import PromotionNotPossible
from billing.models import Promotion
from billing.services.requests import require_skus

MAX_BASIS_POINTS = 9_000


@dataclass(frozen=True, slots=True)
class PromotionWish:
    """A share off, for launches in [starts_at, ends_at); empty SKUs or audiences are all of them."""

    code: str
    name: str
    starts_at: datetime
    ends_at: datetime
    basis_points_off: int
    sku_codes: Sequence[str] = ()
    audiences: Sequence[str] = ()


@transaction.atomic
def create_promotion(*, actor: Actor, wish: PromotionWish, at: datetime) -> Promotion:
    """Announce a promotion. Raises Rejected with the field: a start in the past, a share above 90 %, a code taken."""
    require_near(at=at, starts_at=wish.starts_at, ends_at=wish.ends_at)
    if wish.starts_at < at:
        raise Rejected(gettext("A promotion cannot begin in the past."), field="starts_at")
    if wish.ends_at <= wish.starts_at:
        raise Rejected(gettext("A promotion ends after it begins."), field="ends_at")
    if not 1 <= wish.basis_points_off <= MAX_BASIS_POINTS:
        raise Rejected(gettext("A promotion takes between 0.01 and 90 per cent off."), field="basis_points_off")
    require_skus(wish.sku_codes)
    try:
        with transaction.atomic():
            promotion = Promotion.objects.create(
                code=wish.code,
                name=wish.name,
                valid=(wish.starts_at, wish.ends_at),
                basis_points_off=wish.basis_points_off,
                sku_codes=list(wish.sku_codes),
                audiences=list(wish.audiences),
            )
    except IntegrityError as error:
        raise Rejected(gettext("This code is taken: a promotion keeps its code for good."), field="code") from error
    audit.record(
        actor=actor,
        action=Action.PROMOTION_CREATED,
        subject=promotion,
        at=at,
        changes={"basis_points_off": wish.basis_points_off, "valid": [str(wish.starts_at), str(wish.ends_at)]},
    )
    return promotion


@transaction.atomic
def end_promotion(*, actor: Actor, code: str, ends_at: datetime, reason: str, at: datetime) -> Promotion:
    """End a promotion earlier than announced; launches before that keep their price.

    Raises NotFound, Rejected without a reason, PromotionNotPossible unless the new end is after the start, not in the
    past, and earlier than the one announced.
    """
    promotion = _locked(code, reason)
    starts_at, announced = promotion.valid.lower, promotion.valid.upper
    if not max(at, starts_at) <= ends_at < announced or ends_at == starts_at:
        raise PromotionNotPossible(
            gettext("The new end lies after the start and the present moment, and before the end that was announced."),
            field="ends_at",
        )
    Promotion.objects.filter(pk=promotion.pk).update(valid=(starts_at, ends_at))
    audit.record(
        actor=actor,
        action=Action.PROMOTION_ENDED,
        subject=promotion,
        at=at,
        reason=reason,
        changes={"ends_at": [str(announced), str(ends_at)]},
    )
    promotion.refresh_from_db()
    return promotion


@transaction.atomic
def withdraw_promotion(*, actor: Actor, code: str, reason: str, at: datetime) -> None:
    """Take back a promotion that has not begun: nobody launched under it. Raises NotFound, PromotionNotPossible."""
    promotion = _locked(code, reason)
    if promotion.valid.lower <= at:
        raise PromotionNotPossible(gettext("It has begun: end it early instead."))
    audit.record(actor=actor, action=Action.PROMOTION_WITHDRAWN, subject=promotion, at=at, reason=reason)
    promotion.delete()


def _locked(code: str, reason: str) -> Promotion:
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    promotion: Promotion | None = Promotion.objects.select_for_update().filter(code=code).first()
    if promotion is None:
        raise NotFound(gettext("There is no such promotion."))
    return promotion
