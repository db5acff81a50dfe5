# SPDX-License-Identifier: Apache-2.0
"""Webhooks and notifications as integrators and members meet them: API, portal, account, staff."""

import logging
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from aion.actor import system
from aion.api.models import IdempotencyRecord
from aion.audit.models import AuditEvent
from aion.errors import Forbidden, Rejected
from aion.events.models import Notification, NotificationPreference, WebhookDelivery, WebhookEndpoint
from aion.events.services.deliveries import deliver_due
from aion.events.services.emission import fan_out
from aion.events.services.endpoints import (
    MAX_ENDPOINTS,
    EndpointDisabled,
    create_endpoint,
    disable_endpoint,
    enable_endpoint,
    update_endpoint,
)
from aion.tenancy.roles import Role
from tests.events.receiver import Receiver
from tests.worlds import NOW, Tenant, browser, count, make_user

ENDPOINTS = "/api/v1/webhook-endpoints"
GOOD = {"url": "https://hooks.example/in", "description": "CI", "event_types": ["workload.ended"]}


def pages(tenant: Tenant, path: str = "") -> str:
    return f"/o/{tenant.organisation.slug}/{path}"


def test_a_webhook_lives_its_whole_life_over_the_api(mine: Tenant, api: Any, receiver: Receiver) -> None:
    client = api(mine.key())
    made = client.post(ENDPOINTS, {"url": receiver.url, "event_types": ["invoice.issued"]}, format="json")
    shown = made.json()
    path = f"{ENDPOINTS}/{shown['id']}"
    assert (made.status_code, shown["secret"][:6], len(shown["secret"])) == (201, "whsec_", 50)
    assert "secret" not in client.get(path).json()
    assert "secret" not in client.get(ENDPOINTS).json()["items"][0]
    rotated = client.post(f"{path}/rotate-secret").json()
    assert rotated["secret"] != shown["secret"]
    assert rotated["previous_secret_valid_until"] is not None
    changed = client.patch(path, {"description": "new", "event_types": []}, format="json").json()
    assert (changed["description"], changed["event_types"], changed["url"]) == ("new", [], receiver.url)
    test = client.post(f"{path}/test")
    assert (test.status_code, test.json()["event_type"]) == (202, "webhook.test")
    WebhookDelivery.objects.update(next_attempt_at=NOW)
    deliver_due(at=NOW)
    detail = client.get(f"/api/v1/webhook-deliveries/{test.json()['id']}").json()
    assert (detail["state"], detail["last_status"], detail["log"][0]["response_excerpt"]) == ("delivered", 200, "ok")
    again = client.post(f"/api/v1/webhook-deliveries/{test.json()['id']}/resend")
    assert (again.status_code, again.json()["state"]) == (202, "pending")
    off = client.patch(path, {"enabled": False}, format="json").json()
    assert (off["enabled"], off["disabled_reason"]) == (False, "A member switched it off.")
    assert (client.post(f"{path}/test").status_code, client.post(f"{path}/test").json()["code"]) == (
        409,
        "webhook_disabled",
    )
    gone = client.delete(path)
    assert (gone.status_code, gone.content, client.get(path).status_code) == (204, b"", 404)
    assert client.get("/api/v1/webhook-deliveries").json()["items"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://hooks.example/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"url": "https://u:p@hooks.example/"}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "https://hooks.example/" + "a" * 500}, "url"),
        ({"url": None}, "url"),
        ({"url": 1}, "url"),
        ({"description": "x" * 121}, "description"),
        ({"description": "\x00"}, "description"),
        ({"event_types": ["nobody.knows"]}, "event_types"),
        ({"event_types": ["webhook.test"]}, "event_types"),
        ({"event_types": "workload.ended"}, "event_types"),
        ({"event_types": [None]}, "event_types"),
        ({"event_types": ["workload.ended"] * 101}, "event_types"),
        ({"typo": 1}, "typo"),
    ],
)
def test_bad_input_is_refused_by_field_when_creating_and_when_changing(
    mine: Tenant, api: Any, change: dict[str, Any], field: str
) -> None:
    client = api(mine.key())
    path = f"{ENDPOINTS}/{client.post(ENDPOINTS, GOOD, format='json').json()['id']}"
    for answer in (
        client.post(ENDPOINTS, {**GOOD, **change}, format="json"),
        client.patch(path, change, format="json"),
    ):
        problem = answer.json()
        named = {problem.get("field"), *problem.get("errors", {})}
        assert (answer.status_code, field in named) == (422, True), problem
    row = WebhookEndpoint.objects.get()
    assert (row.url, row.description, row.event_types) == (GOOD["url"], GOOD["description"], GOOD["event_types"])


def test_a_repeated_request_makes_one_endpoint_and_does_not_show_the_secret_again(mine: Tenant, api: Any) -> None:
    client = api(mine.key())
    first, second = (client.post(ENDPOINTS, GOOD, format="json", HTTP_IDEMPOTENCY_KEY="k") for _ in range(2))
    assert (first.json()["id"], WebhookEndpoint.objects.count()) == (second.json()["id"], 1)
    assert (second["Idempotent-Replayed"], second.json()["secret"]) == ("true", None)
    assert first.json()["secret"] not in str(IdempotencyRecord.objects.values_list("body", flat=True))


def test_the_secret_is_in_no_log_and_no_audit_row(mine: Tenant, api: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    client = api(mine.key())
    made = client.post(ENDPOINTS, GOOD, format="json").json()
    rotated = client.post(f"{ENDPOINTS}/{made['id']}/rotate-secret").json()
    kept = str(list(AuditEvent.objects.values())) + caplog.text
    assert (made["secret"] in kept, rotated["secret"] in kept) == (False, False)


def test_an_organisation_has_at_most_twenty_webhooks(mine: Tenant, api: Any, endpoint_of: Any) -> None:
    for _ in range(MAX_ENDPOINTS):
        endpoint_of(mine)
    answer = api(mine.key()).post(ENDPOINTS, GOOD, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhooks")


def test_deliveries_are_filtered_by_endpoint_state_and_event_type(
    mine: Tenant, api: Any, endpoint_of: Any, happen: Any
) -> None:
    one, _ = endpoint_of(mine)
    two, _ = endpoint_of(mine, event_types=["invoice.issued"])
    happen(mine, "credit.low")
    happen(mine, "invoice.issued")
    fan_out(at=NOW)
    update_endpoint(actor=mine.actor(), public_id=two.public_id, enabled=False, at=NOW)
    client = api(mine.key())

    def count(query: str) -> int:
        return len(client.get(f"/api/v1/webhook-deliveries?{query}").json()["items"])

    counts = [count(query) for query in ("", f"endpoint={one.public_id}", "state=failed", "event_type=invoice.issued")]
    assert counts == [3, 2, 1, 2]
    assert client.get("/api/v1/webhook-deliveries?state=nonsense").status_code == 422
    assert client.get("/api/v1/webhook-deliveries?event_type=nonsense").status_code == 422
    assert client.get("/api/v1/events?type=credit.low").json()["items"][0]["type"] == "credit.low"
    assert client.get("/api/v1/events?since=yesterday").status_code == 422


def test_the_catalogue_of_types_has_an_example_of_each(mine: Tenant, api: Any) -> None:
    types = api(mine.key()).get("/api/v1/event-types").json()
    assert [one["name"] for one in types] == sorted(one["name"] for one in types)
    assert "webhook.test" not in {one["name"] for one in types}
    assert all(one["example"] for one in types)
    assert api(mine.key()).get("/api/v1/event-types/nobody.knows").status_code == 404


@pytest.mark.parametrize("path", [ENDPOINTS, "/api/v1/webhook-deliveries", "/api/v1/events"])
def test_an_api_list_takes_the_same_number_of_queries_for_two_rows_and_for_many(
    mine: Tenant, api: Any, endpoint_of: Any, happen: Any, path: str
) -> None:
    client = api(mine.key())
    client.get(path)

    def queries() -> int:
        return count(lambda: client.get(path))

    counts = set()
    for _ in range(3):
        endpoint_of(mine)
        happen(mine)
        fan_out(at=NOW)
        counts.add(queries())
    assert len(counts) == 1


@pytest.mark.parametrize("path", ["webhooks/", "webhooks/{}/", "notifications/"])
def test_a_page_takes_the_same_number_of_queries_for_two_rows_and_for_many(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, happen: Any, path: str
) -> None:
    client = browser(mine)
    first, _ = endpoint_of(mine, receiver.url)

    def queries() -> int:
        return count(lambda: client.get(pages(mine, path.format(first.public_id))))

    counts = set()
    for _ in range(3):
        endpoint_of(mine, receiver.url)
        happen(mine)
        fan_out(at=NOW)
        deliver_due(at=NOW)
        counts.add(queries())
    assert len(counts) == 1


def test_a_member_adds_rotates_and_deletes_a_webhook_in_the_portal(mine: Tenant) -> None:
    client = browser(mine)
    made = client.post(pages(mine, "webhooks/"), GOOD)
    row = WebhookEndpoint.objects.get()
    assert (made.status_code, made["Cache-Control"], row.secret in made.content.decode()) == (200, "no-store", True)
    path = pages(mine, f"webhooks/{row.public_id}/")
    assert row.secret not in client.get(path).content.decode()
    rotated = client.post(f"{path}rotate/")
    old, row.secret = row.secret, WebhookEndpoint.objects.get().secret
    assert (row.secret in rotated.content.decode(), old in rotated.content.decode()) == (True, False)
    assert client.post(path, {**GOOD, "description": "changed"}).status_code == 302
    assert client.post(f"{path}switch/", {"enabled": "no"}).status_code == 302
    row.refresh_from_db()
    assert (row.description, row.enabled) == ("changed", False)
    assert client.post(f"{path}test/").status_code == 302
    assert WebhookDelivery.objects.count() == 0
    client.post(f"{path}switch/", {"enabled": "yes"})
    client.post(f"{path}test/")
    assert "webhook.test" in client.get(f"{path}?state=pending&type=webhook.test").content.decode()
    assert client.get(f"{path}?state=nonsense&type=&page=-1").status_code == 200
    assert client.post(f"{path}delete/").status_code == 302
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"url": ""},
        {"url": "http://hooks.example/"},
        {"url": "https://127.0.0.1/"},
        {"url": "https://" + "a" * 600},
        {"description": "x" * 200},
        {"event_types": ["nobody.knows"]},
    ],
)
def test_a_form_that_is_wrong_is_shown_again_with_what_is_wrong(mine: Tenant, change: dict[str, Any]) -> None:
    client = browser(mine)
    client.post(pages(mine, "webhooks/"), GOOD)
    row = WebhookEndpoint.objects.get()
    for path in ("webhooks/", f"webhooks/{row.public_id}/"):
        answer = client.post(pages(mine, path), {**GOOD, **change})
        assert (answer.status_code, b"errorlist" in answer.content) == (422, True), path
    row.refresh_from_db()
    assert (row.url, WebhookEndpoint.objects.count()) == (GOOD["url"], 1)


def test_what_a_receiver_wrote_is_shown_as_text(
    mine: Tenant, receiver: Receiver, endpoint_of: Any, delivery_of: Any
) -> None:
    receiver.body, receiver.status = b"<script>alert(1)</script>", 500
    endpoint, _ = endpoint_of(mine, receiver.url)
    delivery_of(mine, endpoint)
    deliver_due(at=NOW)
    page = browser(mine).get(pages(mine, f"webhooks/{endpoint.public_id}/")).content.decode()
    assert ("<script>alert" in page, "&lt;script&gt;alert" in page) == (False, True)


def test_a_viewer_sees_webhooks_and_no_way_to_change_them(mine: Tenant, endpoint_of: Any) -> None:
    endpoint, _ = endpoint_of(mine)
    client = browser(mine, Role.VIEWER)
    page = client.get(pages(mine, f"webhooks/{endpoint.public_id}/")).content.decode()
    assert (endpoint.url in page, "rotate/" in page, "delete/" in page, "test/" in page) == (True, False, False, False)


def test_the_bell_counts_what_this_person_has_not_read_here_in_one_query(
    mine: Tenant, theirs: Tenant, happen: Any
) -> None:
    for tenant in (mine, theirs):
        happen(tenant, "credit.low")
    fan_out(at=NOW)
    client = browser(mine)
    with CaptureQueriesContext(connection) as seen:
        page = client.get(pages(mine, "team/")).content.decode()
    unread = Notification.objects.filter(user=mine.people[Role.OWNER], read_at=None).count()
    assert f"Notifications, {unread} unread" in page
    assert len([query for query in seen if "events_notification" in query["sql"]]) == 1
    first = Notification.objects.filter(user=mine.people[Role.OWNER]).order_by("-pk")[0]
    client.post(pages(mine, f"notifications/{first.event.public_id}/read/"))
    client.post(pages(mine, f"notifications/{first.event.public_id}/read/"))
    assert Notification.objects.filter(user=mine.people[Role.OWNER], read_at=None).count() == unread - 1
    client.post(pages(mine, "notifications/read/"))
    assert Notification.objects.filter(user=mine.people[Role.OWNER], read_at=None).count() == 0
    assert Notification.objects.filter(user=mine.people[Role.ADMIN], read_at=None).count() == unread
    assert "unread" not in client.get(pages(mine, "team/")).content.decode()
    assert client.get(pages(mine, "notifications/?unread=yes")).status_code == 200


def test_the_bell_stops_counting_at_ninety_nine(mine: Tenant, happen: Any) -> None:
    for _ in range(101):
        happen(mine, "credit.low")
    fan_out(at=NOW)
    assert "Notifications, 99+ unread" in browser(mine).get(pages(mine, "team/")).content.decode()


def test_a_person_chooses_what_to_hear_of_and_in_which_language(mine: Tenant) -> None:
    client = browser(mine)
    assert client.get("/account/").status_code == 200
    answer = client.post("/account/notifications/", {"language": "fr", "credit_in_app": "on", "workload_mail": "on"})
    user = mine.people[Role.OWNER]
    user.refresh_from_db()
    chosen = {row.family: (row.in_app, row.mail) for row in NotificationPreference.objects.filter(user=user)}
    assert (answer.status_code, user.language) == (302, "fr")
    assert (chosen["credit"], chosen["workload"], chosen["budget"]) == ((True, False), (False, True), (False, False))
    assert client.post("/account/notifications/", {"language": "tlh"}).status_code == 422
    assert client.get("/account/notifications/").status_code == 302
    assert Client().post("/account/notifications/", {"language": "fr"}).status_code == 302


def test_what_staff_switched_off_only_staff_switch_on(mine: Tenant, endpoint_of: Any) -> None:
    endpoint, _ = endpoint_of(mine)
    staff = system("staff")
    with pytest.raises(Rejected):
        disable_endpoint(actor=staff, endpoint_id=endpoint.pk, reason=" ", at=NOW)
    assert disable_endpoint(actor=staff, endpoint_id=endpoint.pk, reason="Abuse", at=NOW)
    assert not disable_endpoint(actor=staff, endpoint_id=endpoint.pk, reason="Abuse", at=NOW)
    with pytest.raises(EndpointDisabled):
        update_endpoint(actor=mine.actor(), public_id=endpoint.public_id, enabled=True, at=NOW)
    with pytest.raises(Rejected):
        enable_endpoint(actor=staff, endpoint_id=endpoint.pk, reason="", at=NOW)
    enable_endpoint(actor=staff, endpoint_id=endpoint.pk, reason="Solved", at=NOW)
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (True, "")
    acts = AuditEvent.objects.filter(subject_id=endpoint.public_id).values_list("action", "reason", "organisation_id")
    assert ("webhook.disabled", "Abuse", mine.organisation.pk) in acts


def test_staff_pages_show_no_secret(staff_browser: Client, mine: Tenant, endpoint_of: Any) -> None:
    endpoint, secret = endpoint_of(mine)
    for path in ("webhookendpoint/", f"webhookendpoint/{endpoint.pk}/change/", "event/", "webhookdelivery/", "mail/"):
        answer = staff_browser.get(f"/admin/events/{path}")
        assert (answer.status_code, secret in answer.content.decode()) == (200, False), path
    data = {"action": "switch_off", "_selected_action": [endpoint.pk]}
    assert b"reason" in staff_browser.post("/admin/events/webhookendpoint/", data).content
    staff_browser.post("/admin/events/webhookendpoint/", {**data, "confirmed": "1", "reason": "Abuse"})
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_by, endpoint.disabled_reason) == (False, "staff", "Abuse")


def test_staff_who_may_only_look_switch_no_endpoint(client: Client, mine: Tenant, endpoint_of: Any) -> None:
    endpoint, _ = endpoint_of(mine)
    auditor = make_user("auditor@aion.example", is_staff=True)
    auditor.user_permissions.add(Permission.objects.get(codename="view_webhookendpoint"))
    client.force_login(auditor)
    path = "/admin/events/webhookendpoint/"
    page = client.get(path)
    assert (page.status_code, b"switch_off" in page.content) == (200, False)
    data = {"action": "switch_off", "_selected_action": [endpoint.pk], "confirmed": "1", "reason": "Abuse"}
    client.post(path, data)
    endpoint.refresh_from_db()
    assert endpoint.enabled
    auditor.user_permissions.add(Permission.objects.get(codename="change_webhookendpoint"))
    client.post(path, data)
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "Abuse")
    client.post(path, {**data, "action": "switch_on"})
    endpoint.refresh_from_db()
    assert endpoint.enabled


def test_a_viewer_may_not_create_over_the_service_either(mine: Tenant) -> None:
    with pytest.raises(Forbidden):
        create_endpoint(actor=mine.actor(Role.VIEWER), url="https://hooks.example/", at=NOW)


def test_no_event_types_means_all_in_the_portal_and_in_the_api_alike(mine: Tenant, api: Any, happen: Any) -> None:
    client, machine = browser(mine), api(mine.key())
    form = {"url": GOOD["url"], "description": ""}
    client.post(pages(mine, "webhooks/"), form)
    machine.post(ENDPOINTS, {**form, "event_types": []}, format="json")
    machine.post(ENDPOINTS, form, format="json")
    changed = machine.post(ENDPOINTS, GOOD, format="json").json()["id"]
    machine.patch(f"{ENDPOINTS}/{changed}", {"event_types": []}, format="json")
    assert list(WebhookEndpoint.objects.values_list("event_types", flat=True)) == [[], [], [], []]
    happen(mine, "credit.low")
    fan_out(at=NOW)
    assert WebhookDelivery.objects.filter(event__type="credit.low").count() == 4
    client.post(pages(mine, f"webhooks/{changed}/"), {**form, "event_types": ["invoice.issued"]})
    client.post(pages(mine, f"webhooks/{changed}/"), form)
    assert WebhookEndpoint.objects.get(public_id=changed).event_types == []
