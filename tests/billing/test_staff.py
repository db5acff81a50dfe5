# SPDX-License-Identifier: Apache-2.0
"""The staff side of money: each queue's act works, every refusal is shown, and nobody decides on their own request."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aion.audit.models import AuditEvent
from billing.models import (
    BudgetCrossing,
    CorrectionRequest,
    CreditRequest,
    LedgerAccount,
    PriceBook,
    PriceDraft,
    QuarantinedUsage,
    Reconciliation,
    Transfer,
    UsageRecord,
)
from billing.services import budgets
from billing.services.metering import Window, post_windows
from billing.services.pricing import Tier, publish_price
from billing.services.promotions import PromotionWish, create_promotion
from billing.services.reconciliation import keep_result
from billing.services.statements import close_month
from billing.services.vouchers import PromoWish, request_promo_code
from billing.states import BudgetPeriod, BudgetScope, Origin
from tests.billing.books import drift, staff
from tests.billing.staffing import SOON, address, make_staff, press, split, words
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, make_lot, make_market, make_meter, make_tenant

LISTS = [
    "ledgeraccount", "transfer", "hold", "creditrequest", "correctionrequest", "quarantinedusage", "run", "meter",
    "usagehour", "usagebatch", "budget", "budgetcrossing", "monthstatement", "sku", "pricebook", "price",
    "pricedraft", "promocode", "promotion", "reconciliation",
]  # fmt: skip


def grant(client: Client, tenant: Tenant, credits: str, **data: Any) -> Any:
    return client.post(
        address("creditrequest", "add"),
        {"organisation": tenant.organisation.pk, "credits": credits, "label": "RAISE", "reason": "award",
         "min_level": "0", **data},
    )  # fmt: skip


def test_a_small_grant_with_restrictions_is_issued_at_once(first: Client, mine: Tenant, market: Market) -> None:
    answer = grant(first, mine, "12.5", only_skus=[market.sku.pk], only_sites=[market.site.code], min_level="2",
                   **split("starts_at", SOON), **split("expires_at", SOON + timedelta(days=10)))  # fmt: skip
    assert answer.status_code == 302
    lot = CreditRequest.objects.get().lot
    assert (lot.credits, lot.sku_codes, lot.site_codes, lot.min_level, lot.starts_at) == (
        12_500_000, [market.sku.code], [market.site.code], 2, SOON
    )  # fmt: skip


def test_a_refused_grant_stores_nothing_and_says_why_at_the_field(first: Client, mine: Tenant) -> None:
    answer = grant(first, mine, "5", **split("expires_at", NOW - timedelta(days=900)))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["expires_at"] == ["The expiry must lie in the future."]
    assert (CreditRequest.objects.count(), AuditEvent.objects.filter(action="lot.requested").count()) == (0, 0)


def test_a_large_grant_is_approved_by_a_second_person_only(first: Client, second: Client, mine: Tenant) -> None:
    assert "above the limit" in words(grant(first, mine, "10001"))[0]
    request = CreditRequest.objects.get()
    (refusal,) = press(first, "creditrequest", "approve", request.pk)
    assert refusal.endswith("You asked for this grant: a second member of staff must approve it.")
    assert press(second, "creditrequest", "approve", request.pk) == [f"{request}: approved"]
    request.refresh_from_db()
    assert (request.state, request.decided_by, request.lot.credits) == (
        "approved",
        "second@aion.example",
        10_001 * MICRO,
    )
    assert "approve-one" not in second.get(address("creditrequest", "change", request.pk)).content.decode()
    assert "waits" in press(second, "creditrequest", "approve", request.pk)[0]


def test_requests_are_rejected_from_the_list_with_a_reason(first: Client, second: Client, mine: Tenant) -> None:
    grant(first, mine, "10001")
    request = CreditRequest.objects.get()
    chosen = {"action": "reject", "_selected_action": [request.pk]}
    asked = second.post(address("creditrequest"), chosen)
    assert (asked.status_code, CreditRequest.objects.get().state) == (200, "pending")
    unreasoned = second.post(address("creditrequest"), {**chosen, "confirmed": "yes", "reason": ""})
    assert (unreasoned.status_code, CreditRequest.objects.get().state) == (200, "pending")
    second.post(address("creditrequest"), {**chosen, "confirmed": "yes", "reason": "not eligible"})
    assert CreditRequest.objects.get().state == "rejected"
    assert AuditEvent.objects.get(action="lot.rejected").reason == "not eligible"


def test_what_was_asked_for_cannot_be_changed_behind_the_second_persons_back(first: Client, mine: Tenant) -> None:
    grant(first, mine, "10001")
    with pytest.raises(IntegrityError), transaction.atomic():
        CreditRequest.objects.update(amount=1)


def correct(client: Client, reference: str, **data: Any) -> Any:
    given = {"reference": reference, **split("hour", NOW), "start_second": "0", "seconds_after": "1800",
             "reason": "the node was down", **data}  # fmt: skip
    return client.post(address("correctionrequest", "add"), given)


def test_a_correction_gives_back_after_a_second_person_approved(
    first: Client, second: Client, mine: Tenant, market: Market
) -> None:
    meter = make_meter(mine, market)
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="test", at=NOW + timedelta(hours=2))
    assert correct(first, meter.reference).status_code == 302
    request = CorrectionRequest.objects.get()
    assert (request.seconds_before, request.seconds_after, request.state) == (3600, 1800, "pending")
    assert "a second member of staff" in press(first, "correctionrequest", "approve", request.pk)[0]
    assert press(second, "correctionrequest", "approve", request.pk) == [f"{request}: corrected"]
    moved = Transfer.objects.get(kind="correction")
    assert (moved.amount, moved.credit_account.organisation_id) == (PRICE // 2, mine.organisation.pk)
    page = second.get(address("correctionrequest", "change", request.pk)).content.decode()
    assert moved.public_id in page
    assert drift() == []


def test_a_correction_of_nothing_is_refused_at_its_field(first: Client, mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="test", at=NOW + timedelta(hours=2))
    unknown = correct(first, "nobody/knows").context["adminform"].form
    assert unknown.errors["reference"] == ["There is no such device."]
    right = correct(first, meter.reference, seconds_after="3600").context["adminform"].form
    assert right.errors["seconds_after"] == ["The window has these seconds already."]
    beyond = correct(first, meter.reference, start_second="1800", seconds_after="3000").context["adminform"].form
    assert beyond.errors["seconds_after"] == ["A window lies inside its hour."]
    assert CorrectionRequest.objects.count() == 0


def test_a_correction_never_runs_into_the_next_window(first: Client, mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    windows = [Window(NOW, meter.pk, 600), Window(NOW + timedelta(minutes=30), meter.pk, 600)]
    post_windows(windows=windows, source="test", at=NOW + timedelta(hours=2))
    beyond = correct(first, meter.reference, seconds_after="1801").context["adminform"].form
    assert beyond.errors["seconds_after"] == [
        "The window would reach into the one from second 1800 on: correct that one first."
    ]
    assert correct(first, meter.reference, seconds_after="1800").status_code == 302


def test_a_correction_waiting_while_a_window_arrives_behind_it_is_refused_at_the_approval(
    first: Client, second: Client, mine: Tenant, market: Market
) -> None:
    meter = make_meter(mine, market)
    post_windows(windows=[Window(NOW, meter.pk, 600)], source="test", at=NOW + timedelta(hours=2))
    correct(first, meter.reference, seconds_after="3600")
    later = Window(NOW + timedelta(minutes=30), meter.pk, 600)
    post_windows(windows=[later], source="test", at=NOW + timedelta(hours=3))
    assert "from second 1800 on" in press(second, "correctionrequest", "approve", CorrectionRequest.objects.get().pk)[0]
    assert CorrectionRequest.objects.get().state == "pending"
    assert drift() == []


def test_a_correction_is_rejected_with_a_reason(first: Client, second: Client, mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market)
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="test", at=NOW + timedelta(hours=2))
    correct(first, meter.reference)
    press(second, "correctionrequest", "reject", CorrectionRequest.objects.get().pk, reason="the node was up")
    assert CorrectionRequest.objects.get().state == "rejected"
    assert UsageRecord.objects.count() == 1


def test_quarantined_usage_is_closed_with_a_finding_and_stays(first: Client, mine: Tenant, market: Market) -> None:
    meter = make_meter(mine, market, allowed=False)
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="test", at=NOW + timedelta(hours=2))
    usage = QuarantinedUsage.objects.get()
    page = first.get(address("quarantinedusage", "change", usage.pk)).content.decode()
    assert meter.run.workload_ref in page
    assert "EU_RESIDENT: refused" in page
    path = address("quarantinedusage")
    assert len(first.get(path, {"reviewed": "no"}).context["cl"].result_list) == 1
    press(first, "quarantinedusage", "close", usage.pk, note="launched before the policy changed")
    assert len(first.get(path, {"reviewed": "no"}).context["cl"].result_list) == 0
    assert usage.review.reviewed_by == "first@aion.example"
    assert "before the policy changed" in first.get(address("quarantinedusage", "change", usage.pk)).content.decode()
    assert QuarantinedUsage.objects.count() == 1


def test_unspent_purchased_credit_is_refunded_once_however_often_the_button_is_pressed(
    first: Client, mine: Tenant
) -> None:
    lot = LedgerAccount.objects.get(organisation=mine.organisation)
    path = reverse("admin:billing_ledgeraccount_refund_one", args=[lot.pk])
    form = first.get(path).context["form"]
    data = {"confirmed": "yes", "credits": "400", "reason": "asked for", "key": form.initial["key"]}
    assert str(form.initial["credits"]) == "1000"
    assert [len(words(first.post(path, data))) for _ in range(2)] == [1, 2]
    lot.refresh_from_db()
    assert lot.available == 600 * MICRO
    refusal = press(first, "ledgeraccount", "refund", lot.pk, credits="601", reason="more", key="other")[-1]
    assert "600.00 credits of this lot" in refusal
    assert drift() == []


def test_the_refund_form_offers_at_most_what_one_person_may_refund(first: Client, mine: Tenant, settings: Any) -> None:
    settings.FOUR_EYES_LIMIT_MICROCREDITS = 300 * MICRO
    lot = LedgerAccount.objects.get(organisation=mine.organisation)
    path = reverse("admin:billing_ledgeraccount_refund_one", args=[lot.pk])
    offered = []
    for number, credits in enumerate(("100", "200")):
        offered.append(first.get(path).context["form"].initial["credits"])
        press(first, "ledgeraccount", "refund", lot.pk, credits=credits, reason="asked for", key=str(number))
    form = first.get(path)
    offered.append(form.context["form"].initial["credits"])
    assert ([None if one is None else int(one) for one in offered], form.status_code) == ([300, 200, None], 200)
    lot.refresh_from_db()
    assert lot.available == 700 * MICRO


def test_a_grant_is_reversed_from_its_entry_and_a_spent_one_is_not(first: Client, market: Market) -> None:
    tenant = make_tenant(credit=0)
    lot = make_lot(tenant.organisation, 5, origin=Origin.GRANT)
    make_meter(tenant, market, hold=MICRO)
    entry = Transfer.objects.get(credit_account=lot)
    assert "4.00 are still there" in press(first, "transfer", "reverse", entry.pk, reason="mistake")[0]
    other = make_lot(tenant.organisation, 7, origin=Origin.GRANT)
    entry = Transfer.objects.get(credit_account=other)
    assert press(first, "transfer", "reverse", entry.pk, reason="mistake") == [f"{entry}: reversed"]
    assert "reverse-one" not in first.get(address("transfer", "change", entry.pk)).content.decode()
    assert drift() == []


def test_who_may_only_look_cannot_decide(mine: Tenant, first: Client) -> None:
    grant(first, mine, "10001")
    request = CreditRequest.objects.get()
    client, user = make_staff("auditor", is_superuser=False)
    user.user_permissions.add(Permission.objects.get(codename="view_creditrequest"))
    assert client.get(address("creditrequest", "change", request.pk)).status_code == 200
    assert client.get(reverse("admin:billing_creditrequest_approve_one", args=[request.pk])).status_code == 403
    assert client.get(address("creditrequest", "add")).status_code == 403
    client.post(address("creditrequest"), {"action": "approve", "_selected_action": [request.pk], "confirmed": "yes"})
    assert CreditRequest.objects.get().state == "pending"


def populate(number: int) -> None:
    """Put one more row in every list."""
    tenant, market = make_tenant(), make_market()
    actor = tenant.actor()
    meter = make_meter(tenant, market, hold=MICRO)
    denied = make_meter(tenant, market, allowed=False)
    windows = [Window(NOW, meter.pk, 3600), Window(NOW, denied.pk, 60)]
    post_windows(windows=windows, source="test", at=NOW + timedelta(hours=2))
    wish = budgets.BudgetWish("cap", BudgetScope.ORGANISATION, BudgetPeriod.LIFETIME, 2 * MICRO)
    budgets.create_budget(actor=actor, wish=wish, at=NOW)
    budgets.evaluate(at=NOW + timedelta(hours=3))
    publish_price(actor=actor, book=market.price.book, sku=market.sku, micro_per_gpu_hour=9, valid_from=NOW, at=NOW,
                  tiers=[Tier(10, 8)])  # fmt: skip
    CreditRequest.objects.create(organisation=tenant.organisation, amount=1, label="x", reason="x", requested_by_id=1,
                                 requested_by="x", requested_at=NOW)  # fmt: skip
    CorrectionRequest.objects.create(organisation=tenant.organisation, meter=meter, hour=NOW, start_second=0,
                                     seconds_before=1, seconds_after=0, reason="x", requested_by_id=1,
                                     requested_by="x", requested_at=NOW)  # fmt: skip
    PriceDraft.objects.create(book=market.price.book, valid_from=SOON, lines={market.sku.code: 1}, reason="x",
                              created_by_id=1, created_by="x", created_at=NOW)  # fmt: skip
    PriceBook.objects.create(code=f"book-{number}", name="x")
    create_promotion(actor=actor, wish=PromotionWish(f"p{number}", "x", NOW, SOON, 10), at=NOW)
    wish = PromoWish(f"CODE-{number}", "x", 1, 1, NOW, SOON, 1, "x")
    request_promo_code(actor=staff(), wish=wish, at=NOW)
    keep_result(results=[], at=NOW)


@pytest.mark.parametrize("model", LISTS)
def test_a_list_costs_the_same_queries_for_one_row_and_for_many(first: Client, model: str) -> None:
    counts = []
    for number in range(3):
        populate(number)
        if number == 1:
            continue
        close_month(actor=make_tenant().actor(), month=NOW.replace(day=1).date(), at=NOW + timedelta(days=60))
        with CaptureQueriesContext(connection) as captured:
            answer = first.get(address(model))
        assert (answer.status_code, len(answer.context["cl"].result_list) > 0) == (200, True)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12
    assert BudgetCrossing.objects.count() > 0


def test_the_first_page_counts_what_waits_in_a_constant_number_of_queries(first: Client) -> None:
    counts = []
    for number in range(2):
        populate(number)
        with CaptureQueriesContext(connection) as captured:
            answer = first.get("/admin/")
        counts.append(len(captured))
        queues = {str(queue["title"]): queue["count"] for queue in answer.context["queues"]}
        ours = {
            "Credit requests": number + 1, "Corrections": number + 1, "Promo codes": 0, "Price drafts": number + 1,
            "Quarantined usage": number + 1, "Frozen organisations": 0,
        }  # fmt: skip
        # Other apps register queues of their own, which are empty here.
        assert queues == dict.fromkeys(queues, 0) | ours
        for queue in answer.context["queues"]:
            assert first.get(queue["link"]).status_code == 200
    assert counts[0] == counts[1]
    assert Reconciliation.objects.count() == 2


def test_every_row_of_every_list_has_a_page_that_nobody_can_edit(first: Client) -> None:
    populate(0)
    close_month(actor=make_tenant().actor(), month=NOW.replace(day=1).date(), at=NOW + timedelta(days=60))
    for model in LISTS:
        listed = first.get(address(model))
        row = listed.context["cl"].result_list[0]
        page = first.get(address(model, "change", row.pk))
        assert page.status_code == 200, model
        if model not in {"sku", "pricebook"}:
            assert 'name="_save"' not in page.content.decode(), model
            assert first.post(address(model, "change", row.pk), {"reason": "x"}).status_code == 403, model
        assert first.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403, model
