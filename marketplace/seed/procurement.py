# SPDX-License-Identifier: Apache-2.0
"""A public buyer of the demo: an agreement with lots, an order to spend, cost centres and a quote to decide."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from aion.actor import Actor, Scope, Via
from aion.people.organisations import IdentityWish, accept_terms, set_legal_identity
from aion.tenancy import queries
from aion.tenancy.models import LegalIdentity, Organisation, OrganisationKind, Project, User
from aion.tenancy.roles import Role
from aion.tenancy.services.actors import actor_for
from billing.procurement.models import BuyerRequirement, FrameworkAgreement
from billing.procurement.services.acceptance import accept_order
from billing.procurement.services.agreements import AgreementWish, LotWish, activate_agreement, draft_agreement
from billing.procurement.services.centres import create_centre
from billing.procurement.services.orders import OrderWish, place_order
from billing.procurement.services.quotes import offer_quote, request_quote
from marketplace.seed.people import STAFF, Person, join

SLUG, SIRET = "metropole-loire", "24440040400129"
DAY = timedelta(days=1)
BUYERS = (
    Person("public buyer", "claire@metropole.example", "Claire Aubert", SLUG, Role.OWNER),
    Person("public buyer (2nd)", "youssef@metropole.example", "Youssef Haddad", SLUG, Role.ADMIN),
)


@transaction.atomic
def seed_procurement(*, at: datetime) -> None:
    """Make the public buyer as it stands at ``at``; doing it twice adds nothing."""
    buyer, _ = Organisation.objects.get_or_create(
        slug=SLUG,
        defaults={
            "name": "Métropole de Loire",
            "kind": OrganisationKind.PUBLIC,
            "country_id": "FR",
            "milli_gpu_quota": 64_000,
        },
    )
    Project.objects.get_or_create(
        organisation=buyer,
        slug="city-models",
        defaults={"name": "City models", "residency_policy": "EU_RESIDENT", "milli_gpu_quota": 64_000},
    )
    for person in BUYERS:
        join(person)
    if FrameworkAgreement.objects.filter(organisation=buyer).exists():
        return
    owner, second = (actor_for(user=User.objects.get(email=one.email), slug=SLUG) for one in BUYERS)
    for version in queries.terms_in_force(at):
        accept_terms(actor=owner, kind=version.kind, version=version.version, at=at)
    _identity(owner, at)
    agreement = _agreement(buyer, at - 20 * DAY)
    _orders(owner, second, agreement, at)
    asked = request_quote(
        actor=owner, organisation_id=buyer.pk, credits=2_500, note="Formation des agents, 2027", at=at - 2 * DAY
    )
    offer_quote(actor=_staff()[0], public_id=asked.public_id, at=at - DAY)


def _identity(owner: Actor, at: datetime) -> None:
    if not LegalIdentity.objects.visible_to(owner).exists():
        wish = IdentityWish(
            legal_name="Métropole de Loire",
            country="FR",
            registration_scheme="siret",
            registration_number=SIRET,
            vat_number="",
            nace="84.11",
            size="large",
            founded_on=None,
            listed=False,
            address="2 cours du Champ\n44000 Nantes",
        )
        set_legal_identity(actor=owner, wish=wish, at=at)
    BuyerRequirement.objects.get_or_create(
        siret=SIRET,
        defaults={
            "name": "Métropole de Loire",
            "needs_service_code": True,
            "needs_engagement": True,
            "source": "Demo",
        },
    )


def _agreement(buyer: Organisation, at: datetime) -> FrameworkAgreement:
    first, second = _staff()
    wish = AgreementWish(
        title="Calcul GPU pour les services numériques",
        maximum_cents=400_000_00,
        starts_on=at.date(),
        ends_on=at.date() + 1_095 * DAY,
        reference="2026-M-0417",
        revision_rule="Prix fermes la première année, puis indice Syntec, une fois l’an.",
        lots=(LotWish("L1", "Entraînement", 300_000_00), LotWish("L2", "Inférence", 150_000_00)),
    )
    draft = draft_agreement(actor=first, organisation_id=buyer.pk, wish=wish, at=at)
    return activate_agreement(actor=second, public_id=draft.public_id, at=at)


def _orders(owner: Actor, second: Actor, agreement: FrameworkAgreement, at: datetime) -> None:
    root = create_centre(actor=owner, code="DSI", name="Services numériques", hard_cap_cents=100_000_00, at=at)
    below = create_centre(
        actor=owner, code="DSI-IA", name="Intelligence artificielle", parent=root.public_id,
        soft_cap_cents=20_000_00, hard_cap_cents=60_000_00, at=at,
    )  # fmt: skip
    given: dict[str, Any] = {
        "agreement": agreement.public_id,
        "cost_centre": below.public_id,
        "service_code": "DSI-ACHATS",
    }
    first = OrderWish(amount_cents=8_000_00, lot="L1", engagement_number="EJ-2026-00871", **given)
    order = place_order(actor=owner, wish=first, at=at - 15 * DAY)
    accept_order(actor=_staff()[0], public_id=order.public_id, at=at - 14 * DAY)
    # Above the soft cap: it waits for the other of the two.
    place_order(actor=second, wish=OrderWish(amount_cents=15_000_00, lot="L2", **given), at=at - DAY)


def _staff() -> tuple[Actor, Actor]:
    first, second = (User.objects.get(email=email) for _kind, email, _name in STAFF)
    rights = frozenset(Scope)
    return (
        Actor(first.pk, None, "staff", rights, Via.COMMAND, first.email),
        Actor(second.pk, None, "staff", rights, Via.COMMAND, second.email),
    )
