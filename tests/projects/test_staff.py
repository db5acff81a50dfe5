# SPDX-License-Identifier: Apache-2.0
"""Staff: quota requests are decided with a reason, edits say why, and the consortium sees what it sold and owes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from aion import clock
from aion.audit.models import AuditEvent
from aion.people.quotas import request_quota
from aion.periods import month_start
from billing.models import UsageHour
from billing.queries import liability
from billing.states import Origin
from marketplace.services.orders import place_order
from tests.billing.staffing import make_staff, words
from tests.worlds import MICRO, Market, Tenant, count, launch, make_lot, make_market, text


@pytest.fixture
def staff(db: None) -> Iterator[Client]:
    client, _person = make_staff("first")
    yield client


def test_a_quota_request_is_decided_with_a_reason(staff: Client, mine: Tenant) -> None:
    row = request_quota(actor=mine.actor(), milli_gpus=128_000, reason="Training", at=clock.now())
    front = staff.get("/admin/").content.decode()
    assert "Quota requests" in front
    assert "tenancy/quotarequest/?state__exact=pending" in front
    path = reverse("admin:tenancy_quotarequest_approve_one", args=[row.pk])
    assert "64 → 128" in staff.get(path).content.decode()
    assert staff.post(path, {"confirmed": "yes"}).status_code == 200
    row.refresh_from_db()
    assert row.state == "pending"
    answer = staff.post(path, {"confirmed": "yes", "reason": "Fits"})
    assert words(answer) == [f"{row}: the quota holds from now on"]
    mine.organisation.refresh_from_db()
    assert mine.organisation.milli_gpu_quota == 128_000
    late = staff.post(path, {"confirmed": "yes", "reason": "Again"})
    assert "withdrawn already: Approved" in words(late)[-1]


def test_a_list_of_requests_is_refused_at_once(staff: Client, mine: Tenant, theirs: Tenant) -> None:
    rows = [
        request_quota(actor=one.actor(), milli_gpus=128_000, reason="Training", at=clock.now())
        for one in (mine, theirs)
    ]
    chosen = {"action": "reject", "_selected_action": [str(row.pk) for row in rows], "confirmed": "yes"}
    staff.post(reverse("admin:tenancy_quotarequest_changelist"), {**chosen, "reason": "The site is full"})
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.decision_reason) == ("rejected", "The site is full")


def test_an_edit_needs_a_reason_and_records_what_changed(staff: Client, mine: Tenant) -> None:
    path = reverse("admin:tenancy_project_change", args=[mine.project.pk])
    page = staff.get(path)
    form = page.context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value is not None} | {"name": "Speech"}
    assert "change_reason" in form.fields
    refused = staff.post(path, data)
    assert refused.context["adminform"].form.errors == {"change_reason": ["This field is required."]}
    assert staff.post(path, {**data, "change_reason": "Asked by mail"}).status_code == 302
    event = AuditEvent.objects.get(action="staff.changed")
    assert (event.reason, event.changes) == ("Asked by mail", {"name": ["Main", "Speech"]})
    assert event.organisation_id == mine.organisation.pk


def test_staff_write_quotas_in_gpus_and_policies_that_there_are(staff: Client, mine: Tenant) -> None:
    path = reverse("admin:tenancy_project_change", args=[mine.project.pk])
    form = staff.get(path).context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value is not None} | {"change_reason": "z"}
    assert data["gpus"] == 64
    refused = staff.post(path, {**data, "residency_policy": "nope", "gpus": "9223372036854775807"})
    errors = refused.context["adminform"].form.errors
    assert sorted(errors) == ["gpus", "residency_policy"]
    assert "is not a residency level; use one of" in errors["residency_policy"][0]
    assert staff.post(path, {**data, "residency_policy": "EU_OWNED", "gpus": "12.5"}).status_code == 302
    mine.project.refresh_from_db()
    assert (mine.project.residency_policy, mine.project.milli_gpu_quota) == ("EU_OWNED", 12_500)
    assert staff.get(reverse("admin:tenancy_project_add")).status_code == 403


def test_a_new_row_is_on_the_record_without_a_reason(staff: Client, db: None) -> None:
    path = reverse("admin:billing_sku_add")
    form = staff.get(path).context["adminform"].form
    assert "change_reason" not in form.fields
    data = {name: form.initial.get(name) or "" for name in form.fields}
    answer = staff.post(path, {**data, "code": "tpu-x", "name": "TPU", "accelerator": "gpu"})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert AuditEvent.objects.get(action="staff.added").changes["code"] == [None, "tpu-x"]


def _sold(tenant: Tenant, market: Market, *, gpu_hours: int, credits: int) -> None:
    UsageHour.objects.create(
        organisation=tenant.organisation,
        project=tenant.project,
        sku=market.sku,
        site_code=market.site.code,
        hour=month_start(clock.now()),
        milli_gpu_seconds=gpu_hours * 3_600_000,
        exact=credits * MICRO * 3_600_000,
    )


def test_the_consortium_sees_what_each_member_sold_and_what_is_owed(
    staff: Client, mine: Tenant, market: Market
) -> None:
    _sold(mine, market, gpu_hours=12, credits=30)
    place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=clock.now())
    page = staff.get(reverse("admin:consortium")).content.decode()
    for shown in (market.site.operator.name, "12.0", "30.00", "Purchase", "1,000.00", "997.51", "2.49"):
        assert shown in page
    rows = text(staff.get(reverse("admin:consortium_csv"))).splitlines()
    assert rows[0] == "figure,month,name,milli_gpus,milli_gpu_seconds,used_percent,credits,held_credits"
    assert f"{market.site.operator.name},64000,43200000," in rows[1]
    assert rows[-1] == "liability,,purchase,,,,1000.000000,2.490000"


def test_an_expired_lot_is_owed_no_more_than_its_holds(mine: Tenant) -> None:
    now = clock.now()
    make_lot(mine.organisation, 70, origin=Origin.GRANT, expires_at=now + timedelta(days=1))
    assert {(one.origin, one.total) for one in liability(now)} == {
        ("purchase", 1000 * MICRO),
        ("grant", 70 * MICRO),
    }
    assert [(one.origin, one.total) for one in liability(now + timedelta(days=2))] == [("purchase", 1000 * MICRO)]


def test_the_page_takes_as_many_queries_for_many_members_as_for_one(
    staff: Client, mine: Tenant, market: Market
) -> None:
    path = reverse("admin:consortium")
    staff.get(path)
    few = count(lambda: staff.get(path))
    for number in range(5):
        other = make_market()
        _sold(mine, other, gpu_hours=number + 1, credits=1)
        make_lot(mine.organisation, 5, origin=Origin.PROMO, expires_at=clock.now() + timedelta(days=40 * number + 1))
    assert count(lambda: staff.get(path)) == few


@pytest.mark.parametrize("page", ["consortium", "consortium_csv"])
def test_only_staff_with_the_right_see_the_figures(mine: Tenant, page: str) -> None:
    path = reverse(f"admin:{page}")
    plain, _person = make_staff("plain", is_superuser=False)
    assert plain.get(path).status_code == 403
    customer: Any = Client()
    customer.force_login(mine.people["owner"])
    assert customer.get(path).status_code == 302
    odd, _other = make_staff("odd")
    assert odd.get(f"{path}?month=2026-13").status_code == 200
