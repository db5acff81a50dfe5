# SPDX-License-Identifier: Apache-2.0
"""Promo codes: staff ask for them, two of them release a large budget, organisations redeem them once."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.horizon import require_near
from aion.money import decimal_string
from billing.audit import Action
from billing.errors import InvalidAmount, PromoCodeNotValid, PromoCodeRedeemed, TooManyTries
from billing.models import PromoCode, PromoRedemption, PromoTry
from billing.services.credits import FREE, Restriction, issue_lot, require_level
from billing.services.requests import require_programmes, require_second, require_sites, require_skus
from billing.states import Origin, PromoState

TRIES = 20
TRIES_WITHIN = timedelta(hours=1)
MAX_LOT_DAYS = 3650
_CODE = re.compile(r"[A-Z0-9-]{6,40}")
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class PromoWish:
    """``amount`` micro-credits for each of ``max_redemptions`` organisations that redeem in [starts_at, ends_at)."""

    code: str
    name: str
    amount: int
    max_redemptions: int
    starts_at: datetime
    ends_at: datetime
    lot_days: int
    reason: str
    only: Restriction = FREE


def normalised(code: str) -> str:
    """Return a code as it is stored: people type it in small letters and with spaces."""
    return _SPACE.sub("", code).upper()


@transaction.atomic
def request_promo_code(*, actor: Actor, wish: PromoWish, at: datetime) -> PromoCode:
    """Ask for a code; one whose whole budget is within the four-eyes limit is active at once.

    Raises Rejected or InvalidAmount with the field that is wrong.
    """
    _check(wish, at)
    if actor.user_id is None:
        raise Rejected(_("Only a person can ask for a promo code."))
    try:
        with transaction.atomic():
            promo = PromoCode.objects.create(
                code=normalised(wish.code),
                name=wish.name,
                amount=wish.amount,
                max_redemptions=wish.max_redemptions,
                valid=(wish.starts_at, wish.ends_at),
                lot_days=wish.lot_days,
                sku_codes=list(wish.only.sku_codes),
                site_codes=list(wish.only.site_codes),
                programme_codes=list(wish.only.programme_codes),
                min_level=wish.only.min_level,
                reason=wish.reason,
                requested_by_id=actor.user_id,
                requested_by=actor.label,
                requested_at=at,
            )
    except IntegrityError as error:
        raise Rejected(_("This code is taken: a code is kept for good."), field="code") from error
    audit.record(
        actor=actor,
        action=Action.PROMO_CODE_REQUESTED,
        subject=promo,
        at=at,
        reason=wish.reason,
        changes={"amount": decimal_string(wish.amount), "max_redemptions": wish.max_redemptions},
    )
    if promo.budget <= settings.FOUR_EYES_LIMIT_MICROCREDITS:
        promo.state = PromoState.ACTIVE
        promo.save(update_fields=["state"])
        audit.record(actor=actor, action=Action.PROMO_CODE_ACTIVATED, subject=promo, at=at)
    return promo


@transaction.atomic
def approve_promo_code(*, actor: Actor, public_id: str, at: datetime) -> PromoCode:
    """Release a code as the second person. Raises NotFound when none waits, FourEyesNeeded for who asked for it."""
    promo = _locked(public_id, PromoState.PENDING, _("No such promo code waits for a decision."))
    require_second(actor, promo.requested_by_id, _("You asked for this code: another member of staff must approve it."))
    _decide(promo, PromoState.ACTIVE, actor, at)
    audit.record(actor=actor, action=Action.PROMO_CODE_ACTIVATED, subject=promo, at=at)
    return promo


@transaction.atomic
def reject_promo_code(*, actor: Actor, public_id: str, reason: str, at: datetime) -> PromoCode:
    """Refuse a code that waits, or withdraw one's own. Raises NotFound, Rejected without a reason."""
    _require_reason(reason)
    promo = _locked(public_id, PromoState.PENDING, _("No such promo code waits for a decision."))
    _decide(promo, PromoState.REJECTED, actor, at)
    audit.record(actor=actor, action=Action.PROMO_CODE_REJECTED, subject=promo, at=at, reason=reason)
    return promo


@transaction.atomic
def end_promo_code(*, actor: Actor, public_id: str, reason: str, at: datetime) -> PromoCode:
    """Stop further redemptions for good; lots that were issued stay. Raises NotFound, Rejected without a reason."""
    _require_reason(reason)
    promo = _locked(public_id, PromoState.ACTIVE, _("No such promo code is active."))
    promo.state, promo.ended_at = PromoState.ENDED, at
    promo.save(update_fields=["state", "ended_at"])
    audit.record(actor=actor, action=Action.PROMO_CODE_ENDED, subject=promo, at=at, reason=reason)
    return promo


@transaction.atomic
def count_try(*, actor: Actor, at: datetime) -> None:
    """Count that somebody tries a code. Raises TooManyTries after ``TRIES`` within the hour.

    Edges call it before ``redeem`` and outside its transaction: what is refused there must not undo the count.
    """
    with connection.cursor() as cursor:  # several at once would each see the others' tries only afterwards
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"promo-try:{actor.user_id}"])
    mine = PromoTry.objects.filter(user_id=actor.user_id)
    mine.filter(at__lte=at - TRIES_WITHIN).delete()
    tried = list(mine.order_by("at").values_list("at", flat=True))
    if len(tried) >= TRIES:
        wait = int((tried[0] + TRIES_WITHIN - at).total_seconds()) + 1
        raise TooManyTries(
            _("You tried %(count)d codes within an hour: check the spelling and try again in %(minutes)d minutes.")
            % {"count": TRIES, "minutes": -(-wait // 60)},
            retry_after=wait,
        )
    PromoTry.objects.create(user_id=actor.user_id, organisation_id=actor.organisation_id or 0, at=at)


@transaction.atomic
def redeem(*, actor: Actor, code: str, at: datetime) -> PromoRedemption:
    """Turn a code into a lot of the actor's organisation, spendable at once.

    Raises PromoCodeNotValid alike for an unknown, pending, ended, expired or used-up code, PromoCodeRedeemed the
    second time.
    """
    promo = PromoCode.objects.filter(code=normalised(code)).first()
    if promo is None or actor.organisation_id is None:
        raise _not_valid()
    # The update locks the code's row: of two at once the second waits, and then sees what the first has done.
    claimed = PromoCode.objects.redeemable_at(at).filter(pk=promo.pk).update(redeemed=F("redeemed") + 1)
    if PromoRedemption.objects.visible_to(actor).filter(promo=promo).exists():
        raise PromoCodeRedeemed(_("Your organisation has redeemed this code already."), field="code")
    if not claimed:
        raise _not_valid()
    lot = issue_lot(
        actor=actor,
        organisation_id=actor.organisation_id,
        amount=promo.amount,
        label=promo.name,
        origin=Origin.PROMO,
        key=f"promo:{promo.pk}:{actor.organisation_id}",
        at=at,
        reason=f"Promo code {promo.public_id}",
        expires_at=at + timedelta(days=promo.lot_days),
        sku_codes=promo.sku_codes,
        site_codes=promo.site_codes,
        programme_codes=promo.programme_codes,
        min_level=promo.min_level,
    )
    redemption = PromoRedemption.objects.create(
        promo=promo, organisation_id=actor.organisation_id, lot=lot, user_id=actor.user_id, at=at
    )
    audit.record(
        actor=actor,
        action=Action.PROMO_CODE_REDEEMED,
        subject=promo,
        organisation_id=actor.organisation_id,
        at=at,
        changes={"lot": lot.public_id, "amount": decimal_string(promo.amount)},
    )
    return redemption


def _not_valid() -> PromoCodeNotValid:
    return PromoCodeNotValid(
        _("There is no such code, or it can be redeemed no more: check the spelling, or ask who gave it to you."),
        field="code",
    )


def _check(wish: PromoWish, at: datetime) -> None:
    if not _CODE.fullmatch(normalised(wish.code)):
        raise Rejected(_("Use 6 to 40 letters, digits and hyphens."), field="code")
    if wish.amount <= 0:
        raise InvalidAmount(_("The amount must be above zero."), field="amount")
    if wish.max_redemptions <= 0:
        raise Rejected(_("At least one organisation must be able to redeem it."), field="max_redemptions")
    if not 1 <= wish.lot_days <= MAX_LOT_DAYS:
        raise Rejected(_("Give between 1 and %(most)d days to spend it.") % {"most": MAX_LOT_DAYS}, field="lot_days")
    require_near(at=at, starts_at=wish.starts_at, ends_at=wish.ends_at)
    if wish.ends_at <= wish.starts_at or wish.ends_at <= at:
        raise Rejected(_("A code ends after it begins, and in the future."), field="ends_at")
    _require_reason(wish.reason)
    require_skus(wish.only.sku_codes)
    require_sites(wish.only.site_codes)
    require_programmes(wish.only.programme_codes)
    require_level(wish.only.min_level)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Rejected(_("Write why: it goes on the record."), field="reason")


def _locked(public_id: str, state: PromoState, missing: str) -> PromoCode:
    promo: PromoCode | None = (
        PromoCode.objects.select_for_update(no_key=True).filter(public_id=public_id, state=state).first()
    )
    if promo is None:
        raise NotFound(missing)
    return promo


def _decide(promo: PromoCode, state: PromoState, actor: Actor, at: datetime) -> None:
    second = actor.user_id if actor.user_id != promo.requested_by_id else None
    promo.state, promo.decided_by_id, promo.decided_by, promo.decided_at = state, second, actor.label, at
    promo.save(update_fields=["state", "decided_by_id", "decided_by", "decided_at"])
