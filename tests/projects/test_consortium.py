# SPDX-License-Identifier: Apache-2.0
"""The consortium's figures against a small world that is counted by hand: what was sold, earned, used and is owed."""

import csv
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.urls import reverse

from aion import clock
from aion.audit.models import AuditEvent
from aion.periods import month_start
from billing.models import LedgerAccount
from billing.queries import liability
from billing.services.corrections import approve_correction, request_correction
from billing.services.expiry import GRACE, expire_lots
from billing.services.holds import place_hold
from billing.services.metering import Window, post_windows
from billing.states import AccountKind, Origin
from clusters.models import Pool, Site
from marketplace.services import offers
from marketplace.states import OfferState
from tests.billing.staffing import make_staff, words
from tests.marketplace.operators import make_member, make_pool, wish_for
from tests.worlds import MICRO, Market, Tenant, make_lot, make_market, make_meter, make_tenant, purpose_of, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(mine: Tenant, theirs: Tenant) -> dict[str, Any]:
    """Return three sites of two members, with what two customers used of them in the last whole month."""
    start = month_start(month_start(clock.now()) - timedelta(days=1))
    sites = [make_market(price=price, gpus=gpus) for price, gpus in ((2 * MICRO, 64), (3 * MICRO, 8), (5 * MICRO, 16))]
    first, _second, third = sites
    Site.objects.filter(pk=sites[1].site.pk).update(operator=first.site.operator)
    Pool.objects.filter(pk=sites[1].pool.pk).update(organisation=first.site.operator)
    use(mine, first, milli_gpus=8000, at=start, hours=10)
    use(theirs, first, milli_gpus=500, at=start, hours=4)
    use(mine, sites[1], milli_gpus=1000, at=start, hours=1)
    wrong = use(theirs, third, milli_gpus=4000, at=start, hours=2)
    use(mine, third, milli_gpus=64_000, at=start - timedelta(hours=1), hours=1)
    asked = request_correction(
        actor=make_tenant(credit=0).actor(), reference=wrong.reference, hour=start, start_second=0, seconds=0,
        reason="The node was broken.", at=clock.now(),
    )  # fmt: skip
    approve_correction(actor=make_tenant(credit=0).actor(), public_id=asked.public_id, at=clock.now())
    return {"start": start, "first": first.site.operator, "third": third.site.operator, "market": first}


def use(tenant: Tenant, market: Market, *, milli_gpus: int, at: Any, hours: int) -> Any:
    meter = make_meter(tenant, market, milli_gpus=milli_gpus)
    windows = [Window(at + timedelta(hours=number), meter.pk, 3600) for number in range(hours)]
    post_windows(windows=windows, source="test", at=clock.now())
    return meter


def figures(month: str) -> list[dict[str, str]]:
    staff, _person = make_staff(f"staff-{month}")
    shown = staff.get(f"{reverse('admin:consortium')}?month={month}")
    assert shown.status_code == 200
    return list(csv.DictReader(StringIO(text(staff.get(f"{reverse('admin:consortium_csv')}?month={month}")))))


def test_sold_use_and_revenue_of_each_member_are_what_a_count_by_hand_gives(world: dict[str, Any]) -> None:
    start = world["start"]
    seconds = int((month_start(start + timedelta(days=32)) - start).total_seconds())
    sold = {row["name"]: row for row in figures(f"{start:%Y-%m}") if row["figure"] == "sold"}
    first, third = sold[world["first"].name], sold[world["third"].name]
    # 8 GPUs for 10 h and half a GPU for 4 h at 2 credits, one for an hour at 3; the other's 4 for the second hour at 5.
    assert (first["milli_gpus"], third["milli_gpus"]) == ("72000", "16000")
    assert int(first["milli_gpu_seconds"]) == (80_000 + 2000 + 1000) * 3600
    assert int(third["milli_gpu_seconds"]) == 4000 * 3600
    assert (Decimal(first["credits"]), Decimal(third["credits"])) == (Decimal(80 * 2 + 2 * 2 + 3), Decimal(4 * 5))
    for row in (first, third):
        share = Decimal(row["milli_gpu_seconds"]) * 100 / (Decimal(row["milli_gpus"]) * seconds)
        assert abs(Decimal(row["used_percent"]) - share) <= Decimal("0.1")
    before = {row["name"]: row["credits"] for row in figures(f"{start - timedelta(days=1):%Y-%m}")}
    assert Decimal(before[world["third"].name]) == 64 * 5


def test_what_is_owed_is_every_lot_that_can_still_be_spent_and_every_hold(
    world: dict[str, Any], mine: Tenant, theirs: Tenant
) -> None:
    now = clock.now()
    make_lot(mine.organisation, 70, origin=Origin.GRANT, expires_at=now + timedelta(days=40))
    make_lot(theirs.organisation, 30, origin=Origin.PROMO, expires_at=now - timedelta(days=1))
    purpose = purpose_of(mine, world["market"])
    place_hold(purpose=purpose, amount=90 * MICRO, reference="h", at=now)
    # 1,000 credits each, less what each used: 160 + 3 + 320 and 4 + 20; the expired promotion is owed to nobody.
    spent = (160 + 3 + 320) + (4 + 20)
    owed = liability(now)
    assert sum(one.total for one in owed) == (2000 + 70 - spent) * MICRO
    assert sum(one.held for one in owed) == 90 * MICRO
    assert [one.origin for one in owed] == ["grant", "purchase"]
    expire_lots(at=now + GRACE)
    assert sum(one.total for one in liability(now)) == (2000 + 70 - spent) * MICRO
    lots = LedgerAccount.objects.filter(kind=AccountKind.LOT)
    assert sum(one.credits - one.debits for one in lots) == (2000 + 70 - spent) * MICRO
    rows = [row for row in figures(f"{now:%Y-%m}") if row["figure"] == "liability"]
    assert sum(Decimal(row["credits"]) for row in rows) == 2000 + 70 - spent
    assert sum(Decimal(row["held_credits"]) for row in rows) == 90


def test_a_queue_is_decided_in_one_go_each_row_on_the_record_with_the_reason(db: None) -> None:
    member, now = make_member(), clock.now()
    actor = member.actor("operator")
    rows = []
    for _ in range(3):
        made = offers.create_offer(actor=actor, wish=wish_for(make_pool(member.organisation)), at=now)
        rows.append(offers.propose_offer(actor=actor, public_id=made.public_id, at=now))
    staff, person = make_staff("first")
    chosen = {"action": "reject", "_selected_action": [str(row.pk) for row in rows]}
    asked = staff.post("/admin/marketplace/offer/", chosen)
    assert asked.status_code == 200
    assert all(row.title in asked.content.decode() for row in rows)
    nothing = staff.post("/admin/marketplace/offer/", {**chosen, "confirmed": "yes", "reason": " "})
    assert nothing.status_code == 200
    assert AuditEvent.objects.filter(action="offer.rejected").count() == 0
    offers.withdraw_own_offer(actor=actor, public_id=rows[2].public_id, at=now)
    answer = staff.post("/admin/marketplace/offer/", {**chosen, "confirmed": "yes", "reason": "Too dear."})
    assert len(words(answer)) == 3
    states = [type(row).objects.get(pk=row.pk).state for row in rows]
    assert states == [OfferState.REJECTED, OfferState.REJECTED, OfferState.WITHDRAWN]
    acts = AuditEvent.objects.filter(action="offer.rejected")
    assert {(one.reason, one.user_id, one.via) for one in acts} == {("Too dear.", person.pk, "admin")}
    plain, _person = make_staff("plain", is_superuser=False)
    assert plain.post("/admin/marketplace/offer/", chosen).status_code == 403
