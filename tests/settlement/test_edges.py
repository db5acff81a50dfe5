# SPDX-License-Identifier: Apache-2.0
"""What an operator sees of its settlements: pages, files and the API; nothing of anybody else's."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.urls import reverse

from aion.money import decimal_string
from aion.tenancy.roles import Role
from billing.services.metering import Window
from billing.settlement.services.approvals import reject_settlement
from billing.settlement.services.payouts import confirm_payout, record_payout
from tests.billing.books import correct, staff
from tests.settlement.scenes import APRIL, HOUR, MARCH, approve, over, settle, share, statement, use
from tests.worlds import NOW, PRICE, Market, Tenant, browser, count, make_market, make_meter, make_tenant, text

AT = over(MARCH)


@pytest.fixture
def operator(market: Market, mine: Tenant) -> Tenant:
    """Return the operator of a settled site as a tenant whose people can look."""
    from aion.tenancy.models import Membership

    share(market)
    meter = make_meter(mine, market)
    use(Window(NOW, meter.pk, 3600))
    settle(MARCH)
    people = {one.role: one.user for one in Membership.objects.filter(organisation=market.site.operator)}
    return Tenant(market.site.operator, mine.project, people)


def page(tenant: Tenant, name: str, **more: Any) -> str:
    return reverse(f"portal:{name}", kwargs={"slug": tenant.organisation.slug, **more})


def test_the_list_shows_each_month_with_its_share_and_what_is_owed(operator: Tenant, market: Market) -> None:
    answer = browser(operator).get(page(operator, "settlements"))
    assert (answer.status_code, answer.context["owed"]) == (200, 0)
    content = answer.content.decode()
    assert "March 2026" in content
    assert "2.12" in content
    approve(statement(market))
    assert browser(operator).get(page(operator, "settlements")).context["owed"] == 2_116_500


def test_a_settlement_shows_its_lines_and_where_it_stands(operator: Tenant, market: Market) -> None:
    one = statement(market)
    path = page(operator, "settlement", public_id=one.public_id)
    content = browser(operator).get(path).content.decode()
    assert market.site.name in content
    assert "Two people of the consortium check it" in content
    approve(one)
    assert "waits to be paid" in browser(operator).get(path).content.decode()
    asked = record_payout(actor=staff(), organisation_id=operator.organisation.pk, bank_reference="BANK-7", at=AT)
    confirm_payout(actor=staff(), public_id=asked.public_id, at=AT)
    assert "BANK-7" in browser(operator).get(path).content.decode()


def test_the_csv_says_what_the_lines_say_to_the_last_part(operator: Tenant, market: Market, mine: Tenant) -> None:
    answer = browser(operator).get(page(operator, "settlement_csv", public_id=statement(market).public_id))
    (row,) = csv.DictReader(StringIO(text(answer)))
    assert (row["kind"], row["usage_month"], row["site"], row["gpu_seconds"], row["share_percent"]) == (
        "usage", "2026-03", market.site.code, "3600.000", "85.00",
    )  # fmt: skip
    assert (row["charged"], row["share"], row["commission"]) == ("2.490000", "2.116500", "0.373500")
    assert row["exact_charge"] == str(PRICE * 3_600_000)


def test_a_line_that_takes_back_is_a_negative_number_and_no_formula(
    operator: Tenant, market: Market, mine: Tenant
) -> None:
    meter = make_meter(mine, market)
    use(Window(NOW + HOUR, meter.pk, 1800), at=AT + HOUR)
    settle(APRIL)
    approve(statement(market))
    correct(meter, NOW + HOUR, 0, at=over(APRIL) + HOUR)
    from datetime import date

    settle(date(2026, 5, 1))
    path = page(operator, "settlement_csv", public_id=statement(market, date(2026, 5, 1)).public_id)
    (row,) = csv.DictReader(StringIO(text(browser(operator).get(path))))
    assert (row["kind"], row["gpu_seconds"], row["share"]) == ("correction", "-1800.000", "-1.058250")


def test_the_paper_is_a_pdf_in_both_languages(operator: Tenant, market: Market) -> None:
    path = page(operator, "settlement_pdf", public_id=statement(market).public_id)
    for language in ("en", "fr"):
        answer = browser(operator).get(path, headers={"accept-language": language})
        assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")


def test_another_member_cannot_tell_a_hidden_settlement_from_a_missing_one(
    operator: Tenant, market: Market, api: Any
) -> None:
    other = make_market()
    share(other)
    stranger = make_tenant(credit=0)
    stranger.organisation.kind = "member"
    stranger.organisation.save(update_fields=["kind"])
    public_id = statement(market).public_id
    for name in ("settlement", "settlement_csv", "settlement_pdf"):
        answers = [
            browser(stranger).get(page(stranger, name, public_id=one)).status_code
            for one in (public_id, "stl_0000000000000000")
        ]
        assert answers == [404, 404]
    client = api(stranger.key())
    for path in (f"/api/v1/settlements/{public_id}", f"/api/v1/settlements/{public_id}/lines"):
        assert client.get(path).status_code == 404
    assert client.get("/api/v1/settlements").json()["items"] == []


def test_an_organisation_that_is_no_member_has_no_settlements(mine: Tenant, operator: Tenant) -> None:
    assert browser(mine).get(page(mine, "settlements")).status_code == 404
    assert "settlements/" not in browser(mine).get(page(mine, "credits")).content.decode()


def test_a_developer_is_told_that_the_right_is_missing_before_anything_is_looked_up(
    mine: Tenant, market: Market, operator: Tenant
) -> None:
    path = page(mine, "settlement", public_id=statement(market).public_id)
    assert browser(mine, Role.DEVELOPER).get(path).status_code == 403


def test_the_api_gives_a_settlement_its_lines_and_its_filters(operator: Tenant, market: Market, api: Any) -> None:
    client, one = api(operator.key()), statement(market)
    (listed,) = client.get("/api/v1/settlements?state=draft&month=2026-03-01").json()["items"]
    found = client.get(f"/api/v1/settlements/{one.public_id}").json()
    assert listed == found
    assert (found["share_microcredits"], found["share"], found["bank_reference"], found["approved_at"]) == (
        2_116_500, decimal_string(2_116_500), None, None,
    )  # fmt: skip
    (line,) = client.get(f"/api/v1/settlements/{one.public_id}/lines").json()["items"]
    assert (line["site"], line["share_basis_points"], line["commission_microcredits"]) == (
        market.site.code, 8_500, 373_500,
    )  # fmt: skip
    assert client.get("/api/v1/settlements?state=paid").json()["items"] == []
    assert client.get("/api/v1/settlements?state=rejected").status_code == 422
    assert client.get("/api/v1/settlements?moth=2026-03-01").status_code == 422


def test_a_rejected_settlement_is_shown_nowhere(operator: Tenant, market: Market, api: Any) -> None:
    one = statement(market)
    reject_settlement(actor=staff(), public_id=one.public_id, reason="r", at=AT)
    assert browser(operator).get(page(operator, "settlement", public_id=one.public_id)).status_code == 404
    items = api(operator.key()).get("/api/v1/settlements").json()["items"]
    assert [(item["revision"], item["state"]) for item in items] == [(2, "draft")]


def test_lists_and_pages_take_as_many_queries_for_many_rows_as_for_one(
    operator: Tenant, market: Market, mine: Tenant, api: Any
) -> None:
    key, one = operator.key(), statement(market)
    asks = [
        lambda: browser(operator).get(page(operator, "settlements")),
        lambda: api(key).get("/api/v1/settlements"),
    ]
    [count(ask) for ask in asks]  # the first use of a key is written down
    before = [count(ask) for ask in asks]
    detail = count(lambda: browser(operator).get(page(operator, "settlement", public_id=one.public_id)))
    use(Window(NOW + HOUR, make_meter(mine, market).pk, 60), at=AT + HOUR)
    market.price.micro_per_gpu_hour = 1_000_000
    use(Window(NOW + HOUR, make_meter(mine, market).pk, 60), at=AT + HOUR)
    settle(APRIL)
    assert [count(ask) for ask in asks] == before
    latest = statement(market, APRIL)
    assert latest.lines.count() == 2
    assert count(lambda: browser(operator).get(page(operator, "settlement", public_id=latest.public_id))) == detail
