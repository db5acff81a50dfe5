# SPDX-License-Identifier: Apache-2.0
"""No page of the demo is only empty, and seeding it again adds nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from aion.events.models import WebhookEndpoint
from aion.tenancy.models import Invitation, LegalIdentity, QuotaRequest
from billing.models import Budget, MonthStatement
from clusters.models import Pool, Reservation
from marketplace.grants.models import Application, ExtensionRequest, FinalReport
from marketplace.models import Offer, OfferChange
from marketplace.seed.consortium import seed_consortium
from marketplace.seed.desk import seed_desks
from marketplace.seed.grants import seed_grants
from marketplace.seed.people import seed_people

EACH = (Application, Budget, ExtensionRequest, FinalReport, Invitation, LegalIdentity, MonthStatement, Offer,
        OfferChange, QuotaRequest, Reservation, WebhookEndpoint)  # fmt: skip


@pytest.fixture
def at(db: None, monkeypatch: pytest.MonkeyPatch) -> datetime:
    now = datetime.now(UTC)
    monkeypatch.setattr("marketplace.seed.consortium._load_fleet", lambda *_: None)
    seed_consortium(site_url="http://127.0.0.1:1", at=now - timedelta(days=60))
    seed_people(since=now - timedelta(days=60), at=now)
    seed_grants(at=now)
    return now


def test_every_kind_of_thing_lies_on_a_desk_once(at: datetime) -> None:
    seed_desks(at=at)
    counted = {model.__name__: model.objects.count() for model in EACH}
    assert all(counted.values()), counted
    seed_desks(at=at)
    assert {model.__name__: model.objects.count() for model in EACH} == counted


def test_an_offer_waits_for_staff_and_applications_stand_in_several_states(at: datetime) -> None:
    seed_desks(at=at)
    pool = Pool.objects.get(flavour__code="h100-sxm")
    assert set(Offer.objects.filter(pool=pool).values_list("state", flat=True)) == {"published", "proposed", "rejected"}
    assert {"draft", "eligible", "in_review", "awarded", "withdrawn"} <= set(
        Application.objects.values_list("state", flat=True)
    )
    assert set(QuotaRequest.objects.values_list("state", flat=True)) == {"pending", "rejected"}


def test_a_dearer_price_and_a_better_description_wait_for_staff(at: datetime) -> None:
    seed_desks(at=at)
    assert sorted(OfferChange.objects.waiting().values_list("kind", flat=True)) == ["facts", "price"]
