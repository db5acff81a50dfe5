# SPDX-License-Identifier: Apache-2.0
"""An act of staff that the service refuses loses nothing of what was typed, and does nothing by half."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse

from aion.errors import Rejected
from billing.models import CreditRequest, LedgerAccount, PromoCode, Transfer
from billing.services.credits import Restriction, request_grant
from billing.states import Origin
from tests.billing.staffing import SOON, address, refusals, split, words
from tests.grants.scenes import make_programme
from tests.worlds import MICRO, NOW, Tenant, make_lot


def grant(client: Client, tenant: Tenant, **data: Any) -> Any:
    given = {"organisation": tenant.organisation.pk, "credits": "10001", "label": "RAISE", "reason": "award",
             "min_level": "0"}  # fmt: skip
    return client.post(address("creditrequest", "add"), {**given, **data})


def test_a_refused_act_comes_back_with_what_was_typed_and_why_beside_the_field(first: Client, mine: Tenant) -> None:
    lot = make_lot(mine.organisation, 5, "Bought", origin=Origin.PURCHASE)
    before = Transfer.objects.count()
    path = reverse("admin:billing_ledgeraccount_refund_one", args=[lot.pk])
    typed = {"confirmed": "yes", "credits": "6", "reason": "The customer's letter of Monday", "key": "k1"}
    answer = first.post(path, typed)
    form = answer.context["form"]
    assert (answer.status_code, list(form.errors), Transfer.objects.count()) == (200, ["credits"], before)
    assert "refund at most that" in form.errors["credits"][0]
    page = answer.content.decode()
    assert "The customer&#x27;s letter of Monday" in page
    assert 'value="6"' in page
    assert first.post(path, {**typed, "credits": "5"}).status_code == 302
    assert Transfer.objects.count() == before + 1


def test_a_refusal_that_is_about_no_field_stands_on_top(first: Client, mine: Tenant) -> None:
    grant(first, mine)
    row = CreditRequest.objects.get()
    path = reverse("admin:billing_creditrequest_approve_one", args=[row.pk])
    answer = first.post(path, {"confirmed": "yes"})
    assert answer.context["form"].non_field_errors() == [
        "You asked for this grant: a second member of staff must approve it."
    ]
    assert 'role="alert"' in answer.content.decode()


def test_of_several_rows_those_that_are_refused_stay_on_the_page_and_the_others_are_done(
    first: Client, second: Client, mine: Tenant
) -> None:
    grant(first, mine, label="By the first")
    grant(second, mine, label="By the second")
    rows = {row.label: row for row in CreditRequest.objects.all()}
    chosen = {"action": "approve", ACTION_CHECKBOX_NAME: [row.pk for row in rows.values()], "confirmed": "yes"}
    answer = second.post(address("creditrequest"), chosen)
    states = dict(CreditRequest.objects.values_list("label", "state"))
    assert (answer.status_code, states) == (200, {"By the first": "approved", "By the second": "pending"})
    own = rows["By the second"]
    refused = f"{own}: You asked for this grant: a second member of staff must approve it."
    assert refusals(answer) == [refused]
    assert words(answer)[-2:] == [f"{rows['By the first']}: approved", refused]
    assert [pk for pk, _words, _facts in answer.context["rows"]] == [own.pk]


@pytest.mark.parametrize("code", ["RAISE-26", "nobody", "\x00", "x" * 4000])
def test_credit_is_tied_only_to_programmes_that_there_are(first: Client, mine: Tenant, code: str) -> None:
    known = make_programme(mine.organisation).code
    answer = grant(first, mine, only_programmes=[known, code])
    assert list(answer.context["adminform"].form.errors) == ["only_programmes"]
    promo = {"code": "HACK-2026", "name": "x", "credits": "5", "max_redemptions": "3", "lot_days": "30", "reason": "x",
             "min_level": "0", **split("starts_at", SOON), **split("ends_at", SOON + timedelta(days=3))}  # fmt: skip
    answer = first.post(address("promocode", "add"), {**promo, "only_programmes": [code]})
    assert list(answer.context["adminform"].form.errors) == ["only_programmes"]
    with pytest.raises(Rejected) as refused:
        request_grant(
            actor=mine.actor(), organisation_id=mine.organisation.pk, amount=MICRO, label="x", reason="award",
            expires_at=None, only=Restriction(programme_codes=(known, code)), at=NOW,
        )  # fmt: skip
    assert (refused.value.field, CreditRequest.objects.count(), PromoCode.objects.count()) == ("programme_codes", 0, 0)
    assert grant(first, mine, credits="5", only_programmes=[known]).status_code == 302
    assert LedgerAccount.objects.get(label="RAISE").programme_codes == [known]
    assert first.post(address("promocode", "add"), {**promo, "only_programmes": [known]}).status_code == 302
    assert PromoCode.objects.get().programme_codes == [known]
