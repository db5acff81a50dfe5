# SPDX-License-Identifier: Apache-2.0
"""The demo's calls stand as its guide says, and seeding them again adds nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from aion.tenancy.models import Organisation, Project
from aion.tenancy.queries import terms_in_force, terms_to_accept
from billing.models import LedgerAccount
from marketplace.grants.models import Application, Award, Programme, ReviewAssignment
from marketplace.seed import grants
from marketplace.seed.people import seed_people
from tests.worlds import MICRO, make_market


@pytest.fixture
def at(db: None) -> datetime:
    now = datetime.now(UTC)
    make_market(code="sxm")  # its GPU is the h100-sxm of the demo
    Organisation.objects.create(slug="scaleway", name="Scaleway", kind="member", country_id="FR")
    seed_people(since=now - timedelta(days=60), at=now)
    return now


def test_one_is_awarded_one_in_review_and_one_a_draft(at: datetime) -> None:
    for _time in range(2):
        grants.seed_grants(at=at)
    stakes = Programme.objects.get(code=grants.STAKES)
    assert (stakes.pot, stakes.money_source, stakes.aid_regime) == (1_000_000 * MICRO, "private_prize", "none")
    states = {(one.programme.code, one.organisation.slug): one.state for one in Application.objects.all()}
    assert states == {
        (grants.PILOT, "institut-climat"): "awarded",
        (grants.STAKES, "atelier-lumen"): "in_review",
        (grants.STAKES, "institut-climat"): "draft",
    }
    award = Award.objects.get()
    assert LedgerAccount.objects.get(pk=award.lot_id).credits == award.amount == award.programme.committed
    assert sorted(ReviewAssignment.objects.values_list("state", flat=True)) == ["accepted", *["submitted"] * 3]
    assert not Project.objects.filter(organisation=Organisation.objects.get(slug="aion")).exists()


def test_the_organisations_with_an_owner_have_accepted_the_documents(at: datetime) -> None:
    customers = Organisation.objects.filter(slug__in=["atelier-lumen", "institut-climat"])
    assert len(terms_in_force(at)) == 2
    assert [terms_to_accept(one.pk, at) for one in customers] == [[], []]
