# SPDX-License-Identifier: Apache-2.0
"""The short ways of ingest answer as the long ones: whole bodies as single lines, plain runs as judged ones."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from aion.errors import Rejected
from billing.models import Hold, Meter, QuarantinedUsage, Transfer, UsageBatch, UsageRecord
from billing.services import ingest_sql as sql
from billing.services.ingest import Staged
from clusters.models import Workload
from clusters.services import ingest
from marketplace.services.orders import place_order
from tests.billing.books import drift
from tests.clusters.test_ingest import NOW, START, Stage
from tests.worlds import Market, Tenant, launch

JUDGE_ALL = """
SELECT array_agg(DISTINCT run_id) FROM ingest_reading
WHERE %(late)s < %(future)s AND coalesce(%(first)s, now()) <= coalesce(%(last)s, now())
"""
quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)

Line = dict[str, Any]
DEVICES = ["own-1", "own-2", "shared", "back\\slash"]
usual = st.fixed_dictionaries(
    {"workload": st.integers(0, 2), "device": st.sampled_from(DEVICES), "hour": st.integers(0, 5)}
)
# Values that stand more than once come more often: most faults need two lines that are nearly right.
odd = st.fixed_dictionaries(
    {
        "workload": st.sampled_from([0, 1, 1, 1, 2, 3]),
        "device": st.sampled_from(["own-1", "own-1", *DEVICES]),
        "hour": st.sampled_from([0, 0, 0, 1, 2, 30, -1]),
        "begin": st.sampled_from([0, 0, 0, 0, 600, 1800, 1800, 3599.5]),
        "seconds": st.sampled_from([600, 600, 1800, 1800, 3600, 601, 0, -60, 0.5, 10**8]),
        "milli_gpus": st.sampled_from([4000, 4000, 4000, 4000, 4000, 8000, 8001]),
        "revision": st.sampled_from([0, 0, 0, 0, 1, 1, 2, 30]),
    }
)
# An operator's usual post, once in a while with a line in it that is not.
batches = st.lists(
    st.lists(usual, min_size=1, max_size=12)
    | st.lists(usual | odd, min_size=1, max_size=12)
    | st.lists(odd, min_size=1, max_size=12),
    min_size=2,
    max_size=4,
)


@pytest.fixture
def stages(mine: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch) -> tuple[Stage, list[str]]:
    """Return a stage of four workloads: one with a small hold, one that ended, one undecided, and one unknown."""
    stage = Stage(mine, market, gpus=8, hours=1)
    refs = [stage.workload.public_id]
    for hours in (12, 20):
        request = launch(mine, market, gpus=8, hours=hours)
        refs.append(place_order(actor=mine.actor(), request=request, at=START).workload.public_id)
    Workload.objects.filter(public_id=refs[1]).update(state="succeeded", ended_at=START + timedelta(hours=3))
    terms = ingest.run_terms  # a decision never changes: this is a workload that came without one
    monkeypatch.setattr(
        ingest,
        "run_terms",
        lambda *given: [one._replace(allowed=one.workload_ref != refs[2]) for one in terms(*given)],
    )
    return stage, [*refs, "wl_none"]


def window(**fields: Any) -> Line:
    """Return a line of the workload with the ample hold, that ended after three hours."""
    return {"workload": 1, "device": "own-1", "hour": 0, **fields}


def event_of(stage: Stage, refs: list[str], line: Line) -> dict[str, Any]:
    """Return the event of a line; devices that are a workload's own have its number in their name."""
    given = {"milli_gpus": 4000, **line}
    number, hour = given.pop("workload"), given.pop("hour")
    device = given.pop("device").replace("own", f"own-{number}")
    return stage.event(hour, subject=refs[number], device=device, **given)


def told_and_kept(stage: Stage, refs: list[str], lines: list[list[Line]]) -> tuple[Any, ...]:
    """Return what is answered to batches and what is stored, kept and charged afterwards; leave nothing behind."""
    with transaction.atomic():
        told = [stage.send(*[event_of(stage, refs, line) for line in batch]) for batch in lines]
        sent = list(UsageBatch.objects.order_by("pk").values_list("pk", flat=True))
        meters = dict(Meter.objects.values_list("pk", "reference"))
        records = UsageRecord.objects.values_list(
            "meter_id", "batch_id", "hour", "start_second", "revision", "seconds", "exact", "milli_gpus"
        )
        kept = QuarantinedUsage.objects.values_list(
            "meter_id", "batch_id", "reference", "hour", "start_second", "revision", "seconds", "milli_gpus", "reason",
            "organisation_id",
        )  # fmt: skip
        after = (
            told,
            sorted((meters[meter], sent.index(batch), *rest) for meter, batch, *rest in records),
            sorted((meters.get(meter, ""), sent.index(batch), *rest) for meter, batch, *rest in kept),
            sorted(Meter.objects.values_list("reference", "run_id", "milli_gpus", "allowed")),
            list(UsageBatch.objects.order_by("pk").values_list("received", "accepted", "duplicate", "refused")),
            sorted(Transfer.objects.exclude(batch=None).values_list("amount", "kind", "usage_day")),
            sorted(Hold.objects.values_list("pk", "legs__captured")),
            drift(),
        )
        transaction.set_rollback(True)
    return after


@quick
@given(lines=batches)
@example(lines=[[window()], [window(hour=1)] * 2])
@example(lines=[[window(seconds=600)], [window(begin=300), window(begin=600, seconds=600), window(hour=1)]])
@example(
    lines=[
        [window(seconds=600), window(device="own-2")],
        [window(seconds=1200, revision=1), window(begin=900, seconds=60), window(device="own-2", hour=1)],
        [window(seconds=1200, revision=2), window(begin=1200, seconds=60), window(seconds=600)],
    ]
)
@example(lines=[[window(seconds=600)], [window(hour=1, seconds=1800), window(hour=1, begin=1200, seconds=600)]])
def test_a_run_without_a_fault_is_staged_as_it_would_be_judged(
    lines: list[list[Line]], stages: tuple[Stage, list[str]]
) -> None:
    short = told_and_kept(*stages, lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "STAGE_PLAIN_RUNS_APART", sql.STAGE_PLAIN_RUNS)
        assert told_and_kept(*stages, lines) == short
        for name in ("STAGE_PLAIN_RUNS", "STAGE_PLAIN_RUNS_APART"):
            patch.setattr(sql, name, JUDGE_ALL)
        assert told_and_kept(*stages, lines) == short


def judged(stage: Stage, *events: Any) -> int:
    """Return how many lines of a batch are judged one by one."""
    stage.send(*events)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ingest_judged")
        return int(cursor.fetchone()[0])


def test_only_the_lines_of_runs_with_a_fault_are_judged_one_by_one(stages: tuple[Stage, list[str]]) -> None:
    stage, refs = stages

    def post(hour: int, **wrong: Any) -> list[dict[str, Any]]:
        devices = [{"workload": number, "device": f"own-{pod}", "hour": hour, "seconds": 600}
                   for number in (0, 1) for pod in (1, 2)]  # fmt: skip
        return [event_of(stage, refs, one) for one in [*devices[:-1], {**devices[-1], **wrong}]]

    assert judged(stage, *post(0)) == 4  # the meters are new
    assert judged(stage, *post(1)) == 0
    assert judged(stage, *post(2, seconds=660, revision=1)) == 2
    assert judged(stage, *post(1)) == 4  # all of it is stored


texts = st.sampled_from(
    ["a", "wl_1", "back\\slash", 'quo"te', "\x7f", "a b", "a\n", "\t", "", "é", "x" * 160, "x" * 161, "\\N", None, 1]
)
instants = st.sampled_from(
    ["2026-03-02T10:00:00Z", "2026-03-02T11:00:00+00:00", "2026-03-02T12:30:00+01:30", "2026-03-02t10:00:00.25z",
     "2026-03-02 10:00:00Z", "2026-03-02T10:00:00", "1999-12-31T23:59:59Z", "2999-12-31T23:59:59-14:00",
     "3000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-02T24:00:00Z",
     "2026-13-02T10:00:00Z", "", 1772445600, None]
)  # fmt: skip
numbers = st.sampled_from([1, 8000, 2**31 - 1, 2**31, 2**64, 0, -1, 1.0, 1.5, True, "8", None])
revisions = st.sampled_from([0, 1, 30, 31, -1, None, "0"])
GOOD = {
    "specversion": "1.0",
    "id": "1",
    "source": "meter",
    "type": ingest.EVENT_TYPE,
    "subject": "wl_1",
    "data": {
        "device": "pod",
        "window_start": "2026-03-02T10:00:00Z",
        "window_end": "2026-03-02T11:00:00Z",
        "milli_gpus": 8000,
    },
}
attributes = st.fixed_dictionaries(
    {},
    optional={
        "specversion": st.sampled_from(["1.0", "0.3", 1.0]),
        "id": texts,
        "source": texts,
        "type": st.sampled_from([ingest.EVENT_TYPE, "other"]),
        "subject": texts,
        "time": texts,
    },
)
data_fields = st.fixed_dictionaries(
    {},
    optional={
        "device": texts,
        "window_start": instants,
        "window_end": instants,
        "milli_gpus": numbers,
        "revision": revisions,
        "colour": st.just("red"),
    },
)
# Few faults a body, or the short way would hardly ever be taken.
few = st.tuples(attributes.filter(lambda one: len(one) < 2), data_fields.filter(lambda one: len(one) < 3))


def wholly(decode: Callable[[bytes], ingest.Decoded | None], body: bytes) -> Any:
    """Return all that a decoder says about a body."""
    try:
        done = decode(body)
    except Rejected as error:
        return error.detail
    return done and (list(done.readings), done.workloads, done.unreadable, done.received)


@settings(max_examples=400, deadline=None)
@given(changes=st.lists(few, min_size=1, max_size=3), escape=st.booleans())
def test_a_body_is_read_at_once_as_line_by_line(changes: list[tuple[Line, Line]], escape: bool) -> None:
    events = [{**GOOD, **top, "data": {**GOOD["data"], **data}} for top, data in changes]  # type: ignore[dict-item]
    body = json.dumps(events, ensure_ascii=escape).encode()
    at_once, by_line = wholly(ingest.all_at_once, body), wholly(ingest.one_by_one, body)
    assert at_once == (None if by_line[2] else by_line)


@pytest.mark.parametrize("body", [b"[]", b"[" + b",".join([json.dumps(GOOD).encode()] * 10_001) + b"]"])
def test_a_batch_of_no_or_too_many_lines_is_refused_either_way(body: bytes) -> None:
    assert wholly(ingest.all_at_once, body) == wholly(ingest.one_by_one, body)


def test_a_text_that_would_be_two_lines_is_never_staged(mine: Tenant) -> None:
    with pytest.raises(ValueError, match="control characters"):
        Staged([(0, "wl_1", "pod\t1\n", NOW, 60, 1000, 0)], [])


@pytest.mark.parametrize("text", ["a\nb", "a\tb"])
@pytest.mark.parametrize("place", [1, 2])
def test_a_control_character_is_never_written_as_a_line_or_a_column(text: str, place: int) -> None:
    reading: list[Any] = [0, "wl", "pod", START, 60, 1000, 0]
    reading[place] = text
    with pytest.raises(ValueError, match="no control characters"):
        Staged([tuple(reading)], [])
