# SPDX-License-Identifier: Apache-2.0
"""Purchases for tests: bought, paid, spent, and what the books say of them."""

from typing import Any

from django.db.models import Sum

from aion.actor import Actor, Scope, Via
from aion.tenancy.models import LegalIdentity
from billing.models import LedgerAccount, Transfer
from billing.purchases.models import Dispute, Payment, Refund
from billing.purchases.services import inbox
from billing.purchases.services.checkout import Return, start_payment
from billing.purchases.states import DisputeState, Method, PaymentState
from billing.services.ledger import platform_account, post_transfer
from billing.states import AccountKind, Origin, TransferKind
from tests.purchases.twin import Twin
from tests.worlds import MICRO, NOW, Tenant, make_user

BACK = Return("https://aion.example/o/mine/payments/{payment}/", "https://aion.example/o/mine/credits/add/")
MICRO_PER_CENT = 10_000


def with_identity(tenant: Tenant, **fields: Any) -> LegalIdentity:
    """Give a tenant the details that stand on an invoice."""
    wanted = {
        "legal_name": "Mine SAS",
        "country_id": "FR",
        "registration_scheme": "siren",
        "registration_number": "552100554",
        "vat_number": "FR03552100554",
        "size": "small",
        "address": "1 rue de la Paix, 75002 Paris",
        "updated_at": NOW,
    }
    return LegalIdentity.objects.create(organisation=tenant.organisation, **{**wanted, **fields})


def staff() -> Actor:
    """Return a new member of staff."""
    user = make_user(is_staff=True)
    return Actor(user.pk, None, "staff", frozenset(Scope), Via.ADMIN, user.email)


def buy(tenant: Tenant, credits_: int = 100, method: Method = Method.CARD, **fields: Any) -> Payment:
    """Return an open payment."""
    return start_payment(actor=tenant.actor(), credits_=credits_, method=method, returns=BACK, at=NOW, **fields)


def intent_of(twin: Twin, payment: Payment) -> str:
    """Return the payment's intent at the processor."""
    return twin.sessions[payment.session_id or ""]


def bought(tenant: Tenant, twin: Twin, credits_: int = 100) -> Payment:
    """Return a payment that has arrived."""
    payment = buy(tenant, credits_)
    twin.pay(intent_of(twin, payment), payment.gross_cents)
    deliver(twin)
    payment.refresh_from_db()
    return payment


def deliver(twin: Twin, *, at: Any = NOW) -> None:
    """Deliver every event that was not delivered, and look at all of them."""
    for event in twin.log:
        inbox.receive(body=event.id.encode(), signature="good", at=at)
    inbox.process_due(at=at)


def spend(payment: Payment, credits_: int) -> None:
    """Use some of a payment's credit."""
    lot = LedgerAccount.objects.get(pk=payment.lot_id or 0)
    post_transfer(
        debit=lot,
        credit=platform_account(AccountKind.CLEARING, at=NOW),
        amount=credits_ * MICRO,
        kind=TransferKind.SETTLEMENT,
        organisation_id=payment.organisation_id,
        key=f"spent:{payment.public_id}:{lot.debits}",
        description="spent",
        at=NOW,
    )


def credited(tenant: Tenant) -> int:
    """Return the net micro-credits that purchases have put into the tenant's books, by the ledger alone."""
    rows = Transfer.objects.filter(organisation=tenant.organisation).exclude(kind=TransferKind.GRANT)
    given = rows.filter(debit_account__kind=AccountKind.FUNDING).aggregate(total=Sum("amount", default=0))["total"]
    taken = rows.filter(credit_account__kind=AccountKind.FUNDING).aggregate(total=Sum("amount", default=0))["total"]
    return int(given - taken)


def deserved(tenant: Tenant, twin: Twin) -> int:
    """Return what the processor's truth alone entitles the tenant to: captured − refunded − lost, net micro-credits."""
    total = 0
    for payment in Payment.objects.filter(organisation=tenant.organisation):
        seen = twin.payments.get(payment.intent_id or twin.sessions.get(payment.session_id or "", ""))
        if seen is None or seen.state != "paid" or seen.captured_cents != payment.gross_cents:
            continue
        total += payment.net_cents
        gone = {one.id for one in seen.refunds if one.state != "failed"}
        gone |= {one.id for one in seen.disputes if one.state == DisputeState.LOST}
        rows = [*Refund.objects.filter(processor_id__in=gone), *Dispute.objects.filter(processor_id__in=gone)]
        assert len(rows) == len(gone)
        total -= sum(row.net_cents for row in rows)
    return total * MICRO_PER_CENT


def bought_lots(tenant: Tenant) -> list[tuple[int, int]]:
    """Return (credits, available) in whole credits of each bought lot, oldest first."""
    rows = LedgerAccount.objects.lots().filter(organisation=tenant.organisation, origin=Origin.PURCHASE)
    return [(lot.credits // MICRO, lot.available // MICRO) for lot in rows.order_by("pk") if "Purchase" in lot.label]


def states() -> list[str]:
    """Return the states of all payments, oldest first."""
    return [PaymentState(one).value for one in Payment.objects.order_by("pk").values_list("state", flat=True)]
