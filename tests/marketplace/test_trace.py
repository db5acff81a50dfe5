# SPDX-License-Identifier: Apache-2.0
"""A trace is read exactly or refused whole, by line number, before anything is written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.kube.manifests import shapes
from marketplace.replay.plan import make_plan, max_seconds
from marketplace.replay.trace import BadTrace, read_trace, split_levels

HELIOS = Path(__file__).resolve().parents[2] / "marketplace" / "seed" / "helios_earth_vc_hourly.csv"
HEADER = "tenant,workload,gpus,created_s,started_s,ended_s\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_helios_month_has_its_known_answers() -> None:
    trace = read_trace(HELIOS)
    plan = make_plan(trace)
    pods = sum(s.pods for item in trace.items for s in shapes(milli_gpus=item.milli_gpus, per_node=8))
    assert trace.expected == 1_529_330_400_000
    assert (len(trace.items), pods, len(plan.tenants), trace.end) == (1_664, 2_173, 16, 744 * 3600)
    assert plan.whole_nodes * 8 >= 753


def test_an_open_end_runs_to_the_latest_time_in_the_file(tmp_path: Path) -> None:
    trace = read_trace(write(tmp_path, HEADER + "a,1,2,0,10,\nb,2,1.5,0,,\nb,3,1,5,7,500\n"))
    assert [item.ended for item in trace.items] == [500, 500, 500]
    assert trace.expected == 2_000 * 490 + 1_000 * 493


def test_no_gpu_or_no_length_is_accepted_and_charges_nothing(tmp_path: Path) -> None:
    trace = read_trace(write(tmp_path, HEADER + "a,1,0,0,10,20\na,2,4,5,5,5\n"))
    assert (trace.expected, [item.places_an_order for item in trace.items]) == (0, [False, False])


def test_a_file_without_rows_is_an_empty_trace(tmp_path: Path) -> None:
    assert read_trace(write(tmp_path, HEADER)).items == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the file is empty"),
        ("tenant,workload,gpus,created_s,started_s\n", "line 1: missing column ended_s"),
        (HEADER + "a,1,2,10,5,20\n", "line 2: started_s 5 is before created_s 10"),
        (HEADER + "a,1,2,0,5,20\na,2,2,0,30,20\n", "line 3: ended_s 20 is before its start"),
        (HEADER + "a,1,two,0,5,20\n", "line 2: gpus 'two' is not a number"),
        (HEADER + "a,1,1.2345,0,5,20\n", "line 2: gpus '1.2345'"),
        (HEADER + "a,1,-1,0,5,20\n", "line 2: gpus '-1'"),
        (HEADER + "a,1,nan,0,5,20\n", "line 2: gpus 'nan'"),
        (HEADER + "a,1,1,0.5,5,20\n", "line 2: created_s '0.5' is not a whole number"),
        (HEADER + "a,1,1,,5,20\n", "line 2: created_s ''"),
        (HEADER + ",1,1,0,5,20\n", "line 2: tenant is empty"),
        (HEADER + "a,1,1,0,5,20\na,2,1,0", "line 3: too few fields; is the line cut off?"),
        (HEADER + "a,1,1,0,5,20,9\n", "line 2: too many fields"),
        ("vc,time,running_gpu_num\nx,2020-05-01 00:00:00,1\n", "line 1: missing column total_gpu_num"),
        ("vc,time,total_gpu_num,running_gpu_num\nx,yesterday,1,1\n", "line 2: time 'yesterday'"),
        ("vc,time,total_gpu_num,running_gpu_num\nx,2020-05-01 00:00:00,1,one\n", "line 2: running_gpu_num 'one'"),
    ],
)
def test_a_bad_file_is_refused_by_line_number(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadTrace) as refused:
        read_trace(write(tmp_path, text))
    assert said in str(refused.value)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("missing.csv", "binary.csv"):
        with pytest.raises(BadTrace):
            read_trace(tmp_path / name)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_cutting_levels_into_runs_keeps_every_gpu_hour(levels: list[int]) -> None:
    parts = split_levels(levels)
    for hour, level in enumerate(levels):
        assert sum(gpus for start, end, gpus in parts if start <= hour < end) == level


@given(st.integers(1, 100_000))
def test_the_jobs_of_a_workload_have_exactly_its_gpus(milli: int) -> None:
    cut = shapes(milli_gpus=milli, per_node=8)
    assert sum(shape.pods * shape.milli_gpus for shape in cut) == milli
    assert milli % 1000 or all(shape.milli_gpus <= 8000 for shape in cut)


def test_the_maximum_duration_is_the_true_one_rounded_up_to_the_hour(tmp_path: Path) -> None:
    trace = read_trace(write(tmp_path, HEADER + "a,1,1,0,0,3600\na,2,1,0,0,3601\na,3,1,0,,9\n"))
    assert [max_seconds(item) for item in trace.items] == [3600, 7200, 3600]
