# SPDX-License-Identifier: Apache-2.0
"""Every route against every kind of visitor. A new route without a row here fails."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from aion import clock
from aion.events.models import Notification, WebhookDelivery
from aion.events.services.emission import fan_out
from aion.events.services.endpoints import create_endpoint, send_test_event
from aion.events.states import DeliveryState
from aion.tenancy.roles import Role
from aion.tenancy.services.tokens import create_token
from billing.models import LedgerAccount, MonthStatement, Transfer
from billing.services.budgets import BudgetWish, create_budget
from billing.services.statements import close_for
from billing.states import BudgetPeriod, BudgetScope
from marketplace.services.orders import place_order
from tests.isolation.rows import (
    EVERYONE,
    LAUNCHERS,
    MANAGERS,
    PAYERS,
    READERS,
    Row,
    World,
    awards,
    calls,
    catalogue,
    invoices,
    people,
    procurement,
    projects,
    purchases,
    reservations,
    settlements,
)
from tests.worlds import MICRO, Market, Tenant, launch, make_market, make_tenant, make_user

# Routes by view name; what stands under these prefixes is not ours to test: the staff site and django-allauth.
FOREIGN = ("admin:", "account_", "mfa_", "socialaccount_", "openid_connect_", "usersessions_",
           "accounts/social/")  # fmt: skip
PUBLIC: dict[str, int] = {"healthz": 200, "readyz": 200, "metrics": 200, "portal:prices": 200, "portal:home": 302,
          "portal:mailbox": 404, "portal:style_guide": 404, "api:docs": 200, "api:schema": 200,
          "set_language": 302}  # fmt: skip
SIGNED_IN = {"portal:account", "portal:account_notifications"}
PORTAL = [
    Row("portal:overview", READERS),
    Row("portal:live", READERS),
    Row("portal:stream", READERS),
    Row("portal:launch", LAUNCHERS),
    Row("portal:estimate", READERS),
    Row("portal:workloads", READERS),
    Row("portal:workload", READERS, "workload"),
    Row("portal:workload_live", READERS, "workload"),
    Row("portal:workload_stop", LAUNCHERS, "workload", "post", 302),
    Row("portal:workload_extend", LAUNCHERS, "workload"),
    Row("portal:usage", READERS),
    Row("portal:usage_csv", READERS),
    Row("portal:focus_csv", READERS),
    Row("portal:focus_parquet", READERS),
    Row("portal:credits", READERS),
    Row("portal:statement_csv", READERS),
    Row("portal:entry", READERS, "entry"),
    Row("portal:statements", READERS),
    Row("portal:statement", READERS, "month"),
    Row("portal:statement_lines_csv", READERS, "month"),
    Row("portal:budgets", READERS),
    Row("portal:budget", PAYERS, "budget"),
    Row("portal:budget_end", PAYERS, "budget", "post", 302),
    Row("portal:keys", LAUNCHERS | {Role.OPERATOR, Role.REVIEWER}),
    Row("portal:revoke_key", LAUNCHERS | {Role.OPERATOR, Role.REVIEWER}, "token", "post", 302),
    Row("portal:projects", READERS),
    Row("portal:team", EVERYONE),
    Row("portal:webhooks", READERS),
    Row("portal:webhook", READERS, "endpoint"),
    Row("portal:webhook_rotate", LAUNCHERS, "endpoint", "post"),
    Row("portal:webhook_switch", LAUNCHERS, "endpoint", "post", 302),
    Row("portal:webhook_test", LAUNCHERS, "endpoint", "post", 302),
    Row("portal:webhook_delete", LAUNCHERS, "endpoint", "post", 302),
    Row("portal:webhook_resend", LAUNCHERS, "delivery", "post", 302),
    Row("portal:notifications", EVERYONE),
    Row("portal:notifications_read", EVERYONE, "", "post", 302),
    Row("portal:notification_read", EVERYONE, "own_event", "post", 302),
    Row("portal:audit", MANAGERS | {Role.BILLING, Role.VIEWER}),
    Row("portal:pools", MANAGERS | {Role.OPERATOR}),
]
API_KINDS: tuple[str, ...] = ("list", "detail", "stop", "extend", "rotate-secret", "test", "resend", "usage")
# Resource, id of a thing, roles that may read it, roles that may write it.
API: list[tuple[str, str | None, Any, Any]] = [
    ("organisation", "organisation", EVERYONE, None),
    ("project", "project", READERS, MANAGERS),
    ("offer", "offer", EVERYONE, None),
    ("estimate", None, None, READERS),
    ("workload", "workload", READERS, LAUNCHERS),
    ("usage_record", None, READERS, None),
    ("focus_export", None, READERS, None),
    ("credit_lot", "lot", READERS, None),
    ("ledger_entry", "entry", READERS, None),
    ("budget", "budget", READERS, PAYERS),
    ("budget_crossing", None, READERS, None),
    ("balance", None, READERS, None),
    ("forecast", None, READERS, None),
    ("month_statement", "month", READERS, None),
    ("pool", None, MANAGERS | {Role.OPERATOR}, None),
    ("event_type", "type", READERS, None),
    ("event", "event", READERS, None),
    ("webhook_endpoint", "endpoint", READERS, LAUNCHERS),
    ("webhook_delivery", "delivery", READERS, None),
]
# Writes to one thing: path behind its id, method, who may. Each changes the thing, so each gets a fresh one.
API_WRITES = [
    ("budget", "budget", "", "patch", PAYERS, 200),
    ("budget", "budget", "", "delete", PAYERS, 204),
    ("webhook_endpoint", "endpoint", "", "patch", LAUNCHERS, 200),
    ("webhook_endpoint", "endpoint", "", "delete", LAUNCHERS, 204),
    ("webhook_endpoint", "endpoint", "/rotate-secret", "post", LAUNCHERS, 200),
    ("webhook_endpoint", "endpoint", "/test", "post", LAUNCHERS, 202),
    ("webhook_delivery", "delivery", "/resend", "post", LAUNCHERS, 202),
]
PATHS = {"organisation": "organisations", "project": "projects", "offer": "offers", "estimate": "estimates",
         "workload": "workloads", "usage_record": "usage-records", "focus_export": "exports/focus",
         "credit_lot": "credit-lots",
         "ledger_entry": "ledger-entries", "budget": "budgets", "budget_crossing": "budget-crossings",
         "balance": "balance", "forecast": "forecast", "month_statement": "month-statements",
         "pool": "pools", "event_type": "event-types", "event": "events",
         "webhook_endpoint": "webhook-endpoints", "webhook_delivery": "webhook-deliveries"}  # fmt: skip


BUYING = (invoices, purchases, procurement, settlements)
PARTS = (people, catalogue, calls, awards, projects, reservations, *BUYING)
for part in PARTS:
    PUBLIC |= part.PUBLIC
    SIGNED_IN |= part.SIGNED_IN
    PORTAL += part.PORTAL
    API += part.API
    API_WRITES += part.API_WRITES
    API_KINDS += part.API_KINDS
    PATHS |= part.PATHS


def routes(patterns: Any = None, prefix: str = "", path: str = "") -> Iterator[str]:
    """Yield the name of every route, or its address where it has none."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        here = f"{path}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            inner = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from routes(pattern.url_patterns, inner, here)
        elif isinstance(pattern, URLPattern):
            yield f"{prefix}{pattern.name or here}"


def test_every_route_has_a_row() -> None:
    api = {f"api:{name}-{kind}" for name, *_ in API for kind in API_KINDS}
    known = {row.name for row in PORTAL} | set(PUBLIC) | SIGNED_IN | api | {"api:usage_ingest"}
    unknown = {name for name in routes() if name not in known and not name.startswith(FOREIGN)}
    assert unknown == set()


def things_of(tenant: Tenant, market: Market) -> dict[str, str]:
    order = place_order(actor=tenant.actor(), request=launch(tenant, market, gpus=1), at=clock.now())
    token, _ = create_token(
        actor=tenant.actor(), name="x", scopes=["workloads:read"], expires_in_days=1, at=clock.now()
    )
    return {
        "organisation": tenant.organisation.public_id,
        "project": tenant.project.public_id,
        "workload": order.workload.public_id,
        "offer": market.offer.public_id,
        "token": token.public_id,
        "lot": LedgerAccount.objects.filter(organisation=tenant.organisation).earliest("pk").public_id,
        "entry": Transfer.objects.filter(organisation=tenant.organisation).earliest("pk").public_id,
        "type": "workload.running",
        **webhook_things(tenant),
        **budget_things(tenant),
        "month": closed_month(tenant),
        "": "",
        **{name: thing for part in PARTS for name, thing in part.things(tenant, market).items()},
    }


def webhook_things(tenant: Tenant) -> dict[str, str]:
    endpoint, _ = create_endpoint(actor=tenant.actor(), url="https://hooks.example/", at=clock.now())
    delivery = send_test_event(actor=tenant.actor(), public_id=endpoint.public_id, at=clock.now())
    WebhookDelivery.objects.filter(pk=delivery.pk).move(DeliveryState.FAILED, next_attempt_at=None)
    fan_out(at=clock.now())
    event = delivery.event
    for user in tenant.people.values():
        Notification.objects.create(
            user=user, organisation=tenant.organisation, event=event, created_at=event.created_at
        )
    return {
        "endpoint": endpoint.public_id,
        "delivery": delivery.public_id,
        "event": event.public_id,
        "own_event": event.public_id,
    }


def budget_things(tenant: Tenant) -> dict[str, str]:
    wish = BudgetWish("Month", BudgetScope.ORGANISATION, BudgetPeriod.MONTH, 500 * MICRO)
    return {"budget": create_budget(actor=tenant.actor(), wish=wish, at=clock.now()).public_id}


def closed_month(tenant: Tenant) -> str:
    close_for(organisation_id=tenant.organisation.pk, month=date(2026, 1, 1), at=clock.now())
    return str(MonthStatement.objects.get(organisation=tenant.organisation).public_id)


@pytest.fixture(scope="module")
def built(django_db_setup: Any, django_db_blocker: Any) -> Iterator[World]:
    """Build the world once: a row asks little of it, and building it takes longer than all that a row asks."""
    with django_db_blocker.unblock(), transaction.atomic():
        mine, theirs, market = make_tenant("mine"), make_tenant("theirs"), make_market()
        yield World(mine, theirs, things_of(mine, market), things_of(theirs, market))
        transaction.set_rollback(True)


@pytest.fixture
def world(built: World, django_db_blocker: Any) -> Iterator[World]:
    """Return the world as it was built, whatever other tests did to it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield built
        transaction.set_rollback(True)


def undone(ask: Callable[[], int]) -> int:
    """Return what ``ask`` answers, and leave nothing of what it did: the next visitor finds the thing as it was."""
    with transaction.atomic():
        status = ask()
        transaction.set_rollback(True)
    return status


def path_of(row: Row, slug: str, thing: str) -> str:
    arguments = {"slug": slug} | ({"public_id": thing} if row.thing else {})
    return reverse(row.name, kwargs=arguments)


def insider(roles: Any) -> Any:
    """Return the owner where the owner may, else the one role that may: a review is a reviewer's own."""
    return Role.OWNER if Role.OWNER in roles else min(roles)


def ask(user: Any, row: Row, slug: str, thing: str) -> int:
    client = Client()
    if user is not None:
        client.force_login(user)
    return undone(lambda: int(getattr(client, row.method)(path_of(row, slug, thing)).status_code))


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators")
@pytest.mark.parametrize("row", [row for row in PORTAL if row.name != "portal:stream"], ids=lambda row: row.name)
def test_a_page_shows_itself_to_its_roles_and_to_nobody_else(world: World, row: Row) -> None:
    mine, thing, foreign = world.mine, world.things[row.thing], world.foreign[row.thing]
    slug = mine.organisation.slug
    for role, user in mine.people.items():
        assert ask(user, row, slug, thing) == (row.status if role in row.roles else 403), role
    stranger = world.theirs.people[Role.OWNER]
    assert ask(stranger, row, slug, thing) == 404
    assert ask(None, row, slug, thing) == 302
    if row.thing:
        owner = mine.people[insider(row.roles)]
        missing = ask(owner, row, slug, "xx_0000000000000000")
        assert (ask(owner, row, slug, foreign), missing) == (404, 404)
    if row.thing and Role.REVIEWER not in row.roles:
        outsider = mine.people[Role.REVIEWER]
        statuses = {ask(outsider, row, slug, one) for one in (foreign, thing, "xx_0")}
        assert statuses == {403}


def test_each_page_of_an_organisation_is_marked_in_its_menu(world: World) -> None:
    for row in PORTAL:
        user = world.mine.people[insider(row.roles)]
        client = Client()
        client.force_login(user)
        if row.method != "get" or row.status != 200 or row.name in {"portal:stream", "portal:notifications"}:
            continue
        answer = client.get(path_of(row, world.mine.organisation.slug, world.things[row.thing]))
        if answer.streaming or not answer.content.startswith(b"<!doctype html>"):
            continue
        menus = re.findall(r'<nav aria-label="Main.*?</nav>', answer.content.decode(), re.DOTALL)
        assert [menu.count('aria-current="page"') for menu in menus] == [1] * len(menus), row.name


@pytest.mark.parametrize(("name", "thing", "readers", "writers"), API, ids=[row[0] for row in API])
def test_an_api_resource_answers_its_roles_and_nobody_else(
    world: World, api: Any, name: str, thing: str | None, readers: Any, writers: Any
) -> None:
    mine, things, foreign = world.mine, world.things, world.foreign
    path = f"/api/v1/{PATHS[name]}"
    for role in Role:
        client = api(mine.key(role))
        if readers is not None:
            assert client.get(path).status_code == (200 if role in readers else 403), role
        if thing:
            assert client.get(f"{path}/{things[thing]}").status_code == (200 if role in readers else 403), role
        if thing and role not in readers:
            assert client.get(f"{path}/{foreign[thing]}").status_code == 403
        if writers is not None:
            status = client.post(path, {}, format="json").status_code
            assert status == (422 if role in writers else 403), role
        else:
            assert client.post(path, {}, format="json").status_code in {403, 405}
    anonymous = api(None)
    assert anonymous.get(path).status_code == 401
    assert api("aion_wrong").get(path).status_code == 401
    if thing and thing not in {"offer", "type"}:
        mine_owner = api(mine.key(insider(readers)))
        assert mine_owner.get(f"{path}/{foreign[thing]}").status_code == 404
        assert mine_owner.get(f"{path}/xx_0000000000000000").status_code == 404
        listed = mine_owner.get(path).json()["items"]
        assert foreign[thing] not in {item["id"] for item in listed}


def test_only_who_operates_pools_may_send_usage(world: World, api: Any) -> None:
    path = "/api/v1/usage-records:ingest"
    statuses = {role: api(world.mine.key(role)).post(path, {}, format="json").status_code for role in Role}
    allowed = MANAGERS | {Role.OPERATOR}
    assert statuses == {role: 422 if role in allowed else 403 for role in Role}
    assert api(None).post(path, {}, format="json").status_code == 401


def test_the_usage_behind_an_entry_is_shown_to_its_organisation_only(world: World, api: Any) -> None:
    for role in Role:
        answers = [
            api(world.mine.key(role)).get(f"/api/v1/ledger-entries/{one}/usage").status_code
            for one in (world.things["entry"], world.foreign["entry"], "tr_0000000000000000")
        ]
        assert answers == ([200, 404, 404] if role in READERS else [403, 403, 403]), role


def test_a_file_of_an_application_is_sent_to_its_reviewer_only(world: World, api: Any) -> None:
    here, there = world.things, world.foreign
    asked = [
        (here["review"], here["review_file"]),
        (here["review"], there["review_file"]),
        (there["review"], there["review_file"]),
        (there["review"], here["review_file"]),
        (here["review"], "xx_0"),
    ]
    for role in Role:
        client = api(world.mine.key(role))
        answers = [client.get(f"/api/v1/reviews/{review}/files/{file}").status_code for review, file in asked]
        assert answers == ([200, 404, 404, 404, 404] if role == Role.REVIEWER else [403] * 5), role
    assert api(None).get(f"/api/v1/reviews/{here['review']}/files/{here['review_file']}").status_code == 401


def test_a_stranger_cannot_stop_a_workload(world: World, api: Any) -> None:
    answer = api(world.theirs.key()).post(f"/api/v1/workloads/{world.things['workload']}/stop")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("name", "thing", "tail", "method", "writers", "status"), API_WRITES)
def test_an_api_write_to_one_thing_answers_its_roles_and_nobody_else(
    world: World, api: Any, name: str, thing: str, tail: str, method: str, writers: Any, status: int
) -> None:
    foreign = world.foreign[thing]

    def ask_api(key: str | None, public_id: str) -> int:
        call = getattr(api(key), method)
        return undone(lambda: int(call(f"/api/v1/{PATHS[name]}/{public_id}{tail}", {}, format="json").status_code))

    for role in Role:
        key = world.mine.key(role)
        answers = [ask_api(key, public_id) for public_id in (world.things[thing], foreign, "xx_0")]
        assert answers == ([status, 404, 404] if role in writers else [403, 403, 403]), role
    assert ask_api(None, foreign) == 401


@pytest.mark.parametrize(("name", "status"), PUBLIC.items())
def test_a_public_route_needs_no_sign_in(world: World, name: str, status: int) -> None:
    try:
        path = reverse(name)
    except NoReverseMatch:
        pytest.skip("this route is not installed here")
    assert Client().get(path).status_code == status


def test_the_staff_site_is_closed_to_customers_and_to_staff_without_a_second_factor(world: World) -> None:
    for user in (world.mine.people[Role.OWNER], make_user(is_staff=True, is_superuser=True, second_factor=False)):
        client = Client()
        client.force_login(user)
        assert client.get("/admin/").status_code == 302
