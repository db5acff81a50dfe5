# SPDX-License-Identifier: Apache-2.0
"""Recording that an operator was paid: one person enters the bank's reference, another confirms it."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Rejected
from aion.money import decimal_string
from billing.services.ledger import platform_account, post_transfer
from billing.services.requests import lock_pending, require_second
from billing.settlement.audit import Action
from billing.settlement.errors import PayoutNotPossible
from billing.settlement.models import Payout, SettlementStatement
from billing.settlement.services.agreements import require_person, require_reason
from billing.settlement.services.approvals import payable_account
from billing.settlement.services.settling import lock_operator, tell
from billing.settlement.states import SettlementState
from billing.states import AccountKind, RequestState, TransferKind


@transaction.atomic
def record_payout(*, actor: Actor, organisation_id: int, bank_reference: str, at: datetime) -> Payout:
    """Record a bank transfer that pays all approved settlements of an operator that no payout names yet.

    Raises Rejected without a reference, PayoutNotPossible when nothing is owed, when one waits already, or when the
    reference was recorded before.
    """
    person = require_person(actor)
    reference = " ".join(bank_reference.split())
    if not reference:
        raise Rejected(gettext("Write the bank's reference of the transfer."), field="bank_reference")
    lock_operator(organisation_id)
    owed = SettlementStatement.objects.payable().filter(organisation_id=organisation_id)
    amount = int(owed.aggregate(total=Sum("share", default=0))["total"])
    if amount <= 0:
        raise PayoutNotPossible(gettext("Nothing is owed to this operator."))
    try:
        with transaction.atomic():
            payout = Payout.objects.create(
                organisation_id=organisation_id,
                amount=amount,
                bank_reference=reference,
                requested_by_id=person,
                requested_by=actor.label,
                requested_at=at,
            )
    except IntegrityError as error:
        raise PayoutNotPossible(
            gettext("This reference was recorded before, or another payout of this operator waits."),
            field="bank_reference",
        ) from error
    owed.update(payout=payout)
    changes = {"amount": decimal_string(amount), "bank_reference": reference}
    audit.record(
        actor=actor, action=Action.PAYOUT_RECORDED, subject=payout, organisation_id=organisation_id, at=at,
        changes=changes,
    )  # fmt: skip
    return payout


@transaction.atomic
def confirm_payout(*, actor: Actor, public_id: str, at: datetime) -> Payout:
    """Confirm as the second person: what was owed leaves the ledger, and its settlements are paid.

    Raises NotFound when none waits, FourEyesNeeded for who recorded it.
    """
    payout = _locked(public_id)
    require_second(
        actor, payout.requested_by_id, gettext("You recorded this payout: another member of staff must confirm it.")
    )
    _decide(payout, RequestState.APPROVED, actor, at)
    post_transfer(
        debit=payable_account(payout.organisation_id, at=at),
        credit=platform_account(AccountKind.FUNDING, at=at),
        amount=payout.amount,
        kind=TransferKind.PAYOUT,
        organisation_id=payout.organisation_id,
        key=f"payout:{payout.pk}",
        description=f"Payout {payout.bank_reference} ({payout.public_id})",
        at=at,
    )
    paid = list(payout.statements.order_by("month"))
    payout.statements.update(state=SettlementState.PAID)
    audit.record(
        actor=actor, action=Action.PAYOUT_CONFIRMED, subject=payout, organisation_id=payout.organisation_id, at=at
    )
    for statement in paid:
        tell(
            statement, "settlement.paid", key=f"settlement.paid:{statement.pk}", at=at,
            bank_reference=payout.bank_reference, amount_microcredits=payout.amount,
        )  # fmt: skip
    return payout


@transaction.atomic
def reject_payout(*, actor: Actor, public_id: str, reason: str, at: datetime) -> Payout:
    """Take back a payout that was recorded wrongly; its settlements are owed as before. Raises NotFound, Rejected."""
    require_reason(reason)
    payout = _locked(public_id)
    payout.statements.update(payout=None)
    payout.reason = reason
    payout.save(update_fields=["reason"])
    _decide(payout, RequestState.REJECTED, actor, at)
    audit.record(
        actor=actor, action=Action.PAYOUT_REJECTED, subject=payout, organisation_id=payout.organisation_id, at=at,
        reason=reason,
    )  # fmt: skip
    return payout


def _locked(public_id: str) -> Payout:
    found: Payout = lock_pending(
        Payout.objects.select_related("organisation").filter(public_id=public_id),
        missing=gettext("No such payout waits for a decision."),
    )
    return found


def _decide(payout: Payout, state: RequestState, actor: Actor, at: datetime) -> None:
    payout.state = state
    payout.decided_by_id, payout.decided_by, payout.decided_at = actor.user_id, actor.label, at
    payout.save(update_fields=["state", "decided_by_id", "decided_by", "decided_at"])
