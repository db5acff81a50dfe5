# SPDX-License-Identifier: Apache-2.0
"""What staff type or ask for that makes no sense gets an answer at its field or a page, never a failure."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from aion.errors import Rejected
from aion.residency.policy import Level
from billing.models import CorrectionRequest, CreditRequest, LedgerAccount, PriceDraft
from billing.services.credits import Restriction, issue_lot, request_grant
from billing.states import Origin
from tests.billing.staffing import SOON, address, split, words
from tests.worlds import MICRO, NOW, Market, Tenant, make_market

GRANT = {"credits": "5", "label": "RAISE", "reason": "award", "min_level": "0"}


def errors_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return {name: list(words) for name, words in answer.context["adminform"].form.errors.items()}


def test_a_grant_is_only_for_a_residency_level_that_exists(first: Client, mine: Tenant) -> None:
    given = {**GRANT, "organisation": mine.organisation.pk}
    for level in ("99", "-1", "6", "x"):
        refused = errors_of(first.post(address("creditrequest", "add"), {**given, "min_level": level}))
        assert list(refused) == ["min_level"]
    assert CreditRequest.objects.count() == 0
    for number in (0, *Level):
        assert first.post(address("creditrequest", "add"), {**given, "min_level": number}).status_code == 302
    kept = CreditRequest.objects.order_by("pk").values_list("min_level", "lot__min_level")
    assert list(kept) == [(number, number) for number in (0, *Level)]


@pytest.mark.parametrize("level", [-1, 6, 99])
def test_no_lot_is_asked_for_or_issued_with_an_impossible_level(mine: Tenant, level: int) -> None:
    before = LedgerAccount.objects.count()
    with pytest.raises(Rejected) as asked:
        request_grant(
            actor=mine.actor(), organisation_id=mine.organisation.pk, amount=MICRO, label="x", reason="award",
            expires_at=None, only=Restriction(min_level=level), at=NOW,
        )  # fmt: skip
    with pytest.raises(Rejected) as issued:
        issue_lot(
            actor=mine.actor(), organisation_id=mine.organisation.pk, amount=MICRO, label="x", origin=Origin.GRANT,
            key="k", min_level=level, at=NOW,
        )  # fmt: skip
    assert (asked.value.field, issued.value.field) == ("min_level", "min_level")
    assert (CreditRequest.objects.count(), LedgerAccount.objects.count()) == (0, before)


def test_a_grant_is_only_for_sites_that_exist(first: Client, mine: Tenant, market: Market) -> None:
    given = {**GRANT, "organisation": mine.organisation.pk}
    code = market.site.code
    for sites in (["paris-1"], [code, "lyon"], ["\x00"], [code.upper()]):
        refused = errors_of(first.post(address("creditrequest", "add"), {**given, "only_sites": sites}))
        assert list(refused) == ["only_sites"]
    with pytest.raises(Rejected, match=r"There is no such site: lyon, paris-1\.") as asked:
        request_grant(
            actor=mine.actor(), organisation_id=mine.organisation.pk, amount=MICRO, label="x", reason="award",
            expires_at=None, only=Restriction(site_codes=(code, "paris-1", "lyon")), at=NOW,
        )  # fmt: skip
    assert (asked.value.field, CreditRequest.objects.count()) == ("site_codes", 0)
    assert first.post(address("creditrequest", "add"), {**given, "only_sites": [code]}).status_code == 302
    assert CreditRequest.objects.get().lot.site_codes == [code]


@pytest.mark.parametrize("organisation", ["x", "\x00", "-1", "9" * 40, "1.5"])
def test_an_organisation_that_is_no_row_is_refused_at_its_field(first: Client, mine: Tenant, organisation: str) -> None:
    refused = errors_of(first.post(address("creditrequest", "add"), {**GRANT, "organisation": organisation}))
    assert list(refused) == ["organisation"]


@pytest.mark.parametrize("model", ["ledgeraccount", "transfer", "creditrequest", "hold", "sku"])
@pytest.mark.parametrize("key", ["%00", "x", "99999999999999999999999999"])
def test_a_row_that_cannot_exist_is_said_not_to_exist(first: Client, db: None, model: str, key: str) -> None:
    answer = first.get(f"{address(model)}{key}/change/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    assert "exist" in words(answer)[-1]


def test_an_act_on_a_row_that_cannot_exist_goes_back_to_the_list(first: Client, mine: Tenant) -> None:
    lot = LedgerAccount.objects.get(organisation=mine.organisation)
    path = reverse("admin:billing_ledgeraccount_refund_one", args=[lot.pk]).replace(f"/{lot.pk}/", "/%00/")
    answer = first.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, address("ledgeraccount"))
    assert words(answer) == ["It is not there any more."]


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("usagehour", "hour__year=99999"),
        ("usagehour", "hour__year=x"),
        ("transfer", "effective_at__year=99999"),
        ("transfer", "effective_at__gte=never"),
        ("creditrequest", "requested_at__year=-1"),
        ("creditrequest", "state__exact=%00"),
    ],
)
def test_a_filter_that_makes_no_sense_is_dropped(first: Client, mine: Tenant, model: str, query: str) -> None:
    answer = first.get(f"{address(model)}?{query}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{address(model)}?e=1")
    assert first.get(answer.headers["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [("seconds_after", "-1"), ("seconds_after", "3601"), ("start_second", "-1"), ("start_second", "3600")],
)
def test_seconds_outside_an_hour_are_refused_beside_their_field(
    first: Client, mine: Tenant, field: str, value: str
) -> None:
    given = {"reference": "a/b", **split("hour", NOW), "start_second": "0", "seconds_after": "0", "reason": "down"}
    refused = errors_of(first.post(address("correctionrequest", "add"), {**given, field: value}))
    assert list(refused) == [field]
    assert CorrectionRequest.objects.count() == 0


@pytest.mark.parametrize(
    ("price", "tiers", "said"),
    [
        ("3.00", "1000: 3.50", "Each tier needs more hours and a lower price than the one before."),
        ("3.00", "1000: 2.80; 5000: 2.90", "Each tier needs more hours and a lower price than the one before."),
        ("", "1000: 2.80", "Volume tiers need a new price of the same SKU."),
    ],
)
def test_tiers_that_are_no_discount_are_refused_beside_their_gpu(
    first: Client, market: Market, price: str, tiers: str, said: str
) -> None:
    other = make_market().sku
    given = {**split("valid_from", SOON), "reason": "costs", f"price_{market.sku.pk}": price,
             f"tiers_{market.sku.pk}": tiers, f"price_{other.pk}": "3.00",
             f"tiers_{other.pk}": "1000: 2.50"}  # fmt: skip
    answer = first.post(f"{address('pricedraft', 'add')}?book={market.price.book_id}", given)
    assert answer.status_code == 200
    assert answer.context["form"].errors == {f"tiers_{market.sku.pk}": [said]}
    assert PriceDraft.objects.count() == 0


def test_a_wrong_price_is_the_only_thing_said_of_it(first: Client, market: Market) -> None:
    given = {**split("valid_from", SOON), "reason": "costs", f"price_{market.sku.pk}": "-1",
             f"tiers_{market.sku.pk}": "1000: 2.80"}  # fmt: skip
    answer = first.post(f"{address('pricedraft', 'add')}?book={market.price.book_id}", given)
    assert list(answer.context["form"].errors) == [f"price_{market.sku.pk}"]
