# SPDX-License-Identifier: Apache-2.0
"""Buying credit by itself when the balance runs low, within a cap a month that always holds."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext

from aion import figures
from aion.actor import Actor, system
from aion.audit import services as audit
from aion.events.services.emission import emit
from aion.money import MICRO_PER_CENT
from aion.periods import month_instant
from aion.tenancy.models import Organisation, OrganisationState
from billing.invoicing.errors import NoLegalIdentity, NoVatRule
from billing.invoicing.services.vat import quote_vat
from billing.purchases.audit import Action
from billing.purchases.errors import RechargeNotPossible
from billing.purchases.models import AutoRecharge, Payment, ProcessorCustomer
from billing.purchases.payments.connect import gateway
from billing.purchases.payments.gateway import GatewayDown, GatewayRefused, SavedMethod
from billing.purchases.services.checkout import CENTS, DESCRIPTION, answered, record_payment, require_buyer
from billing.purchases.services.syncing import apply
from billing.purchases.states import PaymentKind, PaymentState
from billing.queries import balance

log = structlog.get_logger(__name__)
MOST_FAILURES = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """Below ``below_microcredits`` buy ``credits_`` whole credits, at most ``monthly_credits`` a calendar month."""

    below_microcredits: int
    credits_: int
    monthly_credits: int
    method: str


def saved_methods(*, organisation_id: int) -> list[SavedMethod]:
    """Return the methods that may be charged again. Raises ProcessorUnavailable."""
    customer = ProcessorCustomer.objects.filter(organisation_id=organisation_id).first()
    if customer is None:
        return []
    with answered():
        return list(gateway().methods(customer=customer.processor_id))


@transaction.atomic
def set_recharge(*, actor: Actor, wish: Wish, at: datetime) -> AutoRecharge:
    """Switch the automatic recharge on, or change it. Raises RechargeNotPossible, PurchaseNotPossible."""
    organisation = Organisation.objects.get(pk=actor.organisation_id or 0)
    require_buyer(organisation)
    least, most = settings.PURCHASE_MIN_CREDITS, settings.PURCHASE_MAX_CREDITS
    if not least <= wish.credits_ <= most:
        raise RechargeNotPossible(
            gettext("Choose between %(least)s and %(most)s credits.")
            % {"least": figures.number(least), "most": figures.number(most)},
            field="credits",
        )
    if wish.monthly_credits < wish.credits_:
        raise RechargeNotPossible(gettext("The most a month must be at least one recharge."), field="monthly_credits")
    if wish.below_microcredits < 0:
        raise RechargeNotPossible(gettext("The balance cannot fall below nothing."), field="below")
    method = next((one for one in saved_methods(organisation_id=organisation.pk) if one.id == wish.method), None)
    if method is None:
        raise RechargeNotPossible(
            gettext("Choose a saved method; one is saved when you pay for credit the first time."), field="method"
        )
    row, _ = AutoRecharge.objects.update_or_create(
        organisation=organisation,
        defaults={
            "enabled": True,
            "below_microcredits": wish.below_microcredits,
            "net_cents": wish.credits_ * CENTS,
            "monthly_cap_cents": wish.monthly_credits * CENTS,
            "saved_method": method.id,
            "method_label": method.label,
            "failures": 0,
            "stopped_reason": "",
            "set_by": actor.label,
            "set_at": at,
        },
    )
    changes = {"credits": wish.credits_, "monthly_credits": wish.monthly_credits, "method": method.label}
    audit.record(actor=actor, action=Action.RECHARGE_SET, subject=row, at=at, changes=changes)
    return row


@transaction.atomic
def stop_recharge(*, actor: Actor, organisation_id: int, at: datetime, reason: str = "") -> None:
    """Switch it off; a payment that has begun goes on."""
    row = AutoRecharge.objects.filter(organisation_id=organisation_id, enabled=True).first()
    if row is None:
        return
    AutoRecharge.objects.filter(pk=row.pk).update(enabled=False, stopped_reason=reason[:200])
    audit.record(actor=actor, action=Action.RECHARGE_STOPPED, subject=row, at=at, reason=reason)


def recharge_low(*, at: datetime) -> int:
    """Buy for every organisation whose balance is low; return how many payments were begun."""
    begun = 0
    for organisation_id in list(
        AutoRecharge.objects.filter(enabled=True).order_by("pk").values_list("organisation_id", flat=True)
    ):
        payment = _begin(organisation_id, at=at)
        if payment is not None:
            begun += 1
            _charge(payment, at=at)
    for payment in Payment.objects.filter(kind=PaymentKind.RECHARGE, state=PaymentState.CREATED, intent_id=None):
        _charge(payment, at=at)  # begun by somebody who died before the answer; the same key charges once
    return begun


@transaction.atomic
def _begin(organisation_id: int, *, at: datetime) -> Payment | None:
    """Write a recharge down where one is due; the row's lock lets only one through."""
    row = (
        AutoRecharge.objects.select_for_update(of=("self",))
        .filter(organisation_id=organisation_id, enabled=True)
        .select_related("organisation")
        .first()
    )
    if row is None or row.organisation.state != OrganisationState.ACTIVE:
        return None
    now = balance(organisation_id, at)
    if now.available - now.owed >= row.below_microcredits:
        return None
    mine = Payment.objects.filter(organisation_id=organisation_id)
    if mine.unsettled().filter(kind=PaymentKind.RECHARGE).exists():
        return None
    month = mine.filter(kind=PaymentKind.RECHARGE, created_at__gte=month_instant(at.date().replace(day=1)))
    spent = month.exclude(state__in=[PaymentState.FAILED, PaymentState.EXPIRED]).aggregate(
        total=Sum("net_cents", default=0)
    )["total"]
    if spent + row.net_cents > row.monthly_cap_cents:
        _tell(row, "recharge.capped", key=f"recharge.capped:{at:%Y-%m}", at=at)
        return None
    actor = system("auto-recharge", organisation_id=organisation_id)
    try:
        vat = quote_vat(organisation_id=organisation_id, net_cents=row.net_cents, at=at)
    except (NoLegalIdentity, NoVatRule) as error:
        _stop(row, error.detail, at)
        return None
    return record_payment(
        actor=actor,
        organisation=row.organisation,
        kind=PaymentKind.RECHARGE,
        method="card",
        vat=vat,
        at=at,
        saved_method=row.saved_method,
    )


def _charge(payment: Payment, *, at: datetime) -> None:
    customer = ProcessorCustomer.objects.get(organisation_id=payment.organisation_id)
    try:
        seen = gateway().charge_saved(
            customer=customer.processor_id,
            method=payment.saved_method,
            payment=payment.public_id,
            cents=payment.gross_cents,
            description=DESCRIPTION,
            key=payment.public_id,
        )
    except GatewayDown:
        return
    except GatewayRefused as error:
        Payment.objects.filter(pk=payment.pk).move(PaymentState.FAILED, problem=error.code)
        _count_failure(payment, at=at)
        return
    done = apply(payment_id=payment.pk, seen=seen, at=at)
    if done.state == PaymentState.FAILED:
        _count_failure(payment, at=at)
    else:
        AutoRecharge.objects.filter(organisation_id=payment.organisation_id).update(failures=0)


@transaction.atomic
def _count_failure(payment: Payment, *, at: datetime) -> None:
    row = AutoRecharge.objects.select_for_update().filter(organisation_id=payment.organisation_id).first()
    if row is None:
        return
    row.failures += 1
    row.save(update_fields=["failures"])
    if row.failures >= MOST_FAILURES:
        _stop(row, gettext("The saved method was declined three times."), at)


def _stop(row: AutoRecharge, reason: str, at: datetime) -> None:
    stop_recharge(
        actor=system("auto-recharge", organisation_id=row.organisation_id),
        organisation_id=row.organisation_id,
        at=at,
        reason=reason,
    )
    _tell(row, "recharge.stopped", key=f"recharge.stopped:{at.isoformat()}", at=at, reason=reason)


def _tell(row: AutoRecharge, type_: str, *, key: str, at: datetime, reason: str = "") -> None:
    data = {
        "amount_microcredits": row.net_cents * MICRO_PER_CENT,
        "cap_microcredits": row.monthly_cap_cents * MICRO_PER_CENT,
        "method": row.method_label,
        "reason": reason,
    }
    emit(organisation_id=row.organisation_id, type=type_, data=data, key=key, at=at)
