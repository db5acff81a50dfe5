# SPDX-License-Identifier: Apache-2.0
"""What lies on the desks of the demo's people, so that no page of the portal is only empty.

Budgets, a quota request, an invitation, a key, a webhook, an operator's offers and what it would change of them,
reservations, applications that wait, a report. Each part is made once, through the service that its page calls.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from aion.actor import Actor, system
from aion.events.models import WebhookEndpoint
from aion.events.services.endpoints import create_endpoint, update_endpoint
from aion.money import MICRO
from aion.people.invitations import invite
from aion.people.organisations import IdentityWish, set_legal_identity
from aion.people.quotas import decide_quota, request_quota
from aion.periods import floor_hour
from aion.tenancy.models import ApiToken, Invitation, LegalIdentity, Project, QuotaRequest, User
from aion.tenancy.roles import Role
from aion.tenancy.services.actors import actor_for
from aion.tenancy.services.tokens import create_token
from billing import queries as billing
from billing.services.budgets import BudgetWish, create_budget
from billing.services.statements import close_for, last_closable
from billing.states import BudgetPeriod, BudgetScope
from clusters import queries as clusters
from clusters.services.reservations import sweep
from marketplace.grants.models import Application, Award, Programme
from marketplace.grants.services import applications, awards, reports, submission
from marketplace.models import Offer, OfferChange
from marketplace.seed.grants import STATE_CALL, draft_application
from marketplace.seed.people import Person, join
from marketplace.seed.settlement import seed_settlement
from marketplace.services import offer_changes
from marketplace.services.catalogue import publish_offer
from marketplace.services.offers import OfferWish, create_offer, propose_offer, reject_offer
from marketplace.services.reservations import Wish, confirm_reservation
from marketplace.states import CapacityClass

DAY = timedelta(days=1)
LUMEN, CLIMAT, SCALEWAY = "atelier-lumen", "institut-climat", "scaleway"


@transaction.atomic
def seed_desks(*, at: datetime) -> None:
    """Make what is missing as it stands at ``at``; doing it twice adds nothing."""
    join(Person("auditor", "anna@audit.example", "Anna Keller", CLIMAT, Role.VIEWER))  # an auditor has several clients
    founder, researcher = _actor("ines@lumen.example", LUMEN), _actor("marta@climat.example", CLIMAT)
    operator = _actor("paul@scaleway.example", SCALEWAY)
    parts: tuple[tuple[Callable[[Actor, datetime], None], Actor], ...] = (
        (_identity, founder),
        (_budgets, founder),
        (_statement, founder),
        (_quotas, founder),
        (_team, founder),
        (_webhook, founder),
        (_offers, operator),
        (_changes, operator),
        (_reservations, founder),
        (_applications, founder),
        (_award, researcher),
    )
    for part, actor in parts:
        part(actor, at)
    seed_settlement(slug=SCALEWAY, at=at)


def _actor(email: str, slug: str) -> Actor:
    return actor_for(user=User.objects.get(email=email), slug=slug)


def _identity(actor: Actor, at: datetime) -> None:
    if LegalIdentity.objects.visible_to(actor).exists():
        return
    wish = IdentityWish(
        legal_name="Atelier Lumen SAS",
        country="FR",
        registration_scheme="siren",
        registration_number="732829320",
        vat_number="FR44732829320",
        nace="62.01",
        size="small",
        founded_on=(at - 900 * DAY).date(),
        listed=False,
        address="12 quai de la Lanterne\n69002 Lyon",
    )
    set_legal_identity(actor=actor, wish=wish, at=at)


def _budgets(actor: Actor, at: datetime) -> None:
    if billing.budgets(actor).exists():
        return
    project = Project.objects.visible_to(actor).get(slug="language-models")
    for wish in (
        BudgetWish("All work of a month", BudgetScope.ORGANISATION, BudgetPeriod.MONTH, 16_000 * MICRO),
        BudgetWish(
            "Language models",
            BudgetScope.PROJECT,
            BudgetPeriod.LIFETIME,
            40_000 * MICRO,
            project_id=project.public_id,
        ),
        BudgetWish("One workload", BudgetScope.WORKLOAD, BudgetPeriod.LIFETIME, 15_000 * MICRO),
    ):
        create_budget(actor=actor, wish=wish, at=at)


def _quotas(actor: Actor, at: datetime) -> None:
    if QuotaRequest.objects.visible_to(actor).exists():
        return
    earlier = request_quota(actor=actor, milli_gpus=512_000, reason="A run of our largest model.", at=at - 9 * DAY)
    decide_quota(
        actor=system("seed"),
        public_id=earlier.public_id,
        approve=False,
        reason="Show one finished run on 64 GPUs first, then ask again.",
        at=at - 8 * DAY,
    )
    request_quota(actor=actor, milli_gpus=128_000, reason="Two training runs side by side until spring.", at=at - DAY)


def _team(actor: Actor, at: datetime) -> None:
    if not Invitation.objects.visible_to(actor).exists():
        invite(actor=actor, email="sofia@lumen.example", role=Role.DEVELOPER, at=at)
    if not ApiToken.objects.visible_to(actor).exists():
        create_token(
            actor=actor, name="Nightly training", scopes=["workloads:read", "usage:read"], expires_in_days=90, at=at
        )


def _webhook(actor: Actor, at: datetime) -> None:
    """Leave one switched off: nobody answers at this address."""
    if WebhookEndpoint.objects.visible_to(actor).exists():
        return
    endpoint, _secret = create_endpoint(
        actor=actor, url="https://hooks.lumen.example/aion", description="Chat of the training team", at=at
    )
    update_endpoint(actor=actor, public_id=endpoint.public_id, enabled=False, at=at)


def _statement(actor: Actor, at: datetime) -> None:
    if actor.organisation_id is not None and not billing.month_statements(actor).exists():
        close_for(organisation_id=actor.organisation_id, month=last_closable(at), at=at)


def _offers(actor: Actor, at: datetime) -> None:
    """Leave one before staff, one given back and one still being written."""
    pool = clusters.pools_operated_by(actor).filter(flavour__code="h100-sxm").first()
    if pool is None or Offer.objects.filter(pool=pool, capacity_class=CapacityClass.RESERVED).exists():
        return
    waiting = OfferWish(
        pool=pool.public_id,
        title="H100 booked ahead",
        description="At least 64 GPUs in one InfiniBand island, booked two weeks ahead.",
        capacity_class=CapacityClass.RESERVED,
        own_micro_per_gpu_hour=2_190_000,
        min_milli_gpus=64_000,
        max_milli_gpus=1_024_000,
    )
    offer = create_offer(actor=actor, wish=waiting, at=at - 2 * DAY)
    propose_offer(actor=actor, public_id=offer.public_id, at=at - 2 * DAY)
    spot = OfferWish(
        pool=pool.public_id,
        title="H100 at spot price",
        description="Until somebody needs it.",
        capacity_class=CapacityClass.SPOT,
        own_micro_per_gpu_hour=990_000,
    )
    returned = create_offer(actor=actor, wish=spot, at=at - 6 * DAY)
    propose_offer(actor=actor, public_id=returned.public_id, at=at - 6 * DAY)
    reject_offer(
        actor=system("seed"), offer=returned, reason="Say how long a notice work gets before it ends.", at=at - 5 * DAY
    )


def _changes(actor: Actor, at: datetime) -> None:
    """Leave a dearer price and a better description before staff: each on an offer of its own."""
    if OfferChange.objects.visible_to(actor).exists():
        return
    own = Offer.objects.on_sale().filter(organisation_id=actor.organisation_id).exclude(capacity_class="reserved")
    for place, offer in enumerate(own.order_by("pk")[:2]):
        if place == 0:
            offer_changes.propose_price(
                actor=actor,
                offer_id=offer.public_id,
                micro_per_gpu_hour=3_190_000,
                valid_from=floor_hour(at) + 21 * DAY,
                reason="Electricity costs us a tenth more from the new quarter on.",
                at=at - DAY,
            )
        else:
            offer_changes.propose_facts(
                actor=actor,
                offer_id=offer.public_id,
                facts={"description": "Air-cooled nodes with local NVMe; a reboot takes four minutes."},
                reason="Buyers asked how long a node is away.",
                at=at - DAY,
            )


def _reservations(actor: Actor, at: datetime) -> None:
    """Leave one that has begun and one that can still be cancelled, on an offer of another member."""
    listed = Offer.objects.on_sale().filter(sku__code="h200-sxm").first()
    if listed is None or Offer.objects.filter(pool=listed.pool, capacity_class=CapacityClass.RESERVED).exists():
        return
    offer = Offer.objects.create(
        organisation=listed.organisation,
        pool=listed.pool,
        sku=listed.sku,
        title="H200 booked ahead",
        description="Whole nodes of one InfiniBand island, kept for you from the first hour on.",
        capacity_class=CapacityClass.RESERVED,
        own_micro_per_gpu_hour=2_890_000,
        min_milli_gpus=8_000,
        max_milli_gpus=128_000,
    )
    publish_offer(actor=system("seed"), offer=offer, at=at - 3 * DAY)
    project = Project.objects.visible_to(actor).get(slug="language-models")
    hour = floor_hour(at)
    for starts_at, days in ((hour - DAY, 2), (hour + 5 * DAY, 1)):
        wish = Wish(project.public_id, offer.public_id, 8_000, starts_at, starts_at + days * DAY)
        confirm_reservation(actor=actor, wish=wish, at=at - 2 * DAY)
    sweep(at=at)


def _applications(actor: Actor, at: datetime) -> None:
    programme = Programme.objects.get(code=STATE_CALL)
    if Application.objects.filter(programme=programme).exists():
        return
    waiting = draft_application(
        actor,
        programme,
        title="Quality control of castings by camera",
        abstract="We train a model that finds faults in castings, with three foundries of the Rhône valley.",
        sku="l40s",
        gpu_hours=6_000,
        at=at - 2 * DAY,
    )
    applications.save_step(
        actor=actor,
        public_id=waiting.public_id,
        step="",
        data={"declared_aid": 0},
        revision=waiting.revision,
        at=at - 2 * DAY,
    )
    submission.submit(actor=actor, public_id=waiting.public_id, at=at - DAY)
    researcher = _actor("marta@climat.example", CLIMAT)
    given_up = applications.start_application(actor=researcher, programme=programme, at=at - 3 * DAY)
    applications.withdraw(actor=researcher, public_id=given_up.public_id, at=at - 3 * DAY)
    draft_application(
        researcher,
        programme,
        title="Flood warnings for small rivers",
        abstract="We train a model of run-off on forty years of open gauge data.",
        sku="l40s",
        gpu_hours=2_500,
        at=at - DAY,
    )


def _award(actor: Actor, at: datetime) -> None:
    award = Award.objects.visible_to(actor).order_by("pk").first()
    if award is None or award.extensions.exists():
        return
    awards.request_extension(
        actor=actor,
        public_id=award.public_id,
        until=(award.expires_at + 60 * DAY).date(),
        reason="The reanalysis data came a month late.",
        at=at - DAY,
    )
    reports.save_report(
        actor=actor,
        public_id=award.public_id,
        results="A first forecast at two kilometres beats the operational model over the Alps by a fifth.",
        publications="Preprint: Seasonal forecasts at two kilometres.",
        difficulties="",
    )
