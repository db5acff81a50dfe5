# SPDX-License-Identifier: Apache-2.0
"""Closing a month for customers and settling it for operators."""

import resource
from datetime import date, timedelta
from functools import partial

from bench.measure import say, timed
from bench.world import START, build, fill

DECEMBER = date(2025, 12, 1)


def close(sizes: list[int]) -> None:
    """Say what a month of a million records of 1,000 organisations takes: statements, then settlements."""
    from aion.actor import Actor, system
    from aion.audit.models import AuditEvent
    from aion.tenancy.models import OrganisationKind
    from billing.services.statements import close_month
    from billing.settlement.models import SettlementStatement
    from billing.settlement.services.agreements import agree_share, propose_share
    from billing.settlement.services.settling import settle_month
    from clusters.models import Site

    size = max(sizes) if 0 < max(sizes) < 1_000_000 else 1_000_000
    world = build(organisations=1_000, runs=1_250, slug="settle", credit=10**9, hold=1)
    fill(world, records=size, before=START)
    operator = Site.objects.get(code="site-settle").operator
    type(operator).objects.filter(pk=operator.pk).update(kind=OrganisationKind.MEMBER)
    operator.refresh_from_db()
    people = [Actor(number, None, "staff", system("bench").scopes, system("bench").via, "bench") for number in (1, 2)]
    asked = propose_share(
        actor=people[0], organisation=operator, share_basis_points=8_500, first_month=date(2025, 1, 1),
        end_month=None, reason="bench", at=START,
    )  # fmt: skip
    agree_share(actor=people[1], public_id=asked.public_id, at=START)
    at = START + timedelta(days=10)
    for name, act in (("statements", close_month), ("settlements", settle_month)):
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        spent = timed(partial(act, actor=system("bench"), month=DECEMBER, at=at))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
        say(f"settlement.close.{name}", spent.wall, "s", clock="wall", size=size, workers=1, median_of=1,
            baseline=f"1,000 organisations; memory grew by {grown:.0f} MiB")  # fmt: skip
    settled = SettlementStatement.objects.get()
    assert settled.charged == settled.share + settled.commission > 0, settled
    assert AuditEvent.objects.filter(action="settlement.prepared").count() == 1
