# SPDX-License-Identifier: Apache-2.0
"""Framework agreements: drafted by one member of staff with their maximum and prices, activated by another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.events.services.emission import emit
from aion.figures import plain_euros
from aion.horizon import require_near
from aion.money import MICRO_PER_CENT
from billing.procurement.audit import Action
from billing.procurement.errors import AgreementNotPossible, WrongState
from billing.procurement.models import AgreementLot, AgreementRule, FrameworkAgreement
from billing.procurement.queries.prices import price_snapshot
from billing.procurement.services.checks import (
    require_amount,
    require_person,
    require_reason,
    take_number,
)
from billing.procurement.states import AgreementState, Series
from billing.services.requests import require_second

MOST_LOTS = 50


@dataclass(frozen=True, slots=True)
class LotWish:
    """A part of an agreement, with the most that may be ordered of it."""

    code: str
    title: str
    maximum_cents: int


@dataclass(frozen=True, slots=True)
class AgreementWish:
    """What is agreed; both days included, the maximum net of VAT."""

    title: str
    maximum_cents: int
    starts_on: date
    ends_on: date
    reference: str = ""
    revision_rule: str = ""
    lots: Sequence[LotWish] = ()


@transaction.atomic
def draft_agreement(*, actor: Actor, organisation_id: int, wish: AgreementWish, at: datetime) -> FrameworkAgreement:
    """Write an agreement down with the prices of now. Raises AgreementNotPossible, InvalidAmount, NoPriceInForce."""
    person = require_person(actor)
    _check(wish, at)
    prices, version = price_snapshot(at=at)
    agreement = FrameworkAgreement.objects.create(
        organisation_id=organisation_id,
        number=take_number(Series.AGREEMENT, at=at),
        reference=wish.reference.strip(),
        title=wish.title.strip(),
        maximum_cents=wish.maximum_cents,
        starts_on=wish.starts_on,
        ends_on=wish.ends_on,
        price_list=prices,
        price_version=version,
        revision_rule=wish.revision_rule.strip(),
        drafted_by_id=person,
        drafted_by=actor.label,
        drafted_at=at,
    )
    AgreementLot.objects.bulk_create(
        AgreementLot(
            agreement=agreement,
            organisation_id=organisation_id,
            code=lot.code.strip(),
            title=lot.title.strip(),
            maximum_cents=lot.maximum_cents,
        )
        for lot in wish.lots
    )
    audit.record(
        actor=actor,
        action=Action.AGREEMENT_DRAFTED,
        subject=agreement,
        at=at,
        changes={"maximum_cents": wish.maximum_cents, "ends_on": str(wish.ends_on), "lots": len(wish.lots)},
    )
    return agreement


@transaction.atomic
def activate_agreement(*, actor: Actor, public_id: str, at: datetime) -> FrameworkAgreement:
    """Let a draft take orders, as the second person. Raises NotFound, FourEyesNeeded, WrongState."""
    agreement = _locked(public_id)
    require_second(
        actor, agreement.drafted_by_id, _("You drafted this agreement: another member of staff must activate it.")
    )
    _move(agreement, AgreementState.ACTIVE, decided_by_id=actor.user_id, decided_by=actor.label, decided_at=at)
    audit.record(actor=actor, action=Action.AGREEMENT_ACTIVATED, subject=agreement, at=at)
    emit(
        organisation_id=agreement.organisation_id,
        type="agreement.activated",
        data={
            "agreement": agreement.public_id,
            "number": agreement.number,
            "title": agreement.title,
            "amount_microcredits": agreement.maximum_cents * MICRO_PER_CENT,
            "ends_on": agreement.ends_on,
        },
        key=f"agreement.activated:{agreement.public_id}",
        at=at,
    )
    return agreement


@transaction.atomic
def withdraw_agreement(*, actor: Actor, public_id: str, reason: str, at: datetime) -> FrameworkAgreement:
    """Throw a draft away. Raises NotFound, Rejected without a reason, WrongState."""
    require_reason(reason)
    agreement = _locked(public_id)
    _move(agreement, AgreementState.WITHDRAWN, ended_at=at, reason=reason.strip()[:400])
    audit.record(actor=actor, action=Action.AGREEMENT_WITHDRAWN, subject=agreement, at=at, reason=reason)
    return agreement


@transaction.atomic
def end_agreement(*, actor: Actor, public_id: str, reason: str, at: datetime) -> FrameworkAgreement:
    """Take no more orders before the last day; orders that were placed stay. Raises NotFound, Rejected, WrongState."""
    require_reason(reason)
    agreement = _locked(public_id)
    _move(agreement, AgreementState.ENDED, ended_at=at, reason=reason.strip()[:400])
    audit.record(actor=actor, action=Action.AGREEMENT_ENDED, subject=agreement, at=at, reason=reason)
    return agreement


def _check(wish: AgreementWish, at: datetime) -> None:
    if not wish.title.strip():
        raise Rejected(_("Give the agreement a title."), field="title")
    require_amount(wish.maximum_cents, field="maximum_cents")
    require_near(at=at, starts_on=wish.starts_on, ends_on=wish.ends_on)
    if wish.ends_on < wish.starts_on:
        raise AgreementNotPossible(_("The last day lies before the first."), field="ends_on")
    if wish.ends_on < at.date():
        raise AgreementNotPossible(_("The last day has passed already."), field="ends_on")
    rule: AgreementRule | None = AgreementRule.objects.in_force_on(wish.starts_on).first()
    if rule is None:
        raise AgreementNotPossible(_("No rule on agreements holds on the first day."), field="starts_on")
    if wish.ends_on >= months_later(wish.starts_on, rule.max_months):
        raise AgreementNotPossible(
            _("An agreement runs for %(months)d months at the most (%(source)s).")
            % {"months": rule.max_months, "source": rule.source},
            field="ends_on",
        )
    if len(wish.lots) > MOST_LOTS:
        raise AgreementNotPossible(_("An agreement has at most %(most)d lots.") % {"most": MOST_LOTS}, field="lots")
    codes = [lot.code.strip() for lot in wish.lots]
    if len(set(codes)) != len(codes) or not all(codes):
        raise AgreementNotPossible(_("Each lot needs a code of its own."), field="lots")
    for lot in wish.lots:
        require_amount(lot.maximum_cents, field="lots")
        if lot.maximum_cents > wish.maximum_cents:
            raise AgreementNotPossible(
                _("Lot %(code)s has a higher maximum than the agreement with its %(most)s euros.")
                % {"code": lot.code, "most": plain_euros(wish.maximum_cents)},
                field="lots",
            )


def months_later(day: date, months: int) -> date:
    """Return the same day so many months later; the last of a month that is too short, as PostgreSQL does."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise ValueError(day)


def _locked(public_id: str) -> FrameworkAgreement:
    rows = FrameworkAgreement.objects.select_for_update(no_key=True)
    found: FrameworkAgreement | None = rows.filter(public_id=public_id).first()
    if found is None:
        raise NotFound(_("There is no such agreement."))
    return found


def _move(agreement: FrameworkAgreement, to: AgreementState, **fields: object) -> None:
    if not FrameworkAgreement.objects.filter(pk=agreement.pk).move(to, **fields):
        raise WrongState(_("A draft is activated or withdrawn once; only an active agreement ends."))
    agreement.refresh_from_db()
