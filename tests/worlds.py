# SPDX-License-Identifier: Apache-2.0
"""Worlds: tenants with data that could leak, and a site that runs what they launch."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from aion.actor import Actor, Scope, Via, system
from aion.residency.models import ResidencyDecision
from aion.tenancy.models import Membership, Organisation, OrganisationKind, Project, User
from aion.tenancy.roles import Role, scopes_of
from aion.tenancy.services.tokens import create_token
from billing.models import LedgerAccount, Meter
from billing.services.catalogue import ensure_price, ensure_sku
from billing.services.credits import issue_lot
from billing.services.holds import Purpose, place_hold
from billing.services.metering import open_meter, open_run
from billing.states import Origin
from clusters.services.topology import ensure_cluster, ensure_flavour, ensure_pool, ensure_site
from marketplace.models import Offer
from marketplace.services.orders import Request
from marketplace.states import OfferState

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=400)
MICRO = 1_000_000
PRICE = 2_490_000
PASSWORD = "correct-horse-battery"
TOTP = {"secret": "JBSWY3DPEHPK3PXP"}
_numbers = itertools.count(1)


@dataclass
class Tenant:
    """An organisation with one person per role, a project and credit."""

    organisation: Organisation
    project: Project
    people: dict[str, User]

    def actor(self, role: str = Role.OWNER) -> Actor:
        """Return the actor of the person with ``role``."""
        user = self.people[role]
        return Actor(user.pk, self.organisation.pk, role, scopes_of(role), Via.PORTAL, user.email)

    def key(self, role: str = Role.OWNER, at: datetime | None = None) -> str:
        """Return a new API key with all the rights of ``role``."""
        actor = Actor(self.people[role].pk, self.organisation.pk, role, frozenset(Scope), Via.PORTAL, "test")
        rights = [scope.value for scope in scopes_of(role)]
        return create_token(actor=actor, name="test", scopes=rights, expires_in_days=30, at=at or datetime.now(UTC))[1]


def make_user(email: str = "", *, verified: bool = True, second_factor: bool = True, **fields: Any) -> User:
    """Return a person whose address is confirmed and who has an authenticator app, unless said otherwise."""
    user = User.objects.create_user(email or f"person{next(_numbers)}@example.org", PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=verified)
    if second_factor:
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data=dict(TOTP))
    return user


def make_tenant(slug: str = "", *, credit: int = 1000, roles: tuple[str, ...] = tuple(Role), quota: int = 64) -> Tenant:
    """Return a tenant with ``credit`` credits in one lot that never expires."""
    slug = slug or f"tenant-{next(_numbers)}"
    organisation = Organisation.objects.create(
        name=slug.title(), slug=slug, kind=OrganisationKind.STARTUP, country_id="FR", milli_gpu_quota=quota * 1000
    )
    project = Project.objects.create(
        organisation=organisation,
        name="Main",
        slug="main",
        residency_policy="EU_RESIDENT",
        milli_gpu_quota=quota * 1000,
    )
    people = _make_people(organisation, roles)
    if credit:
        make_lot(organisation, credit)
    return Tenant(organisation, project, people)


def _make_people(organisation: Organisation, roles: tuple[str, ...]) -> dict[str, User]:
    """Return a member for each role, as ``make_user`` makes them, in four statements: most tests begin so."""
    users = User.objects.bulk_create(
        [User(email=f"{role}@{organisation.slug}.example", password=_password()) for role in roles]
    )
    EmailAddress.objects.bulk_create(
        [EmailAddress(user=one, email=one.email, primary=True, verified=True) for one in users]
    )
    Authenticator.objects.bulk_create(
        [Authenticator(user=one, type=Authenticator.Type.TOTP, data=dict(TOTP)) for one in users]
    )
    people = dict(zip(roles, users, strict=True))
    Membership.objects.bulk_create(
        [Membership(user=user, organisation=organisation, role=role) for role, user in people.items()]
    )
    return people


@cache
def _password() -> str:
    return make_password(PASSWORD)


def make_lot(organisation: Organisation, credit: int, label: str = "", **fields: Any) -> LedgerAccount:
    """Return a lot of whole credits."""
    return issue_lot(
        actor=system("test", organisation_id=organisation.pk),
        organisation_id=organisation.pk,
        amount=credit * MICRO,
        label=label or "Credit",
        origin=fields.pop("origin", Origin.PURCHASE),
        key=fields.pop("key", "") or f"lot-{next(_numbers)}",
        at=fields.pop("at", LONG_AGO),
        **fields,
    )


@dataclass
class Market:
    """A French site with one offer of whole GPUs."""

    offer: Offer
    pool: Any
    site: Any
    cluster: Any
    sku: Any
    price: Any


def make_market(
    *,
    api_url: str = "http://127.0.0.1:9/clusters/none",
    gpus: int = 64,
    price: int = PRICE,
    code: str = "",
    **site: Any,
) -> Market:
    """Return an offer at ``price`` micro-credits an hour on a pool of ``gpus``."""
    code = code or f"m{next(_numbers)}"
    operator = make_tenant(f"operator-{code}", credit=0, roles=(Role.OPERATOR, Role.OWNER)).organisation
    place = ensure_site(code=f"site-{code}", name=f"Site {code}", operator=operator, **site)
    cluster = ensure_cluster(code=f"cluster-{code}", site=place, api_url=api_url)
    flavour = ensure_flavour(code=f"h100-{code}", name="H100", product="H100", per_node=8)
    pool = ensure_pool(code=f"pool-{code}", name="Pool", cluster=cluster, flavour=flavour, milli_gpus=gpus * 1000)
    sku = ensure_sku(code=f"h100-{code}", name="H100", accelerator="gpu")
    row = ensure_price(actor=system("test"), sku=sku, micro_per_gpu_hour=price, valid_from=LONG_AGO)
    offer = Offer.objects.create(
        organisation=operator, pool=pool, sku=sku, title="H100", state=OfferState.PUBLISHED, max_milli_gpus=10**9
    )
    return Market(offer, pool, place, cluster, sku, row)


def launch(
    tenant: Tenant, market: Market, *, gpus: float = 8, hours: float = 1, name: str = "", **fields: Any
) -> Request:
    """Return a launch request."""
    return Request(
        project_id=fields.get("project_id", tenant.project.public_id),
        offer_id=fields.get("offer_id", market.offer.public_id),
        name=name or f"run-{next(_numbers)}",
        image=fields.get("image", "registry.example/train:1"),
        command=tuple(fields.get("command", ())),
        milli_gpus=int(gpus * 1000),
        max_seconds=int(hours * 3600),
    )


def make_meter(
    tenant: Tenant, market: Market, *, milli_gpus: int = 1000, hold: int | None = None, allowed: bool | None = True
) -> Meter:
    """Return a meter; ``hold`` reserves that many micro-credits for it, ``allowed`` None leaves it without decision."""
    number = next(_numbers)
    decision = None
    if allowed is not None:
        decision = ResidencyDecision.objects.create(
            organisation_id=tenant.organisation.pk,
            subject="test",
            gate="order",
            policy="EU_RESIDENT",
            allowed=allowed,
            engine_version="test",
            table_version="test",
            decided_at=NOW,
        )
    hold_id = None
    if hold:
        hold_id = place_hold(purpose=purpose_of(tenant, market), amount=hold, reference=f"test-{number}", at=NOW).pk
    run = open_run(
        organisation_id=tenant.organisation.pk,
        project_id=tenant.project.pk,
        workload_ref=f"wl_test{number}",
        name=f"run-{number}",
        site_code=market.site.code,
        sku_id=market.sku.pk,
        price_id=market.price.pk,
        micro_per_gpu_hour=market.price.micro_per_gpu_hour,
        hold_id=hold_id,
        decision_id=decision.pk if decision else None,
        at=NOW,
    )
    meter_id = open_meter(
        reference=f"test/{number}", run_id=run.pk, milli_gpus=milli_gpus, allowed=bool(allowed), at=NOW
    )
    meter: Meter = Meter.objects.select_related("run").get(pk=meter_id)
    return meter


def purpose_of(tenant: Tenant, market: Market, **fields: Any) -> Purpose:
    """Return what a hold of a tenant on a market is for."""
    return Purpose(
        organisation_id=tenant.organisation.pk,
        project_id=tenant.project.pk,
        sku_code=market.sku.code,
        site_code=market.site.code,
        **fields,
    )


def browser(tenant: Tenant, role: str = Role.OWNER) -> Client:
    """Return a browser in which the person with ``role`` is signed in."""
    client = Client()
    client.force_login(tenant.people[role])
    return client


def count(call: Callable[[], Any]) -> int:
    """Return how many queries a request takes that must succeed."""
    with CaptureQueriesContext(connection) as captured:
        assert call().status_code == 200
    return len(captured)


def text(response: Any) -> str:
    """Return what a streamed response says."""
    return b"".join(response.streaming_content).decode()
