# SPDX-License-Identifier: Apache-2.0
"""Pages, API and staff site do what the services do, say what is wrong, and ask no more for longer lists."""

import re
from datetime import timedelta
from functools import partial
from io import BytesIO
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from aion import clock
from aion.events.types import TYPES, sentence
from aion.tenancy.roles import Role
from billing.invoicing.queries.rules import seller_on
from billing.procurement.models import BankTransfer, CostCentre, FrameworkAgreement, PurchaseOrder, Quote
from billing.procurement.services import centres
from tests.billing import staffing
from tests.billing.staffing import make_staff
from tests.procurement.scenes import (
    LARGE,
    SMALL,
    accepted,
    accepted_quote,
    agreed,
    attested,
    issue,
    legal,
    offered,
    placed,
    spend,
)
from tests.worlds import MICRO, NOW, Market, Tenant, browser, count

ATTEST = "/api/v1/purchase-orders/{}/attest"


def page(tenant: Tenant, name: str, *arguments: Any) -> str:
    return reverse(f"portal:{name}", args=[tenant.organisation.slug, *arguments])


press = partial(staffing.press, of="procurement")


def ask(client: Client, model: str, **data: Any) -> Any:
    return client.post(reverse(f"admin:procurement_{model}_add"), data)


def test_who_accepted_a_quote_is_told_where_to_pay_until_it_is_paid(mine: Tenant, market: Market, api: Any) -> None:
    quote = accepted_quote(mine)
    account = seller_on(NOW.date())
    assert account is not None
    here, client = browser(mine), api(mine.key())

    def told() -> tuple[bool, Any]:
        shown = here.get(page(mine, "quote", quote.public_id)).content.decode()
        return "FR04 3000 1009 99AI ON00 0000 103" in shown, client.get(f"/api/v1/quotes/{quote.public_id}").json()

    on_page, answer = told()
    assert (on_page, answer["pay_to"]) == (
        True,
        {"holder": account.legal_name, "iban": account.iban, "bic": account.bic},
    )
    paper = " ".join(
        PdfReader(BytesIO(here.get(page(mine, "quote_pdf", quote.public_id)).content)).pages[0].extract_text().split()
    )
    for part in (account.siret, account.vat_number, account.bic, "FR04 3000 1009 99AI ON00 0000 103", "600.00"):
        assert part in paper, part
    desk, _ = make_staff("desk")
    day = f"{clock.now():%Y-%m-%d}"
    press(desk, "quote", "pay", quote.pk, amount="600.00", received_on=day, bank_reference="B")
    on_page, answer = told()
    assert (on_page, answer["pay_to"]) == (False, None)


def test_staff_read_a_state_in_words_on_its_list_in_its_filter_and_on_its_own_page(
    mine: Tenant, market: Market
) -> None:
    centre = centres.create_centre(actor=mine.actor(), code="R", name="R", soft_cap_cents=1, at=NOW)
    order = placed(mine, cost_centre=centre.public_id)
    assert order.state == "in_review"
    desk, _ = make_staff("desk")
    for address in (
        reverse("admin:procurement_purchaseorder_changelist"),
        reverse("admin:procurement_purchaseorder_change", args=[order.pk]),
    ):
        words = re.sub(r"<[^>]*>", "|", desk.get(address).content.decode())
        assert "In review" in words
        assert "in_review" not in words


def test_a_quote_goes_from_the_portal_over_staff_to_credits(mine: Tenant, market: Market) -> None:
    legal(mine)
    here, (desk, _) = browser(mine), make_staff("desk")
    here.post(page(mine, "quote_new"), {"credits": "500", "note": "for the summer"})
    row = Quote.objects.get()
    assert "quote_pdf" not in here.get(page(mine, "quote", row.public_id)).content.decode()
    assert here.get(page(mine, "quote_pdf", row.public_id)).status_code == 404
    assert "offered" in press(desk, "quote", "offer", row.pk, valid_days="30")[0]
    assert here.get(page(mine, "quote_accept", row.public_id)).status_code == 200
    assert here.get(page(mine, "quote_pdf", row.public_id)).content.startswith(b"%PDF")
    here.post(page(mine, "quote_accept", row.public_id))
    day = f"{clock.now():%Y-%m-%d}"
    said = press(desk, "quote", "pay", row.pk, amount="600.01", received_on=day, bank_reference="A")
    assert "600.00" in said[0]
    press(desk, "quote", "pay", row.pk, amount="600.00", received_on=day, bank_reference="B")
    row.refresh_from_db()
    assert row.lot is not None and row.lot.available == 500 * MICRO
    assert sorted(BankTransfer.objects.values_list("state", flat=True)) == ["approved", "refused"]
    shown = here.get(page(mine, "quote", row.public_id)).content.decode()
    assert row.lot.public_id in shown


def test_wrong_input_stands_beside_its_field(mine: Tenant) -> None:
    here = browser(mine)
    answer = here.post(page(mine, "quote_new"), {"credits": "0"})
    assert (answer.status_code, "aria-invalid" in answer.content.decode()) == (422, True)
    answer = here.post(page(mine, "purchase_order_new"), {"amount": "10.00", "siret": "21750001600018"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["siret"])
    answer = here.post(page(mine, "purchase_order_new"), {"amount": "-1"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["amount"])
    answer = here.post(page(mine, "cost_centres"), {"code": "A", "name": "A", "soft_cap": "2", "hard_cap": "1"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["soft_cap"])


def test_an_order_under_a_lot_goes_through_the_portal_to_its_invoice(mine: Tenant, market: Market) -> None:
    at = clock.now()
    row = agreed(mine, at=at, lots=(("A", 50_000_00),))
    here, (desk, _) = browser(mine), make_staff("desk")
    here.post(page(mine, "cost_centres"), {"code": "4711", "name": "Research", "hard_cap": "5000.00"})
    centre = CostCentre.objects.get()
    form = {"key": "k", "amount": "1000.50", "under": f"{row.public_id}:A", "cost_centre": centre.public_id}
    for _ in range(2):
        assert here.post(page(mine, "purchase_order_new"), form).status_code == 302
    order = PurchaseOrder.objects.get()
    assert (order.amount_cents, order.agreement_lot.code if order.agreement_lot else "") == (1_000_50, "A")
    assert "accepted" in press(desk, "purchaseorder", "accept", order.pk)[0]
    order.refresh_from_db()
    spend(order, 200_00, at)
    assert 'value="200.00"' in here.get(page(mine, "purchase_order_attest", order.public_id)).content.decode()
    day = f"{at:%Y-%m-%d}"
    form = {"key": "a", "amount": "200.01", "period_first": day, "period_last": day}
    answer = here.post(page(mine, "purchase_order_attest", order.public_id), form)
    assert (answer.status_code, list(answer.context["form"].errors)) == (409, ["amount"])
    for _ in range(2):
        here.post(page(mine, "purchase_order_attest", order.public_id), {**form, "amount": "200"})
    made = order.attestations.get()
    issue(made.document, at)
    press(desk, "serviceattestation", "pay", made.pk, amount="240", received_on=day, bank_reference="C")
    shown = here.get(page(mine, "purchase_order", order.public_id)).content.decode()
    assert shown.count("200.00") >= 3
    for name, thing in (("agreement", row), ("cost_centre", centre)):
        assert "1,000.50" in here.get(page(mine, name, thing.public_id)).content.decode()


def test_a_soft_cap_is_approved_in_the_portal_by_another(mine: Tenant) -> None:
    legal(mine)
    centre = centres.create_centre(actor=mine.actor(), code="R", name="R", soft_cap_cents=1, at=clock.now())
    order = placed(mine, role=Role.BILLING, cost_centre=centre.public_id, at=clock.now())
    there = page(mine, "purchase_order_approve", order.public_id)
    assert browser(mine, Role.BILLING).post(there).status_code == 403
    assert browser(mine, Role.ADMIN).post(there).status_code == 302
    order.refresh_from_db()
    assert order.state == "submitted"


def test_staff_draft_an_agreement_with_lots_and_another_activates_it(mine: Tenant, market: Market) -> None:
    legal(mine)
    (desk, _), (second, _) = make_staff("desk"), make_staff("second")
    at = clock.now()
    form = {
        "organisation": mine.organisation.pk, "title": "GPU", "reference": "M-17", "maximum": "90000",
        "starts_on": f"{at:%Y-%m-%d}", "ends_on": f"{at + timedelta(days=400):%Y-%m-%d}",
        "lot_lines": "A; Training; 60000,50\nB; Inference; 30000", "revision_rule": "",
    }  # fmt: skip
    assert ask(desk, "frameworkagreement", **{**form, "lot_lines": "A; only two"}).status_code == 200
    assert ask(desk, "frameworkagreement", **{**form, "maximum": "1"}).status_code == 200
    assert FrameworkAgreement.objects.count() == 0
    answer = ask(desk, "frameworkagreement", **form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = FrameworkAgreement.objects.get()
    assert list(row.lots.values_list("code", "maximum_cents")) == [("A", 60_000_50), ("B", 30_000_00)]
    assert "another" in press(desk, "frameworkagreement", "activate", row.pk)[0]
    press(second, "frameworkagreement", "activate", row.pk)
    row.refresh_from_db()
    assert row.state == "active"
    order = {"organisation": mine.organisation.pk, "euros": "100", "agreement": row.pk}
    assert ask(desk, "purchaseorder", **order).status_code == 200  # without a lot
    answer = ask(desk, "purchaseorder", **order, agreement_lot=row.lots.get(code="A").pk)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert PurchaseOrder.objects.get().by_staff


@pytest.mark.parametrize(
    "model",
    ["quote", "banktransfer", "frameworkagreement", "purchaseorder", "serviceattestation", "agreementlot",
     "costcentre", "agreementrule", "buyerrequirement"],
)  # fmt: skip
def test_staff_see_each_list_and_each_row(mine: Tenant, market: Market, model: str) -> None:
    at = clock.now()
    row = agreed(mine, at=at, lots=(("A", LARGE),))
    centre = centres.create_centre(actor=mine.actor(), code="R", name="R", at=at)
    order = accepted(mine, at=at, agreement=row.public_id, lot="A", cost_centre=centre.public_id)
    spend(order, 10_00, at)
    attested(mine, order, 5_00, at)
    accepted_quote(mine, at=at)
    desk, _ = make_staff("desk")
    assert desk.get(reverse(f"admin:procurement_{model}_changelist")).status_code == 200
    first = apps.get_model("procurement", model).objects.first()
    if first is not None:
        assert desk.get(reverse(f"admin:procurement_{model}_change", args=[first.pk])).status_code == 200


def test_large_money_is_booked_by_a_second_person_on_the_staff_site(mine: Tenant, market: Market) -> None:
    at = clock.now()
    quote = accepted_quote(mine, LARGE // 100, at)
    (desk, _), (second, _) = make_staff("desk"), make_staff("second")
    press(desk, "quote", "pay", quote.pk, amount="30000", received_on=f"{at:%Y-%m-%d}", bank_reference="A")
    row = BankTransfer.objects.get()
    assert "another" in press(desk, "banktransfer", "approve", row.pk)[0]
    press(second, "banktransfer", "approve", row.pk)
    quote.refresh_from_db()
    assert quote.settled_at is not None


def test_the_api_places_approves_attests_and_repeats(mine: Tenant, theirs: Tenant, api: Any) -> None:
    at = clock.now()
    legal(mine)
    client = api(mine.key())
    body = {"amount_cents": SMALL, "engagement_number": "EJ"}
    first = client.post("/api/v1/purchase-orders", body, format="json", headers={"Idempotency-Key": "k"})
    again = client.post("/api/v1/purchase-orders", body, format="json", headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.json()) == (201, first.json())
    other = client.post(
        "/api/v1/purchase-orders", {**body, "amount_cents": 1}, format="json", headers={"Idempotency-Key": "k"}
    )
    assert (other.status_code, PurchaseOrder.objects.count()) == (422, 1)
    order = accepted(mine, at=at)
    spend(order, 100_00, at)
    day = f"{at:%Y-%m-%d}"
    wish = {"amount_cents": 100_01, "period_first": day, "period_last": day}
    refused = client.post(ATTEST.format(order.public_id), wish, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_consumed")
    made = client.post(ATTEST.format(order.public_id), {**wish, "amount_cents": 40_00}, format="json")
    assert (made.status_code, made.json()["order"]) == (201, order.public_id)
    shown = client.get(f"/api/v1/purchase-orders/{order.public_id}").json()
    assert shown["figures"] == {
        "committed_cents": SMALL, "consumed_cents": 100_00, "invoiced_cents": 40_00, "paid_cents": 0,
    }  # fmt: skip
    stranger = api(theirs.key())
    assert stranger.post(ATTEST.format(order.public_id), wish, format="json").status_code == 404
    assert client.post("/api/v1/purchase-orders", {"amount_cents": -1}, format="json").status_code == 422
    assert client.post("/api/v1/purchase-orders", {**body, "siret": "1"}, format="json").json()["code"] == "invalid"


def test_the_api_asks_for_accepts_and_declines_quotes(mine: Tenant, market: Market, api: Any) -> None:
    client, at = api(mine.key()), clock.now()
    made = client.post("/api/v1/quotes", {"credits": 5}, format="json")
    assert (made.status_code, made.json()["state"], made.json()["number"]) == (201, "draft", None)
    assert client.post(f"/api/v1/quotes/{made.json()['id']}/accept").status_code == 409
    one, two = offered(mine, at=at), offered(mine, at=at)
    assert client.post(f"/api/v1/quotes/{one.public_id}/accept").json()["state"] == "accepted"
    declined = client.post(f"/api/v1/quotes/{two.public_id}/decline", {"reason": "dear"}, format="json")
    assert (declined.json()["state"], declined.json()["reason"]) == ("declined", "dear")


def test_the_api_changes_a_cost_centre(mine: Tenant, api: Any) -> None:
    client = api(mine.key())
    made = client.post("/api/v1/cost-centres", {"code": "R", "name": "R", "hard_cap_cents": 5}, format="json").json()
    body = {"name": "S", "soft_cap_cents": None, "hard_cap_cents": None, "closed": True}
    changed = client.put(f"/api/v1/cost-centres/{made['id']}", body, format="json")
    assert (changed.status_code, changed.json()["name"], changed.json()["closed_at"] is None) == (200, "S", False)


def test_longer_lists_ask_no_more(mine: Tenant, market: Market, api: Any) -> None:
    at = clock.now()
    here, client = browser(mine), api(mine.key())

    def more() -> None:
        row = agreed(mine, at=at, lots=(("A", LARGE),))
        number = CostCentre.objects.count()
        centre = centres.create_centre(actor=mine.actor(), code=f"R{number}", name="R", at=at)
        order = accepted(mine, at=at, agreement=row.public_id, lot="A", cost_centre=centre.public_id)
        spend(order, 10_00, at)
        attested(mine, order, 5_00, at)
        accepted_quote(mine, at=at)

    def all_counts() -> dict[str, int]:
        found = {
            name: count(lambda name=name: here.get(page(mine, name)))  # type: ignore[misc]  # bound at once
            for name in ("quotes", "agreements", "purchase_orders", "cost_centres", "purchase_order_new")
        }
        for name in ("quotes", "framework-agreements", "purchase-orders", "service-attestations", "cost-centres"):
            found[name] = count(lambda name=name: client.get(f"/api/v1/{name}"))  # type: ignore[misc]  # bound at once
        return found

    more()
    all_counts()
    before = all_counts()
    for _ in range(3):
        more()
    assert all_counts() == before


def test_lists_are_narrowed_and_empty_lists_say_so(mine: Tenant, market: Market) -> None:
    here = browser(mine)
    for name in ("quotes", "agreements", "purchase_orders", "cost_centres"):
        assert 'class="empty"' in here.get(page(mine, name)).content.decode()
    order = placed(mine, engagement_number="EJ-77", at=clock.now())
    there = page(mine, "purchase_orders")
    found = {query: order.number in here.get(there + query).content.decode() for query in ("?q=ej-77", "?q=nothing",
             "?state=accepted", "?state=submitted", "?state=x")}  # fmt: skip
    assert found == {
        "?q=ej-77": True, "?q=nothing": False, "?state=accepted": False, "?state=submitted": True, "?state=x": True,
    }  # fmt: skip


def test_every_event_of_procurement_is_a_sentence() -> None:
    ours = [one for one in TYPES.values() if one.family in {"quote", "order"}]
    assert len(ours) == 12
    assert [one.name for one in ours if "–" in sentence(one.name, one.example).replace("2026–2029", "")] == []
