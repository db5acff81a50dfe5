# SPDX-License-Identifier: Apache-2.0
"""Operators that meter on their own side: good lines land, bad ones come back by index, nothing is charged twice."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from aion import clock
from aion.actor import Actor, Via
from aion.errors import Rejected
from aion.tenancy.roles import Role, scopes_of
from billing.models import (
    CorrectionRequest,
    Hold,
    LedgerAccount,
    Meter,
    QuarantinedUsage,
    Transfer,
    UsageBatch,
    UsageRecord,
)
from billing.services.ingest import ingest_readings
from clusters.models import Cluster, Pool, Workload
from clusters.services import ingest
from clusters.services.reconcile import settle
from clusters.states import MeteredBy
from marketplace.services.orders import place_order
from tests.billing.books import drift
from tests.billing.hands import while_open
from tests.worlds import MICRO, PRICE, Market, Tenant, launch, make_market, make_tenant

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
NOW = START + timedelta(days=1)


class Stage:
    """A workload on a pool that its operator meters, and the operator's key."""

    def __init__(self, tenant: Tenant, market: Market, *, gpus: int = 8, hours: int = 48) -> None:
        Pool.objects.filter(pk=market.pool.pk).update(metered_by=MeteredBy.OPERATOR)
        self.tenant, self.market = tenant, market
        order = place_order(actor=tenant.actor(), request=launch(tenant, market, gpus=gpus, hours=hours), at=START)
        self.workload: Workload = order.workload
        owner = market.site.operator
        self.operator = Actor(None, owner.pk, Role.OPERATOR, scopes_of(Role.OPERATOR), Via.API, "operator")

    def event(self, hour: int = 0, *, begin: int = 0, seconds: int = 3600, **data: Any) -> dict[str, Any]:
        start = START + timedelta(hours=hour, seconds=begin)
        subject = data.pop("subject", self.workload.public_id)
        return {
            "specversion": "1.0",
            "id": f"{hour}-{begin}",
            "source": "https://meter.example",
            "type": ingest.EVENT_TYPE,
            "subject": subject,
            "data": {
                "device": "pod-1",
                "window_start": start.isoformat(),
                "window_end": (start + timedelta(seconds=seconds)).isoformat(),
                "milli_gpus": 8000,
                **data,
            },
        }

    def send(self, *events: Any, at: datetime = NOW) -> tuple[tuple[int, int, int], list[tuple[int, str]]]:
        """Return (accepted, duplicate, refused) and the refusals as (index, code)."""
        done = ingest.ingest_events(actor=self.operator, body=json.dumps(events).encode(), at=at)
        codes = [(one.line, one.code) for one in done.refusals] + [(one.line, "unreadable") for one in done.unreadable]
        batch = done.result.batch
        return (batch.accepted, batch.duplicate, len(codes)), sorted(codes)

    def charged(self) -> int:
        rows = Transfer.objects.filter(organisation=self.tenant.organisation)
        plus = sum(rows.filter(kind="usage").values_list("amount", flat=True))
        return plus - sum(rows.filter(kind="correction").values_list("amount", flat=True))


@pytest.fixture
def stage(mine: Tenant, market: Market) -> Stage:
    return Stage(mine, market)


def test_an_hour_of_eight_gpus_is_charged_from_the_hold(stage: Stage) -> None:
    assert stage.send(stage.event()) == ((1, 0, 0), [])
    assert stage.charged() == 8 * PRICE
    held = Hold.objects.get(pk=stage.workload.hold_id).legs.get()
    assert held.captured == 8 * PRICE
    assert drift() == []


def test_the_same_batch_again_posts_nothing_and_answers_the_same_counts_as_duplicates(stage: Stage) -> None:
    events = [stage.event(hour) for hour in range(3)]
    assert stage.send(*events) == ((3, 0, 0), [])
    assert stage.send(*events) == ((0, 3, 0), [])
    assert stage.send(*events, stage.event(3)) == ((1, 3, 0), [])
    assert stage.charged() == 4 * 8 * PRICE


def test_a_clock_that_is_five_minutes_ahead_is_believed_and_not_a_second_more(stage: Stage) -> None:
    assert stage.send(stage.event(24, seconds=301)) == ((0, 0, 1), [(0, "in_the_future")])
    assert stage.send(stage.event(24, seconds=300)) == ((1, 0, 0), [])


def test_the_smallest_part_of_a_gpu_is_metered_until_the_second_its_workload_ended_and_not_beyond(stage: Stage) -> None:
    Workload.objects.filter(pk=stage.workload.pk).update(state="succeeded", ended_at=START + timedelta(hours=3))
    assert stage.send(
        stage.event(2, device="in-time", milli_gpus=1), stage.event(3, device="late", seconds=1, milli_gpus=1)
    ) == ((1, 0, 1), [(1, "after_the_workload")])


def test_the_longest_device_of_the_cluster_with_the_longest_code_is_metered_and_known_again(stage: Stage) -> None:
    Cluster.objects.filter(pk=stage.market.cluster.pk).update(code="c" * 40)
    event = stage.event(device="d" * 160)
    assert stage.send(event) == ((1, 0, 0), [])
    assert stage.send(event) == ((0, 1, 0), [])
    assert Meter.objects.get().reference == "c" * 40 + "/" + "d" * 160


def test_the_longest_device_of_the_longest_unknown_workload_is_refused_and_kept(stage: Stage) -> None:
    event = stage.event(device="d" * 160, subject="w" * 160)
    assert stage.send(event) == ((0, 0, 1), [(0, "unknown_workload")])
    assert QuarantinedUsage.objects.get().reference == "w" * 160 + "/" + "d" * 40  # as much as fits


def test_one_bad_line_in_many_comes_back_by_index_and_the_others_land(stage: Stage) -> None:
    events: list[Any] = [stage.event(hour) for hour in range(20)]
    events[7] = {**events[7], "data": {**events[7]["data"], "milli_gpus": "eight"}}
    events[11] = stage.event(11, subject="wl_unknown")
    assert stage.send(*events) == ((18, 0, 2), [(7, "unreadable"), (11, "unknown_workload")])
    assert (stage.charged(), drift()) == (18 * 8 * PRICE, [])
    kept = QuarantinedUsage.objects.get()
    assert (kept.reason, kept.organisation_id, kept.seconds) == (
        "unknown_workload", stage.operator.organisation_id, 3600,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"seconds": 0}, "end_before_start"),
        ({"seconds": -60}, "end_before_start"),
        ({"seconds": 3601}, "crosses_the_hour"),
        ({"begin": 1800, "seconds": 1801}, "crosses_the_hour"),
        ({"hour": 48}, "in_the_future"),
        ({"hour": -1}, "before_the_workload"),
        ({"milli_gpus": 8001}, "exceeds_the_workload"),
        ({"milli_gpus": 2**31 - 1}, "exceeds_the_workload"),
        ({"revision": 1}, "stale_revision"),
    ],
)
def test_a_line_that_cannot_be_true_is_refused_with_its_reason_and_kept(
    stage: Stage, wrong: dict[str, Any], code: str
) -> None:
    assert stage.send(stage.event(**wrong)) == ((0, 0, 1), [(0, code)])
    assert (stage.charged(), UsageRecord.objects.count(), drift()) == (0, 0, [])
    assert QuarantinedUsage.objects.get().reason == code


@pytest.mark.parametrize(
    "broken",
    [
        {"milli_gpus": -1},
        {"milli_gpus": 0},
        {"milli_gpus": 2**70},
        {"milli_gpus": 1.5},
        {"window_end": "yesterday"},
        {"window_end": "2026-03-02T11:00:00"},
        {"device": "a\nb"},
        {"device": ""},
        {"revision": -1},
        {"colour": "red"},
    ],
)
def test_an_unreadable_event_is_one_refused_line(stage: Stage, broken: dict[str, Any]) -> None:
    good, bad = stage.event(), stage.event(1)
    bad["data"].update(broken)
    assert stage.send(good, bad) == ((1, 0, 1), [(1, "unreadable")])


def test_windows_of_one_device_never_overlap_in_a_batch_or_across_batches(stage: Stage) -> None:
    first = stage.event(begin=0, seconds=1800)
    assert stage.send(first, stage.event(begin=1700, seconds=600), stage.event(begin=2400, seconds=600)) == (
        (2, 0, 1), [(1, "overlap")],
    )  # fmt: skip
    assert stage.send(stage.event(begin=1799, seconds=10), stage.event(begin=1800, seconds=600)) == (
        (1, 0, 1), [(0, "overlap")],
    )  # fmt: skip
    assert (stage.charged(), drift()) == (3000 * 8 * PRICE // 3600, [])


def test_the_same_window_with_other_content_is_a_conflict(stage: Stage) -> None:
    stage.send(stage.event(seconds=1800))
    assert stage.send(stage.event(seconds=1801)) == ((0, 0, 1), [(0, "conflict")])
    assert stage.charged() == 4 * PRICE


def test_a_device_keeps_its_workload_and_its_size(stage: Stage) -> None:
    other = place_order(
        actor=stage.tenant.actor(), request=launch(stage.tenant, stage.market, gpus=8, hours=2), at=START
    ).workload
    stage.send(stage.event())
    assert stage.send(stage.event(1, subject=other.public_id), stage.event(2, milli_gpus=4000)) == (
        (0, 0, 2), [(0, "device_of_another_workload"), (1, "device_changed_size")],
    )  # fmt: skip


def test_a_correction_down_gives_back_to_the_lot_that_paid(stage: Stage) -> None:
    stage.send(stage.event())
    assert stage.send(stage.event(seconds=900, revision=1)) == ((1, 0, 0), [])
    assert stage.send(stage.event(seconds=900, revision=1)) == ((0, 1, 0), [])
    assert stage.charged() == 2 * PRICE
    lot = LedgerAccount.objects.get(organisation=stage.tenant.organisation, kind="lot")
    assert (lot.credits - lot.debits, drift()) == (1_000 * MICRO - 2 * PRICE, [])
    assert CorrectionRequest.objects.count() == 0


def test_a_corrected_window_and_its_neighbours_never_overlap(stage: Stage) -> None:
    stage.send(stage.event(begin=0, seconds=600), stage.event(begin=1800, seconds=600))
    assert stage.send(stage.event(begin=0, seconds=1801, revision=1)) == ((0, 0, 1), [(0, "overlap")])
    assert stage.send(stage.event(begin=0, seconds=1200, revision=1)) == ((1, 0, 0), [])
    assert stage.send(stage.event(begin=1000, seconds=60)) == ((0, 0, 1), [(0, "overlap")])
    assert (stage.charged(), drift()) == (1800 * 8 * PRICE // 3600, [])


def test_usage_beyond_what_the_launch_reserved_is_never_charged(mine: Tenant, market: Market) -> None:
    stage = Stage(mine, market, gpus=8, hours=2)
    events = [stage.event(hour) for hour in range(4)]
    assert stage.send(*events) == ((2, 0, 2), [(2, "exceeds_the_hold"), (3, "exceeds_the_hold")])
    assert stage.charged() == 2 * 8 * PRICE


def small(tenant: Tenant, market: Market) -> Stage:
    """Return a workload whose launch reserved 16 GPU-hours: two hours of its eight GPUs."""
    return Stage(tenant, market, gpus=8, hours=2)


def test_a_refused_line_never_makes_room_in_the_hold(mine: Tenant, market: Market) -> None:
    stage = small(mine, market)
    reversed_by_years = stage.event(seconds=-10 * 365 * 86_400)
    reversed_by_years["data"]["window_start"] = (START + timedelta(hours=1)).isoformat()
    pods = [stage.event(hour, device=f"pod-{pod}") for pod in range(10) for hour in range(2)]
    (accepted, _, refused), _codes = stage.send(reversed_by_years, *pods)
    assert (accepted, refused, stage.charged()) == (2, 19, 2 * 8 * PRICE)


def test_a_correction_is_bounded_by_the_hold_like_any_usage(mine: Tenant, market: Market) -> None:
    stage = small(mine, market)
    pods = range(10)
    assert stage.send(*[stage.event(seconds=60, device=f"pod-{pod}") for pod in pods])[0] == (10, 0, 0)
    longer = [stage.event(seconds=3600, device=f"pod-{pod}", revision=1) for pod in pods]
    (accepted, _, _), codes = stage.send(*longer)
    assert (accepted, {code for _, code in codes}) == (1, {"exceeds_the_hold"})
    assert (stage.charged() <= 2 * 8 * PRICE, drift()) == (True, [])


def test_refused_lines_and_repeats_leave_the_hold_to_the_good_ones(mine: Tenant, market: Market) -> None:
    stage = small(mine, market)
    crossing, first, second = stage.event(seconds=7200), stage.event(), stage.event(1)
    batch = [crossing, first, first, second]
    assert stage.send(*batch) == ((2, 1, 1), [(0, "crosses_the_hour")])
    assert stage.send(*batch) == ((0, 3, 1), [(0, "crosses_the_hour")])
    assert stage.charged() == 2 * 8 * PRICE


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00+14:00", "2026-03-02T11:00:00Z"),
        ("2026-03-02T10:00:00Z", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_an_instant_that_no_clock_shows_is_one_unreadable_line(stage: Stage, start: str, end: str) -> None:
    absurd = stage.event(window_start=start, window_end=end, milli_gpus=2**31 - 1)
    assert stage.send(absurd, stage.event()) == ((1, 0, 1), [(0, "unreadable")])
    assert stage.charged() == 8 * PRICE


def test_an_older_correction_sent_again_is_a_repeat_and_another_content_is_a_conflict(stage: Stage) -> None:
    stage.send(stage.event())
    stage.send(stage.event(seconds=900, revision=1))
    stage.send(stage.event(seconds=1800, revision=2))
    assert stage.send(stage.event(seconds=900, revision=1)) == ((0, 1, 0), [])
    assert stage.send(stage.event(seconds=901, revision=1)) == ((0, 0, 1), [(0, "conflict")])
    assert stage.send(stage.event(seconds=1800, revision=3)) == ((0, 0, 1), [(0, "no_change")])
    assert (stage.charged(), drift()) == (4 * PRICE, [])


def test_a_first_correction_changes_something_that_is_stored(stage: Stage) -> None:
    stage.send(stage.event())
    assert stage.send(stage.event(revision=1), stage.event(1, seconds=900, revision=1)) == (
        (0, 0, 2), [(0, "no_change"), (1, "stale_revision")],
    )  # fmt: skip
    assert stage.charged() == 8 * PRICE


def test_a_window_is_corrected_thirty_times(stage: Stage) -> None:
    stage.send(stage.event(seconds=900))
    for revision in range(1, 31):
        assert stage.send(stage.event(seconds=900 + 900 * (revision % 2), revision=revision)) == ((1, 0, 0), [])
    assert (stage.charged(), drift()) == (2 * PRICE, [])


def test_a_window_within_any_earlier_one_of_its_batch_overlaps(stage: Stage) -> None:
    windows = [
        stage.event(begin=0, seconds=100),
        stage.event(begin=100, seconds=2900),
        stage.event(begin=2000, seconds=9),
    ]
    assert stage.send(*windows) == ((2, 0, 1), [(2, "overlap")])


def test_behind_a_line_that_passes_the_hold_repeats_and_shorter_corrections_are_still_right(
    mine: Tenant, market: Market
) -> None:
    stage = Stage(mine, market, hours=1)
    stage.send(stage.event())
    beyond = stage.event(1, seconds=1)
    assert stage.send(beyond) == ((0, 0, 1), [(0, "exceeds_the_hold")])
    assert stage.send(beyond, stage.event()) == ((0, 1, 1), [(0, "exceeds_the_hold")])
    assert stage.send(beyond, stage.event(seconds=900, revision=1)) == ((1, 0, 1), [(0, "exceeds_the_hold")])
    assert (stage.charged(), drift()) == (2 * PRICE, [])


def test_a_hold_is_used_up_over_days(mine: Tenant, market: Market) -> None:
    stage = Stage(mine, market, hours=2)
    later = START + timedelta(days=3)
    assert stage.send(stage.event(0), stage.event(24), at=later) == ((2, 0, 0), [])
    assert stage.send(stage.event(25, seconds=1), at=later) == ((0, 0, 1), [(0, "exceeds_the_hold")])


def test_windows_of_a_known_device_that_only_together_pass_the_hold_land_until_it_is_used_up(
    mine: Tenant, market: Market
) -> None:
    stage = Stage(mine, market, hours=1)
    stage.send(stage.event(seconds=1))
    lines = [stage.event(1, seconds=1800), stage.event(2, seconds=1800)]
    assert stage.send(*lines) == ((1, 0, 1), [(1, "exceeds_the_hold")])


def test_a_batch_waits_for_the_one_that_uses_up_the_same_hold(committed: None) -> None:
    stage = Stage(make_tenant(credit=1000, roles=("owner",)), make_market(), hours=1)
    stage.send(stage.event(seconds=1))
    answer, waited = while_open(
        lambda: stage.send(stage.event(begin=1, seconds=3599)), lambda: stage.send(stage.event(1))
    )
    assert (answer, waited) == (((0, 0, 1), [(0, "exceeds_the_hold")]), True)


def test_a_device_that_is_known_sends_no_window_without_a_second_or_over_the_hour_and_skips_no_revision(
    stage: Stage,
) -> None:
    stage.send(stage.event())
    assert stage.send(stage.event(1, seconds=0)) == ((0, 0, 1), [(0, "end_before_start")])
    assert stage.send(stage.event(1, begin=1800, seconds=2400)) == ((0, 0, 1), [(0, "crosses_the_hour")])
    assert stage.send(stage.event(seconds=900, revision=2)) == ((0, 0, 1), [(0, "stale_revision")])


def test_what_a_correction_takes_back_makes_no_room_and_takes_none_in_its_own_batch(
    mine: Tenant, market: Market
) -> None:
    stage = Stage(mine, market, hours=2)
    stage.send(stage.event())
    assert stage.send(stage.event(seconds=900, revision=1), stage.event(1)) == ((2, 0, 0), [])
    assert (stage.charged(), drift()) == (10 * PRICE, [])


def test_a_conflict_of_one_device_is_none_of_another_in_the_same_hour(stage: Stage) -> None:
    stage.send(stage.event())
    lines = [stage.event(seconds=60), stage.event(seconds=1800, device="pod-2")]
    assert stage.send(*lines) == ((1, 0, 1), [(0, "conflict")])


def test_a_revision_that_no_column_holds_is_kept_as_the_nearest(stage: Stage) -> None:
    readings = [(n, "wl_none", f"d{n}", START, 60, 1000, revision) for n, revision in enumerate((-5, 3, 40_000))]
    done = ingest_readings(
        organisation_id=stage.operator.organisation_id or 0, readings=readings, terms=[], source="test", at=NOW
    )
    assert [one.code for one in done.refusals] == ["unknown_workload"] * 3
    kept = QuarantinedUsage.objects.order_by("reference").values_list("revision", flat=True)
    assert list(kept) == [0, 3, 32_767]


def test_a_batch_says_how_many_lines_it_had_and_refused_whoever_refused_them(stage: Stage) -> None:
    stage.send(stage.event())
    conflict, unknown, good = stage.event(seconds=60), stage.event(subject="wl_none"), stage.event(1)
    for events in ([conflict], [conflict, unknown], [unknown], [good, unknown]):
        (accepted, duplicate, refused), _ = stage.send(*events)
        kept = UsageBatch.objects.order_by("pk").last()
        assert kept is not None
        assert (kept.received, kept.accepted, kept.refused) == (len(events), accepted, refused)
        assert len(events) == accepted + duplicate + refused


def test_usage_that_a_later_correction_made_shorter_is_still_a_repeat(stage: Stage) -> None:
    stage.send(stage.event())
    assert stage.send(stage.event(seconds=900, revision=1), stage.event(begin=1000, seconds=60)) == (
        (1, 0, 1), [(1, "overlap")],
    )  # fmt: skip
    assert stage.send(stage.event(begin=1000, seconds=60)) == ((1, 0, 0), [])
    assert stage.send(stage.event(), stage.event(begin=1000, seconds=60)) == ((0, 2, 0), [])


def test_a_correction_and_new_usage_of_one_batch_never_overlap(stage: Stage) -> None:
    stage.send(stage.event(seconds=600))
    assert stage.send(stage.event(seconds=1200, revision=1), stage.event(begin=1000, seconds=60)) == (
        (1, 0, 1), [(1, "overlap")],
    )  # fmt: skip


def test_a_new_device_has_one_size_and_one_workload_within_a_batch_too(stage: Stage) -> None:
    other = place_order(
        actor=stage.tenant.actor(), request=launch(stage.tenant, stage.market, gpus=8, hours=2), at=START
    ).workload
    batch = [stage.event(), stage.event(1, milli_gpus=4000), stage.event(2, subject=other.public_id)]
    assert stage.send(*batch) == ((1, 0, 2), [(1, "device_changed_size"), (2, "device_of_another_workload")])


def test_batches_of_one_run_that_come_at_once_share_one_hold(committed: None) -> None:
    stage = small(make_tenant("narrow", roles=(Role.OWNER,)), make_market())
    start = threading.Barrier(4)

    def send(pod: int) -> None:
        try:
            start.wait()
            stage.send(*[stage.event(hour, device=f"pod-{pod}") for hour in range(2)])
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(pod,)) for pod in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (stage.charged(), drift()) == (2 * 8 * PRICE, [])


def test_late_usage_is_taken_for_thirty_five_days(stage: Stage) -> None:
    assert stage.send(stage.event(), at=START + timedelta(days=35)) == ((1, 0, 0), [])
    assert stage.send(stage.event(1), at=START + timedelta(days=36)) == ((0, 0, 1), [(0, "too_late")])


def test_another_operators_workload_is_as_unknown_as_a_missing_one(stage: Stage, theirs: Tenant) -> None:
    other = Stage(theirs, make_market())
    assert stage.send(stage.event(subject=other.workload.public_id), stage.event(subject="wl_none")) == (
        (0, 0, 2), [(0, "unknown_workload"), (1, "unknown_workload")],
    )  # fmt: skip


def test_a_pool_that_we_meter_takes_no_readings(stage: Stage) -> None:
    Pool.objects.update(metered_by=MeteredBy.AION)
    assert stage.send(stage.event()) == ((0, 0, 1), [(0, "unknown_workload")])


def test_a_hold_of_an_operators_run_waits_a_day_for_late_readings(stage: Stage) -> None:
    ended = START + timedelta(hours=3)
    Workload.objects.update(state="succeeded", ended_at=ended)
    assert settle(at=ended + timedelta(hours=23)) == 0
    assert settle(at=ended + timedelta(hours=25)) == 1


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 422, "array"),
        (b"{}", 422, "array"),
        (b"[]", 422, "between 1 and 10,000"),
        (b"[" + b"1," * 10_000 + b"1]", 422, "10,001"),
        (b"[1", 422, "not JSON"),
        (b"[1]", 200, ""),
        (b"\xff\xfe", 422, "not JSON"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_with_a_sentence(
    stage: Stage, api: Any, body: bytes, status: int, says: str
) -> None:
    key = operator_key(stage)
    answer = api(key).generic("POST", "/api/v1/usage-records:ingest", body, content_type="application/json")
    assert (answer.status_code, says in answer.json().get("detail", "")) == (status, True)


def operator_key(stage: Stage) -> str:
    owner = stage.market.site.operator
    from aion.tenancy.models import Membership
    from aion.tenancy.services.tokens import create_token

    user = Membership.objects.get(organisation=owner, role=Role.OPERATOR).user
    actor = Actor(user.pk, owner.pk, Role.OPERATOR, scopes_of(Role.OPERATOR), Via.PORTAL, "test")
    return create_token(actor=actor, name="t", scopes=["usage:ingest"], expires_in_days=3, at=clock.now())[1]


def test_the_api_answers_counts_and_refusals_and_repeats_with_the_key(stage: Stage, api: Any) -> None:
    client = api(operator_key(stage))
    body = json.dumps([stage.event(), stage.event(1, subject="wl_none")])

    def post() -> Any:
        return client.generic("POST", "/api/v1/usage-records:ingest", body, content_type="application/json",
                              HTTP_IDEMPOTENCY_KEY="batch-1")  # fmt: skip

    # The API's clock is the machine's: usage of March is late for it or in its future.
    answer = post().json()
    assert (answer["received"], answer["accepted"] + answer["refused"]) == (2, 2)
    assert post().headers["Idempotent-Replayed"] == "true"
    assert post().json() == answer


def test_an_answer_that_repeats_what_no_database_holds_is_kept_under_its_key_all_the_same(
    stage: Stage, api: Any
) -> None:
    client, bad = api(operator_key(stage)), stage.event()
    bad["data"]["no\x00field"] = 1

    def post() -> Any:
        return client.generic("POST", "/api/v1/usage-records:ingest", json.dumps([bad]),
                              content_type="application/json", HTTP_IDEMPOTENCY_KEY="batch-2")  # fmt: skip

    answer = post()
    assert (answer.status_code, answer.json()["refused"]) == (200, 1)
    assert "no\ufffdfield" in str(answer.json())
    assert post().json() == answer.json()


def test_a_customer_may_not_send_readings(stage: Stage, api: Any) -> None:
    key = stage.tenant.key(Role.DEVELOPER)
    answer = api(key).post("/api/v1/usage-records:ingest", [stage.event()], format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_the_same_batch_from_ten_connections_at_once_is_charged_once(committed: None) -> None:
    stage = Stage(make_tenant("crowd", roles=(Role.OWNER,)), make_market())
    events = [stage.event(hour) for hour in range(10)]
    outcomes: list[Any] = []

    def send() -> None:
        try:
            while True:
                try:
                    outcomes.append(stage.send(*events)[0])
                    return
                except ingest.TooMany:
                    continue
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [(0, 10, 0)] * 9 + [(10, 0, 0)]
    assert (stage.charged(), Meter.objects.count(), drift()) == (10 * 8 * PRICE, 1, [])


def test_when_every_slot_is_busy_the_answer_says_when_to_come_back(stage: Stage, monkeypatch: Any, api: Any) -> None:
    monkeypatch.setattr(ingest, "SLOTS", 0)
    answer = api(operator_key(stage)).generic(
        "POST", "/api/v1/usage-records:ingest", json.dumps([stage.event()]), content_type="application/json"
    )
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")


@pytest.mark.parametrize(("bad", "detail"), [(b'{"id":"\xff"}', "utf-8"), (b'{"specversion":1}', "Expected `str`")])
def test_an_event_that_cannot_be_read_is_one_refused_line(
    mine: Tenant, market: Market, bad: bytes, detail: str
) -> None:
    stage = Stage(mine, market)
    body = b"[" + bad + b"," + json.dumps(stage.event()).encode() + b"]"
    done = ingest.ingest_events(actor=stage.operator, body=body, at=NOW)
    assert ([one.line for one in done.unreadable], done.result.batch.accepted) == ([0], 1)
    assert detail in done.unreadable[0].detail


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nests too deeply"),
        (b'{"id":"\\ud800"}', "is not JSON"),
        (b"{", "is not JSON"),
    ],
)
def test_a_batch_whose_lines_cannot_be_told_apart_is_refused(
    mine: Tenant, market: Market, bad: bytes, detail: str
) -> None:
    stage = Stage(mine, market)
    body = b"[" + bad + b"," + json.dumps(stage.event()).encode() + b"]"
    with pytest.raises(Rejected, match=detail):
        ingest.ingest_events(actor=stage.operator, body=body, at=NOW)
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize("depth", [50, 500, 900, 1000, 1100, 5000])
def test_events_nested_to_any_depth_are_refused_and_never_an_error_of_ours(
    mine: Tenant, market: Market, depth: int
) -> None:
    stage = Stage(mine, market)
    body = b'[{"specversion":1},{"data":' + b"[" * depth + b"]" * depth + b"}]"
    try:
        done = ingest.ingest_events(actor=stage.operator, body=body, at=NOW)
    except Rejected as error:
        assert error.detail == ingest.TOO_DEEP
    else:
        assert [one.line for one in done.unreadable] == [0, 1]
