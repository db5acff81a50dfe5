# SPDX-License-Identifier: Apache-2.0
"""Granting credits, asked of the service itself: what it refuses, who decides, and what then stands in the books."""

from datetime import timedelta
from typing import Any

import pytest

from aion.actor import Actor, Scope, Via
from aion.audit.models import AuditEvent
from aion.errors import NotFound, Rejected
from aion.periods import next_midnight
from billing.audit import Action
from billing.errors import FourEyesNeeded, InvalidAmount, LotNotProlonged
from billing.models import CreditRequest, LedgerAccount, Transfer
from billing.services.credits import (
    Restriction,
    approve_grant,
    issue_decided,
    issue_lot,
    prolong_lot,
    reject_grant,
    request_grant,
)
from billing.states import Origin, RequestState, TransferKind
from tests.billing.books import drift, staff
from tests.worlds import MICRO, NOW, Market, Tenant, make_lot

MACHINE = Actor(None, None, "machine", frozenset(Scope), Via.ADMIN, "cron")
SOON = NOW + timedelta(days=10)


def grant(mine: Tenant, **changed: Any) -> CreditRequest:
    """Ask for a grant of five credits, otherwise than that in what is ``changed``."""
    asked: dict[str, Any] = {
        "actor": staff(), "organisation_id": mine.organisation.pk, "amount": 5 * MICRO, "label": "RAISE",
        "reason": "award", "expires_at": SOON, "at": NOW,
    }  # fmt: skip
    return request_grant(**{**asked, **changed})


def decided(mine: Tenant, **changed: Any) -> LedgerAccount:
    """Issue a grant of five credits that two people have decided elsewhere."""
    asked: dict[str, Any] = {
        "actor": staff(), "asked_by_id": staff().user_id, "asked_by": "ada@aion.example", "asked_at": NOW,
        "organisation_id": mine.organisation.pk, "amount": 5 * MICRO, "label": "RAISE", "reason": "award",
        "expires_at": SOON, "only": Restriction(), "key": "award:1", "at": NOW,
    }  # fmt: skip
    return issue_decided(**{**asked, **changed})


REFUSED = [
    ({"amount": 0}, InvalidAmount, "amount"),
    ({"amount": -1}, InvalidAmount, "amount"),
    ({"only": Restriction(sku_codes=("no-such",))}, Rejected, "sku_codes"),
    ({"only": Restriction(site_codes=("no-such",))}, Rejected, "site_codes"),
    ({"only": Restriction(programme_codes=("no-such",))}, Rejected, "programme_codes"),
    ({"only": Restriction(min_level=99)}, Rejected, "min_level"),
    ({"expires_at": NOW}, Rejected, "expires_at"),
]
OF_REQUESTS = [
    ({"reason": " \n"}, Rejected, "reason"),
    ({"expires_at": SOON, "starts_at": SOON}, Rejected, "expires_at"),
    ({"starts_at": NOW - timedelta(days=36500)}, Rejected, "starts_at"),
]


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize(("changed", "error", "field"), [*REFUSED, *OF_REQUESTS])
def test_a_grant_that_could_not_be_is_refused_when_it_is_asked_for_though_a_second_person_would_decide(
    mine: Tenant, settings: Any, changed: dict[str, Any], error: type[Rejected], field: str, more: int
) -> None:
    before = Transfer.objects.count()
    with pytest.raises(error) as refused:
        grant(mine, **{"amount": settings.FOUR_EYES_LIMIT_MICROCREDITS + more, **changed})
    assert refused.value.field == field
    assert (CreditRequest.objects.count(), Transfer.objects.count()) == (0, before)


@pytest.mark.parametrize(("changed", "error", "field"), REFUSED)
def test_what_was_decided_elsewhere_is_refused_for_the_same_reasons(
    mine: Tenant, changed: dict[str, Any], error: type[Rejected], field: str
) -> None:
    with pytest.raises(error) as refused:
        decided(mine, **changed)
    assert refused.value.field == field
    assert "expires_at" not in changed or "must lie in the future" in refused.value.detail
    assert CreditRequest.objects.count() == 0


def test_the_least_credit_that_is_granted_is_one_micro_credit(mine: Tenant) -> None:
    one = grant(mine, amount=1).lot
    assert one is not None
    assert [lot.credits for lot in (one, decided(mine, amount=1))] == [1, 1]


def test_no_machine_grants_credits(mine: Tenant) -> None:
    with pytest.raises(Rejected, match="Only a person"):
        grant(mine, actor=MACHINE)
    with pytest.raises(FourEyesNeeded):
        decided(mine, actor=MACHINE)


def test_the_limit_itself_needs_one_person_and_a_micro_credit_more_needs_two(mine: Tenant, settings: Any) -> None:
    limit = settings.FOUR_EYES_LIMIT_MICROCREDITS
    first, second = staff(), staff()
    assert grant(mine, actor=first, amount=limit).state == RequestState.APPROVED
    waiting = grant(mine, actor=first, amount=limit + 1)
    assert (waiting.state, waiting.lot) == (RequestState.PENDING, None)
    with pytest.raises(FourEyesNeeded):
        approve_grant(actor=first, public_id=waiting.public_id, at=NOW)
    approved = approve_grant(actor=second, public_id=waiting.public_id, at=NOW + timedelta(hours=1))
    assert approved.lot is not None
    kept = CreditRequest.objects.get(pk=waiting.pk)
    assert (kept.state, kept.decided_by, kept.decided_at, kept.lot_id) == (
        RequestState.APPROVED, second.label, NOW + timedelta(hours=1), approved.lot.pk,
    )  # fmt: skip
    with pytest.raises(NotFound):
        approve_grant(actor=second, public_id=waiting.public_id, at=NOW)
    assert drift() == []


def test_a_rejected_grant_says_by_whom_and_why_and_is_never_issued(mine: Tenant, settings: Any) -> None:
    waiting = grant(mine, amount=settings.FOUR_EYES_LIMIT_MICROCREDITS + 1)
    second = staff()
    reject_grant(actor=second, public_id=waiting.public_id, reason="no call was open", at=NOW)
    kept = CreditRequest.objects.get(pk=waiting.pk)
    assert (kept.state, kept.decided_by, kept.decided_at, kept.lot) == (
        RequestState.REJECTED, second.label, NOW, None,
    )  # fmt: skip
    assert AuditEvent.objects.get(action=Action.GRANT_REJECTED).reason == "no call was open"
    with pytest.raises(NotFound):
        approve_grant(actor=staff(), public_id=waiting.public_id, at=NOW)


def test_a_lot_is_what_was_asked_for_and_says_so_in_books_and_audit_log(
    mine: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.programmes.READERS", [lambda: {"raise": "RAISE the Stakes"}])
    only = Restriction((market.sku.code,), (market.site.code,), ("raise",), 2)
    request = grant(mine, starts_at=NOW + timedelta(days=1), only=only)
    lot = request.lot
    assert lot is not None
    assert (lot.credits, lot.debits, lot.label, lot.origin) == (5 * MICRO, 0, "RAISE", Origin.GRANT)
    assert (lot.sku_codes, lot.site_codes, lot.programme_codes, lot.min_level, lot.restricted) == (
        [market.sku.code], [market.site.code], ["raise"], 2, True,
    )  # fmt: skip
    assert (lot.starts_at, lot.expires_at) == (NOW + timedelta(days=1), next_midnight(SOON))
    posted = lot.credit_transfers.get()
    assert (posted.kind, posted.description, posted.effective_at) == (TransferKind.GRANT, "RAISE", NOW)
    asked = AuditEvent.objects.get(action=Action.GRANT_REQUESTED)
    assert asked.changes == {
        "amount": "5.000000", "sku_codes": [market.sku.code], "site_codes": [market.site.code],
        "programme_codes": ["raise"], "min_level": 2,
    }  # fmt: skip


def test_a_grant_that_waited_beyond_its_start_begins_when_it_is_approved(mine: Tenant, settings: Any) -> None:
    amount = settings.FOUR_EYES_LIMIT_MICROCREDITS + 1
    later = NOW + timedelta(days=3)
    late = grant(mine, amount=amount, starts_at=NOW + timedelta(days=1))
    early = grant(mine, amount=amount, starts_at=NOW + timedelta(days=5))
    started = [approve_grant(actor=staff(), public_id=one.public_id, at=later).lot for one in (late, early)]
    assert [lot.starts_at for lot in started if lot] == [later, NOW + timedelta(days=5)]


def test_a_key_issues_one_lot_and_never_another_amount_or_owner(mine: Tenant, theirs: Tenant) -> None:
    def issue(tenant: Tenant, amount: int) -> LedgerAccount:
        return issue_lot(
            actor=staff(), organisation_id=tenant.organisation.pk, amount=amount, label="L", origin=Origin.PURCHASE,
            key="k", at=NOW,
        )  # fmt: skip

    first = issue(mine, 1)
    assert issue(mine, 1) == first
    assert first.credit_transfers.get().kind == TransferKind.PURCHASE
    for tenant, amount in ((mine, 2), (theirs, 1)):
        with pytest.raises(Rejected) as refused:
            issue(tenant, amount)
        assert refused.value.field == "key"


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"amount": 0}, "amount"), ({"expires_at": NOW}, "expires_at"), ({"min_level": 99}, "min_level")],
)
def test_a_lot_that_could_not_be_spent_is_not_issued(mine: Tenant, changed: dict[str, Any], field: str) -> None:
    asked: dict[str, Any] = {
        "actor": staff(), "organisation_id": mine.organisation.pk, "amount": 1, "label": "L", "origin": Origin.GRANT,
        "key": "k", "at": NOW,
    }  # fmt: skip
    with pytest.raises((InvalidAmount, Rejected)) as refused:
        issue_lot(**{**asked, **changed})
    assert refused.value.field == field


def test_a_decision_issues_once_whatever_its_amount_and_names_its_two_people(mine: Tenant, settings: Any) -> None:
    proposer, approver = staff(), staff()
    with pytest.raises(FourEyesNeeded):
        decided(mine, actor=proposer, asked_by_id=proposer.user_id)
    amount = settings.FOUR_EYES_LIMIT_MICROCREDITS + 1
    terms = {"actor": approver, "asked_by_id": proposer.user_id, "amount": amount, "only": Restriction(min_level=2)}
    lot = decided(mine, **terms)
    assert (lot.available, lot.min_level) == (amount, 2)
    request = CreditRequest.objects.get(lot=lot)
    assert (request.requested_by, request.requested_by_id, request.requested_at, request.decided_by) == (
        "ada@aion.example", proposer.user_id, NOW, approver.label,
    )  # fmt: skip
    assert decided(mine, **terms) == lot
    assert Transfer.objects.filter(credit_account=lot).count() == 1


def test_a_running_lot_may_end_later_at_the_end_of_a_day_and_keeps_its_amount(mine: Tenant) -> None:
    lot = make_lot(mine.organisation, 3, expires_at=SOON)
    later = prolong_lot(actor=staff(), lot_id=lot.pk, expires_at=SOON + timedelta(days=2), reason="late start", at=NOW)
    kept = LedgerAccount.objects.get(pk=lot.pk)
    assert kept.expires_at == later.expires_at
    assert kept.expires_at is not None
    assert kept.expires_at >= SOON + timedelta(days=2)
    assert (kept.expires_at.hour, kept.expires_at.minute, kept.credits) == (0, 0, 3 * MICRO)
    assert AuditEvent.objects.get(action=Action.LOT_PROLONGED).reason == "late start"


def test_no_lot_ends_later_without_a_reason_after_its_end_or_not_later_at_all(mine: Tenant) -> None:
    lot, endless = make_lot(mine.organisation, 3, expires_at=SOON), make_lot(mine.organisation, 3)

    def prolong(pk: int, error: type[Exception], **changed: Any) -> None:
        asked: dict[str, Any] = {"expires_at": SOON + timedelta(days=9), "reason": "r", "at": NOW}
        with pytest.raises(error):
            prolong_lot(actor=staff(), lot_id=pk, **{**asked, **changed})

    ends = LedgerAccount.objects.get(pk=lot.pk).expires_at
    assert ends is not None
    prolong(lot.pk, Rejected, reason="  ")
    prolong(0, NotFound)
    prolong(endless.pk, LotNotProlonged)
    prolong(lot.pk, LotNotProlonged, at=ends)
    prolong(lot.pk, LotNotProlonged, expires_at=ends - timedelta(seconds=1))
    assert LedgerAccount.objects.get(pk=lot.pk).expires_at == ends
