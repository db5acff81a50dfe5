# SPDX-License-Identifier: Apache-2.0
"""Approving settlements with four eyes: the second person's word moves what was charged to those who earned it."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from aion import ids
from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound
from billing.models import LedgerAccount
from billing.services.ledger import platform_account, post_transfer
from billing.services.requests import require_second
from billing.settlement.audit import Action
from billing.settlement.errors import NotInTurn
from billing.settlement.models import SettlementStatement
from billing.settlement.services.agreements import require_person, require_reason
from billing.settlement.services.settling import lock_operator, settle_for, sites_by_operator, tell
from billing.settlement.states import SettlementState
from billing.states import AccountKind, TransferKind


@transaction.atomic
def approve_settlement(*, actor: Actor, public_id: str, at: datetime) -> SettlementStatement:
    """Check a draft as the first person, or approve as the second and post the ledger's entries.

    Raises NotFound when none waits, FourEyesNeeded for who prepared or checked it, NotInTurn before an earlier month.
    """
    statement = _locked(public_id)
    earlier = SettlementStatement.objects.waiting().filter(
        organisation_id=statement.organisation_id, month__lt=statement.month
    )
    if earlier.exists():
        raise NotInTurn(gettext("An earlier month of this operator waits for approval."))
    person = require_person(actor)
    if statement.state == SettlementState.DRAFT:
        statement.state = SettlementState.CHECKED
        statement.first_by_id, statement.first_by, statement.first_at = person, actor.label, at
        statement.save(update_fields=["state", "first_by_id", "first_by", "first_at"])
        _record(actor, Action.SETTLEMENT_CHECKED, statement, at)
        return statement
    require_second(
        actor,
        statement.first_by_id,
        gettext("You prepared or checked this settlement: another member of staff must approve it."),
    )
    statement.state = SettlementState.APPROVED
    statement.decided_by_id, statement.decided_by, statement.decided_at = person, actor.label, at
    statement.save(update_fields=["state", "decided_by_id", "decided_by", "decided_at"])
    _post(statement, at)
    _record(actor, Action.SETTLEMENT_APPROVED, statement, at, share=statement.share, commission=statement.commission)
    tell(statement, "settlement.approved", key=f"settlement.approved:{statement.pk}", at=at)
    return statement


@transaction.atomic
def reject_settlement(*, actor: Actor, public_id: str, reason: str, at: datetime) -> list[SettlementStatement]:
    """Reject what waits, and compute it anew as drafts: this month and the later ones that were built on it.

    Raises NotFound when none waits, Rejected without a reason.
    """
    require_reason(reason)
    person = require_person(actor)
    statement = _locked(public_id)
    built_on = list(
        SettlementStatement.objects.waiting()
        .filter(organisation_id=statement.organisation_id, month__gte=statement.month)
        .order_by("month")
    )
    for one in built_on:
        one.state, one.reason = SettlementState.REJECTED, reason
        one.decided_by_id, one.decided_by, one.decided_at = person, actor.label, at
        one.save(update_fields=["state", "reason", "decided_by_id", "decided_by", "decided_at"])
        _record(actor, Action.SETTLEMENT_REJECTED, one, at, reason)
    sites = sites_by_operator().get(statement.organisation_id, [])
    # Who rejected has not prepared the new draft: it waits for two people, whoever they are.
    nobody = Actor(None, None, "system", frozenset(), actor.via, actor.label)
    anew = [
        settle_for(
            actor=nobody, organisation_id=one.organisation_id, month=one.month, sites=sites,
            revision=one.revision + 1, at=at,
        )
        for one in built_on
    ]  # fmt: skip
    return [one for one in anew if one is not None]


def payable_account(organisation_id: int, *, at: datetime) -> LedgerAccount:
    """Return the account of what an operator has earned, made on first use."""
    account, _ = LedgerAccount.objects.get_or_create(
        kind=AccountKind.PAYABLE,
        organisation_id=organisation_id,
        defaults={"label": "Payable", "created_at": at, "public_id": ids.account_id()},
    )
    return account


def _post(statement: SettlementStatement, at: datetime) -> None:
    clearing = platform_account(AccountKind.CLEARING, at=at)
    sides = (
        ("share", statement.share, payable_account(statement.organisation_id, at=at)),
        ("commission", statement.commission, platform_account(AccountKind.COMMISSION, at=at)),
    )
    for name, amount, earner in sides:
        if amount == 0:
            continue
        # Corrections can outweigh a month's usage: then the entry runs the other way.
        debit, credit = (clearing, earner) if amount > 0 else (earner, clearing)
        post_transfer(
            debit=debit,
            credit=credit,
            amount=abs(amount),
            kind=TransferKind.SETTLEMENT,
            organisation_id=statement.organisation_id,
            key=f"settlement:{statement.pk}:{name}",
            description=f"Settlement {statement.month:%Y-%m}: {name} ({statement.public_id})",
            at=at,
        )


def _locked(public_id: str) -> SettlementStatement:
    owner = SettlementStatement.objects.waiting().filter(public_id=public_id).values_list("organisation_id", flat=True)
    organisation_id = owner.first()
    if organisation_id is not None:
        lock_operator(organisation_id)
    found: SettlementStatement | None = (
        SettlementStatement.objects.waiting()
        .select_related("organisation")
        .select_for_update(of=("self",))
        .filter(public_id=public_id)
        .first()
    )
    if found is None:
        raise NotFound(gettext("No such settlement waits for a decision."))
    return found


def _record(
    actor: Actor, action: Action, statement: SettlementStatement, at: datetime, reason: str = "", **changes: int
) -> None:
    audit.record(
        actor=actor, action=action, subject=statement, organisation_id=statement.organisation_id, at=at,
        reason=reason, changes=changes,
    )  # fmt: skip
