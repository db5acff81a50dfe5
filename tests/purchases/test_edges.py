# SPDX-License-Identifier: Apache-2.0
"""The pages, the API and the staff site of buying: one service behind all three."""

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from aion.tenancy.roles import Role
from billing.invoicing.models import Document
from billing.invoicing.states import DocumentState
from billing.purchases.models import AutoRecharge, Payment, Refund
from billing.purchases.payments.gateway import PayoutLine, PayoutSeen
from billing.purchases.services import payouts, recharge
from billing.purchases.services.recharge import Wish, recharge_low, set_recharge
from tests.purchases.scenes import bought, bought_lots, buy, deliver, intent_of, states
from tests.purchases.twin import Twin
from tests.worlds import MICRO, NOW, Tenant, browser, count


def text(answer: Any) -> str:
    """Return what a page says."""
    return str(answer.content.decode())


def switched_on(tenant: Tenant, *, below: int = 100, credits_: int = 50, monthly: int = 100) -> AutoRecharge:
    """Return a recharge that is on."""
    wish = Wish(below * MICRO, credits_, monthly, "pm_1")
    return set_recharge(actor=tenant.actor(), wish=wish, at=NOW)


def test_the_page_leads_to_the_processor_and_the_second_click_opens_no_second_payment(
    buyer: Tenant, twin: Twin
) -> None:
    client = browser(buyer, Role.BILLING)
    form = {"credits": "200", "method": "card", "key": "once"}
    answers = [client.post("/o/mine/credits/add/", form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0]["Location"] == answers[1]["Location"] == f"https://pay.example/{Payment.objects.get().session_id}"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"credits": "9", "method": "card"}, "between 10 and 250,000 credits"),
        ({"credits": "ten", "method": "card"}, "whole number"),
        ({"credits": "", "method": "card"}, "required"),
        ({"credits": "100", "method": "cash"}, "Choose one of the list"),
        ({"credits": "9" * 40, "method": "card"}, "between 10"),
    ],
)
def test_a_wrong_wish_is_refused_beside_its_field_and_nothing_begins(
    buyer: Tenant, twin: Twin, form: dict[str, str], words: str
) -> None:
    answer = browser(buyer).post("/o/mine/credits/add/", form)
    assert (answer.status_code, words in text(answer), Payment.objects.count()) == (422, True, 0)


def test_a_silent_processor_is_said_so(buyer: Tenant, twin: Twin) -> None:
    twin.down = 1
    answer = browser(buyer).post("/o/mine/credits/add/", {"credits": "100", "method": "card"})
    assert (answer.status_code, "Nothing was charged" in text(answer)) == (503, True)


def test_the_payments_page_looks_again_until_the_payment_and_its_invoice_are_known(buyer: Tenant, twin: Twin) -> None:
    payment = buy(buyer)
    client = browser(buyer)
    page = f"/o/mine/payments/{payment.public_id}/"

    def looks_again(seen: str) -> tuple[str, HttpResponse, str | None]:
        answer = client.get(page, {"seen": seen}, headers={"HX-Request": "true"})
        assert "<html" not in text(answer)
        every = re.search(r'hx-trigger="every (\d)s"', text(answer))
        return text(answer), answer, every and every[1]

    assert '?seen=open." hx-trigger="every 2s"' in text(client.get(page))
    left = text(client.get(page, {"back": "cancelled", "seen": "open."}, headers={"HX-Request": "true"}))
    assert ("You left the payment page" in left, "?seen=open.&amp;back=cancelled" in left) == (True, True)
    assert looks_again('"><script>\x00')[1]["HX-Refresh"] == "true"
    assert "HX-Refresh" not in looks_again("open.")[1]
    twin.pay(intent_of(twin, payment), payment.gross_cents)
    deliver(twin)
    part, answer, pace = looks_again("open.")
    assert ("100 credits are yours" in part, pace, answer["HX-Refresh"]) == (True, "5", "true")
    assert "HX-Refresh" not in looks_again("paid.draft")[1]
    payment.refresh_from_db()
    Document.objects.filter(pk=payment.document_id).move(DocumentState.REFUSED)
    _, answer, pace = looks_again("paid.draft")
    assert (pace, answer["HX-Refresh"]) == (None, "true")


def test_lists_of_payments_cost_the_same_however_many_there_are(buyer: Tenant, twin: Twin, api: Any) -> None:
    client, key = browser(buyer), api(buyer.key())
    buy(buyer)
    key.get("/api/v1/payments")  # the first use of a key is written down
    first = [count(lambda: client.get("/o/mine/payments/")), count(lambda: key.get("/api/v1/payments"))]
    for _ in range(5):
        buy(buyer)
    assert [count(lambda: client.get("/o/mine/payments/")), count(lambda: key.get("/api/v1/payments"))] == first


def test_the_api_begins_a_payment_once_for_a_key(buyer: Tenant, twin: Twin, api: Any) -> None:
    client = api(buyer.key())
    ask = {"credits": 100, "method": "sepa_debit", "success_url": "https://shop.example/done"}
    answers = [client.post("/api/v1/payments", ask, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[0].json()["checkout_url"].startswith("https://pay.example/")
    other = client.post("/api/v1/payments", {**ask, "credits": 200}, format="json", headers={"Idempotency-Key": "k"})
    assert (other.status_code, Payment.objects.count()) == (422, 1)


@pytest.mark.parametrize("address", ["http://shop.example/", "javascript:alert(1)", "nonsense"])
def test_a_browser_is_not_sent_anywhere_unsafe(buyer: Tenant, twin: Twin, api: Any, address: str) -> None:
    ask = {"credits": 100, "success_url": address}
    assert api(buyer.key()).post("/api/v1/payments", ask, format="json").status_code == 422
    assert Payment.objects.count() == 0


def test_the_recharge_over_the_api_is_for_those_who_pay(buyer: Tenant, twin: Twin, api: Any) -> None:
    bought(buyer, twin, 10)
    ask = {"below_microcredits": 100 * MICRO, "credits": 50, "monthly_credits": 100, "method": "pm_1"}
    assert api(buyer.key(Role.VIEWER)).post("/api/v1/auto-recharge", ask, format="json").status_code == 403
    client = api(buyer.key(Role.BILLING))
    assert client.get("/api/v1/auto-recharge").status_code == 404
    assert client.post("/api/v1/auto-recharge", ask, format="json").json()["enabled"] is True
    assert client.get("/api/v1/auto-recharge/methods").json()["results"][0]["name"] == "Visa •••• 4242"
    for role in (Role.DEVELOPER, Role.VIEWER, Role.REVIEWER):
        assert api(buyer.key(role)).post("/api/v1/auto-recharge/stop").status_code == 403
    assert client.post("/api/v1/auto-recharge/stop").json()["enabled"] is False


def test_a_low_balance_buys_once_and_never_past_the_months_cap(buyer: Tenant, twin: Twin) -> None:
    bought(buyer, twin, 10)
    switched_on(buyer, below=1_000, credits_=50, monthly=100)
    assert [recharge_low(at=NOW) for _ in range(4)] == [1, 1, 0, 0]
    assert bought_lots(buyer) == [(10, 10), (50, 50), (50, 50)]


def test_enough_credit_buys_nothing(buyer: Tenant, twin: Twin) -> None:
    bought(buyer, twin, 500)
    switched_on(buyer, below=100)
    assert recharge_low(at=NOW) == 0


def test_a_recharge_without_an_answer_charges_once(buyer: Tenant, twin: Twin) -> None:
    bought(buyer, twin, 10)
    switched_on(buyer, below=100, credits_=50, monthly=50)
    twin.down = 1
    recharge_low(at=NOW)
    assert states() == ["paid", "paid"]
    recharge_low(at=NOW)
    assert (states(), bought_lots(buyer)[1:]) == (["paid", "paid"], [(50, 50)])


def test_three_declined_recharges_switch_it_off(buyer: Tenant, twin: Twin) -> None:
    bought(buyer, twin, 10)
    switched_on(buyer, below=100, credits_=50, monthly=10_000)
    twin.declines = "card_declined"
    assert [recharge_low(at=NOW) for _ in range(4)] == [1, 1, 1, 0]
    row = AutoRecharge.objects.get()
    assert (row.enabled, "declined three times" in row.stopped_reason, bought_lots(buyer)) == (False, True, [(10, 10)])


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (Wish(0, 5, 100, "pm_1"), "credits"),
        (Wish(0, 50, 40, "pm_1"), "monthly_credits"),
        (Wish(-1, 50, 100, "pm_1"), "below"),
        (Wish(0, 50, 100, "pm_of_a_stranger"), "method"),
    ],
)
def test_figures_that_contradict_each_other_switch_nothing_on(
    buyer: Tenant, twin: Twin, wish: Wish, field: str
) -> None:
    bought(buyer, twin, 10)
    with pytest.raises(recharge.RechargeNotPossible) as refusal:
        set_recharge(actor=buyer.actor(), wish=wish, at=NOW)
    assert (refusal.value.field, AutoRecharge.objects.count()) == (field, 0)


def test_the_methods_page_switches_the_recharge_on_and_off(buyer: Tenant, twin: Twin) -> None:
    bought(buyer, twin, 10)
    client = browser(buyer)
    form = {"below": "100", "credits": "50", "monthly_credits": "200", "method": "pm_1"}
    assert client.post("/o/mine/payment-methods/", form).status_code == 302
    assert "Visa •••• 4242" in text(client.get("/o/mine/payment-methods/"))
    assert client.post("/o/mine/payment-methods/recharge/stop/").status_code == 302
    assert AutoRecharge.objects.get().enabled is False
    assert client.post("/o/mine/payment-methods/manage/")["Location"] == "https://pay.example/methods"


def test_staff_pay_back_from_the_payments_page(buyer: Tenant, twin: Twin, staff_browser: Client) -> None:
    payment = bought(buyer, twin, 100)
    page = reverse("admin:purchases_payment_refund_one", args=[payment.pk])
    assert "Unspent credits" in text(staff_browser.get(page, follow=True))
    answer = staff_browser.post(page, {"confirmed": "yes", "credits": "40", "reason": "A mistake"}, follow=True)
    assert (answer.status_code, Refund.objects.get().gross_cents) == (200, 4_800)
    for kind in ("payment", "refund", "dispute", "autorecharge", "processorevent", "refuseddelivery", "payout"):
        assert staff_browser.get(f"/admin/purchases/{kind}/").status_code == 200, kind


def test_a_payout_that_adds_up_is_kept_and_one_that_does_not_is_named(buyer: Tenant, twin: Twin) -> None:
    payment = bought(buyer, twin, 100)
    payment.refresh_from_db()
    charge = PayoutLine("charge", payment.charge_id or "", 12_000, 205)
    twin.paid_out = [
        PayoutSeen("po_1", NOW.date(), 11_795, (charge,)),
        PayoutSeen("po_2", NOW.date(), 5_000, (PayoutLine("charge", "ch_unknown", 4_000, 0),)),
    ]
    wrong = payouts.compare(at=NOW)
    assert [(one.processor_id, one.difference_cents, one.unknown) for one in wrong] == [("po_2", 1_000, ["ch_unknown"])]
    payment.refresh_from_db()
    assert payment.fee_cents == 205
    assert payouts.compare(at=NOW) == []
