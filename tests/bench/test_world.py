# SPDX-License-Identifier: Apache-2.0
"""The worlds that benches measure are made by SQL of their own: a new column must not leave them behind."""

from datetime import timedelta

import pytest

from bench.metering import stage_of
from bench.world import START, batch_lines, build, fill
from billing.models import UsageRecord
from billing.reconcile import run_checks
from billing.services.metering import post_staged

pytestmark = pytest.mark.usefixtures("committed")


def test_a_bench_world_with_stored_usage_takes_a_batch_and_reconciles() -> None:
    world = build(organisations=2, runs=4, slug="tiny")
    fill(world, records=64, before=START)
    lines = batch_lines(world, first=START, records=32)
    posted = post_staged(stage=stage_of(lines), source="bench", at=START + timedelta(hours=1))
    assert (posted.accepted, UsageRecord.objects.count()) == (32, 96)
    assert [check.name for check in run_checks(organisations=world.organisations) if check.contradictions] == []
