# SPDX-License-Identifier: Apache-2.0
"""Rows of the catalogue."""

from typing import Any

from aion import clock
from aion.tenancy.models import Organisation, OrganisationKind
from aion.tenancy.roles import Role
from marketplace.models import Offer, OfferChange
from marketplace.states import ChangeKind, OfferState
from tests.isolation.rows import MANAGERS, Row
from tests.marketplace.operators import offer_of
from tests.worlds import Market, Tenant

OPERATORS = MANAGERS | {Role.OPERATOR}
# One offer's page needs an id: tests/marketplace/test_catalogue.py opens it without signing in.
PUBLIC: dict[str, int] = {"portal:prices_csv": 200, "portal:calculator": 200, "portal:price": 200}
SIGNED_IN: set[str] = set()
PORTAL: list[Row] = [
    Row("portal:offers", OPERATORS),
    Row("portal:offer_new", OPERATORS),
    Row("portal:offer", OPERATORS, "own_offer"),
    Row("portal:offer_propose", OPERATORS, "own_offer", "post", 302),
    Row("portal:offer_withdraw", OPERATORS, "own_offer"),
    Row("portal:offer_price", OPERATORS, "own_offer"),
    Row("portal:offer_revise", OPERATORS, "own_offer"),
    Row("portal:offer_change_withdraw", OPERATORS, "offer_change"),
]
API_KINDS: tuple[str, ...] = ("propose", "withdraw", "prices", "revise")
API: list[tuple[str, str | None, Any, Any]] = [
    ("operator_offer", "own_offer", OPERATORS, OPERATORS),
    ("offer_change", "offer_change", OPERATORS, None),
]
API_WRITES: list[tuple[str, str, str, str, Any, int]] = [
    ("operator_offer", "own_offer", "", "patch", OPERATORS, 200),
    ("operator_offer", "own_offer", "/propose", "post", OPERATORS, 200),
    ("operator_offer", "proposed_offer", "/withdraw", "post", OPERATORS, 200),
    ("offer_change", "offer_change", "/withdraw", "post", OPERATORS, 200),
]
PATHS: dict[str, str] = {"operator_offer": "operator-offers", "offer_change": "offer-changes"}


def things(tenant: Tenant, market: Market) -> dict[str, str]:
    """Return the id of one thing of each kind."""
    return {
        "own_offer": _fresh(tenant).public_id,
        "proposed_offer": _fresh(tenant, state=OfferState.PROPOSED).public_id,
        "offer_change": _change(tenant),
    }


def _change(tenant: Tenant) -> str:
    offer, now = _fresh(tenant, state=OfferState.PUBLISHED), clock.now()
    facts = {"title": [offer.title, "Other"]}
    change = OfferChange.objects.create(
        organisation=tenant.organisation, offer=offer, kind=ChangeKind.FACTS, facts=facts, reason="x", asked_at=now
    )
    return change.public_id


def _fresh(tenant: Tenant, state: str = OfferState.DRAFT) -> Offer:
    Organisation.objects.filter(pk=tenant.organisation.pk).update(kind=OrganisationKind.MEMBER)
    return offer_of(tenant.organisation, state=state)
