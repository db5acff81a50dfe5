# SPDX-License-Identifier: Apache-2.0
"""A document reaches the platform once, its life is written down, and what was collected is told per rate."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from billing.invoicing.errors import DocumentNotPossible, NotRetried
from billing.invoicing.models import Dispatch, Document, LifecycleStatus, LoopbackFlow, StatusReport
from billing.invoicing.platform import Collected, Flow, PlatformRefused, PlatformUnavailable, Status
from billing.invoicing.platform.loopback import LoopbackPlatform
from billing.invoicing.services import issuing, platform
from billing.invoicing.states import DispatchState, FileKind, Lifecycle, Process, is_lifecycle
from tests.invoicing.scenes import AT, CLERK, FRENCH, Lenient, ask_for, issue, make_buyer


class Away(LoopbackPlatform):
    """A platform that takes the document and whose answer is lost, or that is away."""

    def __init__(self, *, loses: bool = False) -> None:
        self.loses = loses

    def send(self, flow: Flow, *, at: datetime) -> str:
        if self.loses:
            super().send(flow, at=at)
        raise PlatformUnavailable("time-out")

    def statuses(self, flow_id: str) -> Sequence[Status]:
        raise PlatformUnavailable("time-out")

    def report(self, flow_id: str, *, code: str, ref: str, amounts: Sequence[Collected], at: datetime) -> None:
        raise PlatformUnavailable("time-out")


class Stranger(LoopbackPlatform):
    """A platform whose directory does not know the buyer."""

    def look_up(self, siren: str) -> str | None:
        return None


@pytest.fixture
def document(db: None) -> Document:
    return issue(ask_for(make_buyer(FRENCH).organisation), Lenient())


def send(at: datetime = AT) -> int:
    return platform.send_due(at=at, platform=LoopbackPlatform())


def read() -> int:
    return platform.read_statuses(at=AT, platform=LoopbackPlatform())


def test_a_document_is_sent_once_to_the_address_of_the_directory(document: Document) -> None:
    assert [send(), send()] == [1, 0]
    row, flow = Dispatch.objects.get(), LoopbackFlow.objects.get()
    assert (row.state, row.address, row.sent_at) == (DispatchState.SENT, "732829320", AT)
    kept = document.files.get(kind=FileKind.UBL)
    assert (flow.number, flow.sha256, flow.key) == (document.number, kept.sha256, row.key)


def test_what_has_not_passed_its_last_check_stays(db: None) -> None:
    draft = ask_for(make_buyer(FRENCH).organisation)
    issued = issuing.number_and_keep(actor=CLERK, document_id=draft.pk, at=AT)
    assert send() == 0
    issuing.recheck(document=issued, at=AT, checks=Lenient())
    assert send() == 1


def test_a_lost_answer_is_asked_for_again_and_the_platform_has_one_document(document: Document) -> None:
    assert platform.send_due(at=AT, platform=Away(loses=True)) == 0
    row = Dispatch.objects.get()
    assert (row.attempts, row.next_attempt_at, row.last_error) == (1, AT + timedelta(minutes=1), "time-out")
    assert [send(), send(AT + timedelta(minutes=1))] == [0, 1]
    assert LoopbackFlow.objects.count() == 1


def test_tries_are_bounded_and_staff_may_begin_again(document: Document) -> None:
    at = AT
    for _ in range(platform.TRIES + 3):
        platform.send_due(at=at, platform=Away())
        at += timedelta(minutes=platform.MOST_MINUTES)
    row = Dispatch.objects.get()
    assert (row.state, row.attempts) == (DispatchState.FAILED, platform.TRIES)
    assert send(at) == 0
    platform.retry_dispatch(actor=CLERK, document_id=document.pk, at=at, reason="it is back")
    assert send(at) == 1
    with pytest.raises(NotRetried):
        platform.retry_dispatch(actor=CLERK, document_id=document.pk, at=at, reason="x")


def test_a_buyer_whom_the_directory_does_not_know_is_for_staff(document: Document) -> None:
    platform.send_due(at=AT, platform=Stranger())
    row = Dispatch.objects.get()
    assert (row.state, row.last_error) == (
        DispatchState.FAILED, "The central directory does not know the buyer's SIREN.",
    )  # fmt: skip


def test_statuses_are_written_once_in_their_order_and_never_change(document: Document) -> None:
    send()
    assert [read(), read()] == [3, 0]
    LoopbackPlatform().tell(document.public_id, Lifecycle.APPROVED, at=AT + timedelta(hours=1))
    LoopbackPlatform().tell(document.public_id, Lifecycle.REFUSED, at=AT + timedelta(hours=2), reason="Wrong amount")
    LoopbackPlatform().tell(document.public_id, "199", at=AT)
    assert read() == 2
    assert [(one.code, one.reason) for one in document.statuses.all()] == [
        ("200", ""), ("201", ""), ("202", ""), ("205", ""), ("210", "Wrong amount"),
    ]  # fmt: skip
    assert read() == 0
    with pytest.raises(IntegrityError), transaction.atomic():
        LifecycleStatus.objects.update(code="213")


@pytest.mark.parametrize(
    ("code", "allowed"),
    [("199", False), ("200", True), ("213", True), ("214", False), ("220", True), ("228", True), ("229", False),
     ("250", True), ("601", True), ("602", False), ("20", False), ("2 0", False), ("", False)],
)  # fmt: skip
def test_the_codes_of_the_reform(code: str, allowed: bool) -> None:
    assert is_lifecycle(code) is allowed


def test_what_was_collected_is_told_per_rate_and_never_more_than_the_total(document: Document) -> None:
    send()
    for key in ("transfer-1", "transfer-1"):
        platform.report_collected(document=document, gross_cents=70_000, key=key, at=AT)
    with pytest.raises(DocumentNotPossible):
        platform.report_collected(document=document, gross_cents=50_001, key="transfer-2", at=AT)
    row = LifecycleStatus.objects.get(ours=True)
    assert (row.code, row.amounts) == ("212", [{"rate_basis_points": 2000, "gross_cents": 70_000}])
    assert platform.report_due(at=AT, platform=Away()) == 0
    assert platform.report_due(at=AT + timedelta(minutes=1), platform=LoopbackPlatform()) == 1
    assert platform.report_due(at=AT + timedelta(minutes=1), platform=LoopbackPlatform()) == 0
    told = [one for one in LoopbackFlow.objects.get().statuses if one["ours"]]
    assert [(one["code"], one["paid"]) for one in told] == [("212", [{"rate": 2000, "gross_cents": 70_000}])]
    assert StatusReport.objects.get().attempts == 2


def test_a_document_that_was_paid_before_is_collected_as_soon_as_it_is_sent(db: None) -> None:
    paid = issue(ask_for(make_buyer(FRENCH).organisation, process=Process.PAID), Lenient())
    send()
    assert [(one.code, one.amounts[0]["gross_cents"]) for one in paid.statuses.all()] == [("212", 120_000)]


def test_the_loopback_refuses_another_document_under_a_known_key_and_a_flow_that_it_never_had(db: None) -> None:
    one = Flow("k", "A-1", "UBL", b"x", "1" * 64, "732829320")
    LoopbackPlatform().send(one, at=AT)
    with pytest.raises(PlatformRefused):
        LoopbackPlatform().send(Flow("k", "A-1", "UBL", b"y", "2" * 64, "732829320"), at=AT)
    with pytest.raises(PlatformRefused):
        LoopbackPlatform().tell("unknown", Lifecycle.REFUSED, at=AT)
