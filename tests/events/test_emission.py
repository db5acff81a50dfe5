# SPDX-License-Identifier: Apache-2.0
"""An event is written once, reaches everybody whom it concerns once, and nobody else."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from aion.events import types
from aion.events.models import Event, Mail, Notification, NotificationPreference, WebhookDelivery
from aion.events.services.emission import emit, fan_out
from aion.events.services.endpoints import create_endpoint, update_endpoint
from aion.tenancy.roles import Role
from clusters.models import Workload
from clusters.services.workloads import move
from clusters.states import WorkloadState
from marketplace.services.orders import place_order
from tests.worlds import NOW, Market, Tenant, launch, make_lot, make_tenant

Happen = Callable[..., Event]


def told(model: Any, event: Event) -> set[str]:
    return {email.split("@")[0] for email in model.objects.filter(event=event).values_list("user__email", flat=True)}


def test_the_same_key_emits_once_in_one_organisation(mine: Tenant, theirs: Tenant) -> None:
    before = Event.objects.count()
    fields: dict[str, Any] = {"type": "credit.low", "data": {}, "key": "low:2026-03", "at": NOW}
    first = emit(organisation_id=mine.organisation.pk, **fields)
    again = emit(organisation_id=mine.organisation.pk, **fields)
    other = emit(organisation_id=theirs.organisation.pk, **fields)
    assert (first is not None, again, other is not None) == (True, None, True)
    assert Event.objects.count() == before + 2


def test_what_is_returned_is_what_is_stored(mine: Tenant, happen: Happen) -> None:
    event = happen(mine, available_microcredits=1, at=NOW, name="Ünïcode “quotes”")
    stored = Event.objects.get(pk=event.pk)
    assert (stored.public_id, stored.data, stored.type) == (event.public_id, event.data, "credit.low")
    assert stored.data["at"] == "2026-03-02T10:00:00Z"


def test_a_type_that_nobody_registered_is_a_programming_error(mine: Tenant) -> None:
    with pytest.raises(ValueError, match="registered"):
        emit(organisation_id=mine.organisation.pk, type="nobody.knows", data={}, key="k", at=NOW)


def test_an_event_goes_with_the_act_that_caused_it(mine: Tenant) -> None:
    before = Event.objects.count()
    with pytest.raises(RuntimeError), transaction.atomic():
        emit(organisation_id=mine.organisation.pk, type="credit.low", data={}, key="k", at=NOW)
        raise RuntimeError
    assert Event.objects.count() == before


def test_an_event_is_a_fact(mine: Tenant, happen: Happen) -> None:
    event = happen(mine)
    for change in (lambda: Event.objects.filter(pk=event.pk).update(data={"x": 1}), Event.objects.all().delete):
        with pytest.raises(IntegrityError, match="facts"), transaction.atomic():
            change()


def test_an_event_reaches_the_roles_of_its_audience_and_endpoints_that_chose_it(
    mine: Tenant, theirs: Tenant, happen: Happen, endpoint_of: Any
) -> None:
    chosen, _ = endpoint_of(mine, event_types=["invoice.issued"])
    every, _ = endpoint_of(mine)
    other, _ = endpoint_of(mine, event_types=["credit.low"])
    off, _ = endpoint_of(mine)
    update_endpoint(actor=mine.actor(), public_id=off.public_id, enabled=False, at=NOW)
    endpoint_of(theirs)
    event = happen(mine, "invoice.issued", number="1")
    fan_out(at=NOW)
    reached = set(WebhookDelivery.objects.filter(event=event).values_list("endpoint_id", flat=True))
    assert reached == {chosen.pk, every.pk}
    assert (told(Notification, event), told(Mail, event)) == ({"owner", "billing"}, {"owner", "billing"})
    assert other.pk not in reached


def test_a_type_without_mail_sends_none(mine: Tenant, happen: Happen) -> None:
    event = happen(mine, "credit.lot_expired")
    fan_out(at=NOW)
    assert (told(Notification, event), told(Mail, event)) == ({"owner", "admin", "billing"}, set())


def test_a_quiet_family_is_heard_by_those_who_ask_and_a_loud_one_not_by_those_who_decline(
    mine: Tenant, happen: Happen
) -> None:
    owner, developer = mine.people[Role.OWNER], mine.people[Role.DEVELOPER]
    NotificationPreference.objects.create(user=developer, family="workload", in_app=True, mail=False)
    NotificationPreference.objects.create(user=owner, family="credit", in_app=False, mail=True)
    ended, low = happen(mine, "workload.ended"), happen(mine, "credit.low")
    fan_out(at=NOW)
    assert (told(Notification, ended), told(Mail, ended)) == ({"developer"}, set())
    assert told(Notification, low) == {"admin", "billing", "developer"}
    assert told(Mail, low) == {"owner", "admin", "billing", "developer"}


def test_a_person_who_was_switched_off_hears_nothing(mine: Tenant, happen: Happen) -> None:
    mine.people[Role.OWNER].is_active = False
    mine.people[Role.OWNER].save()
    event = happen(mine, "webhook.disabled")
    fan_out(at=NOW)
    assert (told(Notification, event), told(Mail, event)) == ({"admin"}, {"admin"})


def test_fanning_out_twice_changes_nothing(mine: Tenant, happen: Happen, endpoint_of: Any) -> None:
    endpoint_of(mine)
    event = happen(mine)

    def counts() -> tuple[int, ...]:
        return tuple(model.objects.count() for model in (WebhookDelivery, Notification, Mail))

    fan_out(at=NOW)
    first = counts()
    Event.objects.filter(pk=event.pk).update(fanned_out_at=None)
    assert fan_out(at=NOW + timedelta(hours=1)) == 1
    assert counts() == first
    assert fan_out(at=NOW) == 0


def test_fan_out_takes_the_same_number_of_queries_for_one_event_and_for_many(
    mine: Tenant, happen: Happen, endpoint_of: Any, django_assert_num_queries: Any
) -> None:
    endpoint_of(mine)
    fan_out(at=NOW)
    happen(mine)
    with django_assert_num_queries(7):  # savepoint, claim, three inserts, the note, savepoint
        assert fan_out(at=NOW) == 1
    for _ in range(20):
        happen(mine)
    with django_assert_num_queries(7):
        assert fan_out(at=NOW) == 20


def test_fifty_threads_fan_out_each_event_once(committed: None) -> None:
    tenant = make_tenant("crowd", credit=0)
    create_endpoint(actor=tenant.actor(), url="https://hooks.example/", at=NOW)
    for n in range(200):
        emit(organisation_id=tenant.organisation.pk, type="credit.low", data={}, key=f"k{n}", at=NOW)
    done: list[int] = []
    errors: list[Exception] = []
    start = threading.Barrier(50)

    def work() -> None:
        try:
            start.wait(30)
            while count := fan_out(at=NOW, limit=7):
                done.append(count)
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (errors, sum(done)) == ([], 200)
    assert WebhookDelivery.objects.count() == 200
    assert (Notification.objects.count(), Mail.objects.count()) == (800, 800)
    assert Event.objects.filter(fanned_out_at=None).count() == 0


def test_a_lot_that_is_issued_is_an_event(mine: Tenant) -> None:
    lot = make_lot(mine.organisation, 5, "Summer")
    event = Event.objects.get(key=f"credit.lot_issued:{lot.public_id}")
    assert (event.type, event.data["amount_microcredits"], event.data["label"]) == (
        "credit.lot_issued",
        5_000_000,
        "Summer",
    )


def test_the_event_of_a_lot_says_the_end_that_the_lot_has(mine: Tenant) -> None:
    lot = make_lot(mine.organisation, 5, expires_at=NOW + timedelta(hours=1))
    event = Event.objects.get(key=f"credit.lot_issued:{lot.public_id}")
    assert (lot.expires_at, event.data["expires_at"]) == (NOW + timedelta(hours=14), "2026-03-03T00:00:00Z")


def test_a_workload_is_an_event_when_it_runs_loses_its_place_and_ends_and_not_in_between(
    mine: Tenant, market: Market
) -> None:
    order = place_order(actor=mine.actor(), request=launch(mine, market, gpus=1), at=NOW)
    workload = Workload.objects.get(pk=order.workload_id)
    for state in (WorkloadState.STARTING, WorkloadState.RUNNING, WorkloadState.PREEMPTED, WorkloadState.QUEUED):
        move(workload=workload, to=state, at=NOW)
    move(workload=workload, to=WorkloadState.RUNNING, at=NOW + timedelta(hours=1))
    move(workload=workload, to=WorkloadState.SUCCEEDED, at=NOW + timedelta(hours=2), ended_at=NOW)
    move(workload=workload, to=WorkloadState.FAILED, at=NOW + timedelta(hours=3))
    happened = Event.objects.filter(type__startswith="workload").order_by("pk").values_list("type", "data__state")
    assert list(happened) == [
        ("workload.running", "running"),
        ("workload.preempted", "preempted"),
        ("workload.running", "running"),
        ("workload.ended", "succeeded"),
    ]


@pytest.mark.parametrize("language", ["en-gb", "fr"])
def test_every_type_can_be_written_from_its_example_and_from_nothing(language: str) -> None:
    with translation.override(language):
        for one in types.TYPES.values():
            assert "–" not in types.sentence(one.name, one.example), one.name
            assert types.sentence(one.name, {})
    assert types.sentence("gone.type", {}) == "gone.type"


@pytest.mark.parametrize(
    ("language", "gpus", "says"),
    [
        ("en-gb", 512.0, " 512 GPUs"),
        ("en-gb", 0.5, " 0.5 GPUs"),
        ("fr", 0.5, " 0,5\u00a0GPU"),
        ("fr", 512.0, " 512\u00a0GPU"),
    ],
)
def test_a_quota_is_told_in_whole_gpus_unless_it_has_a_part_of_one(language: str, gpus: float, says: str) -> None:
    with translation.override(language):
        for name in ("quota.decided", "quota.ended"):
            assert says in types.sentence(name, {**types.TYPES[name].example, "gpus": gpus})


def test_a_type_and_a_family_are_registered_once() -> None:
    known = types.TYPES["credit.low"]
    with pytest.raises(ValueError, match="already"):
        types.register(known)
    with pytest.raises(ValueError, match="already"):
        types.register_families(types.FAMILIES["credit"])
    with pytest.raises(ValueError, match="no family"):
        types.register(types.EventType("x.y", "nowhere", "", "", frozenset()))
