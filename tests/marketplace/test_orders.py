# SPDX-License-Identifier: Apache-2.0
"""Everything is decided before anything starts; a refusal leaves nothing behind."""

from typing import Any

import pytest

from aion.actor import Actor
from aion.errors import DomainError, Forbidden, NotFound, Rejected
from aion.residency.models import ResidencyDecision
from aion.tenancy.models import Organisation
from aion.tenancy.roles import Role
from billing.errors import InsufficientCredit
from billing.models import Hold
from billing.queries import balance
from clusters.errors import CapacityNotAvailable, QuotaExceeded, ResidencyViolation
from clusters.models import Workload
from marketplace.errors import IdempotencyMismatch, OfferNotFound, OrganisationFrozen
from marketplace.models import Order
from marketplace.services.orders import estimate, place_order
from marketplace.states import OfferState
from tests.worlds import MICRO, NOW, PRICE, Market, Tenant, launch, make_market


def place(tenant: Tenant, market: Market, key: str | None = None, actor: Actor | None = None, **fields: Any) -> Order:
    request = launch(tenant, market, **fields)
    return place_order(actor=actor or tenant.actor(), request=request, at=NOW, idempotency_key=key)


def nothing_happened(tenant: Tenant) -> bool:
    untouched = balance(tenant.organisation.pk, NOW).available == 1_000 * MICRO
    return untouched and not any(model.objects.exists() for model in (Order, Workload, Hold))


def test_an_order_holds_the_whole_worst_case_at_the_frozen_price(mine: Tenant, market: Market) -> None:
    order = place(mine, market, gpus=8, hours=5)
    assert (order.amount, order.workload.micro_per_gpu_hour) == (8 * 5 * PRICE, PRICE)
    assert balance(mine.organisation.pk, NOW).held == 8 * 5 * PRICE
    assert (order.workload.state, order.workload.hold_id) == ("queued", order.hold_id)


def test_the_decision_that_allowed_it_is_kept_with_its_facts(mine: Tenant, market: Market) -> None:
    order = place(mine, market)
    decision = ResidencyDecision.objects.get(pk=order.workload.decision_id)
    assert (decision.allowed, decision.policy, decision.facts["site"]) == (True, "EU_RESIDENT", "FR")


REFUSALS: list[tuple[dict[str, Any], type[DomainError], str | None]] = [
    ({"gpus": 64, "hours": 100}, InsufficientCredit, None),
    ({"gpus": 65}, QuotaExceeded, "gpus"),
    ({"gpus": 0}, Rejected, "gpus"),
    ({"gpus": -8}, Rejected, "gpus"),
    ({"gpus": 0.5}, Rejected, "gpus"),
    ({"hours": 0}, Rejected, "max_duration_seconds"),
    ({"hours": -1}, Rejected, "max_duration_seconds"),
    ({"hours": 10_000}, Rejected, "max_duration_seconds"),
    ({"offer_id": "off_unknown"}, OfferNotFound, "offer"),
    ({"project_id": "prj_unknown"}, NotFound, "project"),
    ({"name": "Not A Name"}, Rejected, "name"),
    ({"image": "bad image;"}, Rejected, "image"),
    ({"image": "http://evil"}, Rejected, "image"),
    ({"image": "registry.example:port/a"}, Rejected, "image"),
    ({"image": "registry.example/a:"}, Rejected, "image"),
    ({"image": "registry.example//a"}, Rejected, "image"),
    ({"image": "registry.example/../a"}, Rejected, "image"),
    ({"image": "registry.example/a@sha256:12"}, Rejected, "image"),
    ({"image": "a\n"}, Rejected, "image"),
    ({"image": "a" * 201}, Rejected, "image"),
    ({"name": "a\n"}, Rejected, "name"),
    ({"command": ["x"] * 65}, Rejected, "command"),
]


@pytest.mark.parametrize(("fields", "error", "field"), REFUSALS)
def test_a_bad_launch_is_refused_beside_its_field_and_nothing_happens(
    mine: Tenant, market: Market, fields: dict[str, Any], error: type[DomainError], field: str | None
) -> None:
    with pytest.raises(error) as refused:
        place(mine, market, **fields)
    assert refused.value.field == field
    assert nothing_happened(mine)


@pytest.mark.parametrize(
    "image",
    [
        "busybox",
        "library/busybox:1.36",
        "Registry.Example:5000/team/train_a/b__c/d--e:v1.0_rc-2",
        f"registry.example/team/train:1@sha256:{'0a' * 32}",
        f"train@sha256:{'0a' * 32}",
    ],
)
def test_an_image_may_name_host_port_tag_and_digest(mine: Tenant, market: Market, image: str) -> None:
    assert place(mine, market, image=image).workload.image == image


def test_more_gpus_than_the_pool_has_are_refused(mine: Tenant) -> None:
    with pytest.raises(CapacityNotAvailable):
        place(mine, make_market(gpus=8), gpus=16)


def test_a_site_outside_the_policy_is_refused_with_every_failing_rule(mine: Tenant) -> None:
    norway = make_market(country_id="NO", storage_code="US")
    with pytest.raises(ResidencyViolation) as refused:
        place(mine, norway)
    assert refused.value.details["reasons"] == ["LOC_SITE_NOT_EU", "LOC_STORAGE_NOT_EU"]
    assert nothing_happened(mine)


def test_a_site_with_unknown_facts_is_refused(mine: Tenant) -> None:
    with pytest.raises(ResidencyViolation):
        place(mine, make_market(backup_code="?"))


def test_a_strangers_project_is_like_a_missing_one(mine: Tenant, theirs: Tenant, market: Market) -> None:
    with pytest.raises(NotFound):
        place(mine, market, project_id=theirs.project.public_id)


def test_an_offer_that_was_withdrawn_cannot_be_ordered(mine: Tenant, market: Market) -> None:
    market.offer.state = OfferState.WITHDRAWN
    market.offer.save()
    with pytest.raises(OfferNotFound):
        place(mine, market)


def test_nothing_new_starts_while_the_organisation_is_frozen(mine: Tenant, market: Market) -> None:
    Organisation.objects.filter(pk=mine.organisation.pk).update(state="frozen", frozen_reason="unpaid")
    with pytest.raises(OrganisationFrozen):
        place(mine, market)
    assert nothing_happened(mine)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING, Role.OPERATOR, Role.REVIEWER])
def test_a_role_without_the_right_cannot_launch(mine: Tenant, market: Market, role: str) -> None:
    with pytest.raises(Forbidden):
        place(mine, market, actor=mine.actor(role))
    assert nothing_happened(mine)


def test_the_same_key_orders_once(mine: Tenant, market: Market) -> None:
    request = launch(mine, market)
    orders = [place_order(actor=mine.actor(), request=request, at=NOW, idempotency_key="k") for _ in range(2)]
    assert orders[0].pk == orders[1].pk
    assert Hold.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(mine: Tenant, market: Market) -> None:
    place(mine, market, key="k", name="one")
    with pytest.raises(IdempotencyMismatch):
        place(mine, market, key="k", name="two")
    assert Order.objects.count() == 1


def test_an_estimate_shows_what_the_launch_will_hold_and_reserves_nothing(mine: Tenant, market: Market) -> None:
    request = launch(mine, market, gpus=8, hours=2)
    quote = estimate(actor=mine.actor(), request=request, at=NOW)
    assert nothing_happened(mine)
    assert place_order(actor=mine.actor(), request=request, at=NOW).amount == quote.amount
    assert quote.balance_after == 1_000 * MICRO - quote.amount
