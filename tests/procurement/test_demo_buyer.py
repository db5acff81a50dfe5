# SPDX-License-Identifier: Apache-2.0
"""The demo has a public buyer with something to decide, and seeding it again adds nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.procurement.models import BuyerRequirement, CostCentre, FrameworkAgreement, PurchaseOrder, Quote
from marketplace.seed.consortium import seed_consortium
from marketplace.seed.people import seed_people
from marketplace.seed.procurement import seed_procurement
from tests.billing.books import drift

EACH = (BuyerRequirement, CostCentre, FrameworkAgreement, PurchaseOrder, Quote)


def test_the_public_buyer_is_there_once(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    monkeypatch.setattr("marketplace.seed.consortium._load_fleet", lambda *_: None)
    seed_consortium(site_url="http://127.0.0.1:1", at=now - timedelta(days=60))
    seed_people(since=now - timedelta(days=60), at=now)
    for _ in range(2):
        seed_procurement(at=now)
    assert {model.__name__: model.objects.count() for model in EACH} == {
        "BuyerRequirement": 1, "CostCentre": 2, "FrameworkAgreement": 1, "PurchaseOrder": 2, "Quote": 1,
    }  # fmt: skip
    assert set(PurchaseOrder.objects.values_list("state", flat=True)) == {"accepted", "in_review"}
    assert Quote.objects.get().state == "offered"
    assert drift() == []
