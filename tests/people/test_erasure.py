# SPDX-License-Identifier: Apache-2.0
"""What names a person goes, what the books need stays; and an organisation closes only at its end."""

import json
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.test import Client

from aion import clock
from aion.audit.models import AuditEvent
from aion.errors import Conflict, Rejected
from aion.events.services.emission import emit, fan_out
from aion.people import memberships
from aion.people.errors import SoleOwner
from aion.people.export import personal_data
from aion.people.invitations import accept_invitation, invite
from aion.tenancy.models import ApiToken, Membership, Organisation, User
from aion.tenancy.roles import Role
from billing.models import LedgerAccount, Transfer
from marketplace.models import Order
from marketplace.portal.people.account import self_of
from marketplace.services.closing import StillInUse, close_organisation
from marketplace.services.erasure import erase_person
from marketplace.services.orders import place_order
from tests.people.test_invitations import token_of
from tests.worlds import NOW, Market, Tenant, browser, launch, make_tenant, make_user

ADDRESS, NAME = "very.particular@person.example", "Very Particular"


def traces(word: str) -> list[str]:
    """Return every column of every table in which ``word`` stands."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type IN ('text', 'character varying', 'json', 'jsonb', 'ARRAY')"
        )
        for table, column in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE "{column}"::text ILIKE %s', [f"%{word}%"])
            if cursor.fetchone()[0]:
                found.append(f"{table}.{column}")
    return found


@pytest.fixture
def person(mine: Tenant, market: Market) -> User:
    """Return a member who did all that leaves a trace."""
    invitation = invite(actor=mine.actor(), email=ADDRESS, role=Role.DEVELOPER, at=NOW)
    user = make_user(ADDRESS, name=NAME)
    accept_invitation(user=user, token=token_of(invitation), at=NOW)
    mine.people["guest"] = user
    mine.people[Role.DEVELOPER] = user
    mine.key(Role.DEVELOPER)
    place_order(actor=mine.actor(Role.DEVELOPER), request=launch(mine, market), at=clock.now())
    member = Membership.objects.get(user=user)
    memberships.change_role(actor=mine.actor(), public_id=member.public_id, role=Role.VIEWER, at=NOW)
    invite(actor=make_tenant("other").actor(), email=ADDRESS, role=Role.VIEWER, at=NOW)
    told = {"organisation_id": mine.organisation.pk, "type": "organisation.role_changed", "recipient": user.pk}
    emit(data={"role": "viewer"}, key="x", at=NOW, **told)
    fan_out(at=NOW)
    return user


def test_nothing_names_an_erased_person_and_the_books_are_as_they_were(person: User, mine: Tenant) -> None:
    assert traces(ADDRESS)
    assert traces(NAME)
    sums = LedgerAccount.objects.aggregate(Sum("credits"), Sum("debits"), Sum("held"))
    counts = (Transfer.objects.count(), Order.objects.count())
    erase_person(actor=self_of(person), user=person, at=NOW)
    assert traces(ADDRESS) == []
    assert traces(NAME) == []
    assert LedgerAccount.objects.aggregate(Sum("credits"), Sum("debits"), Sum("held")) == sums
    assert (Transfer.objects.count(), Order.objects.count()) == counts
    assert not Membership.objects.filter(user=person).exists()
    assert not ApiToken.objects.filter(user=person, revoked_at=None).exists()
    kept = AuditEvent.objects.filter(user_id=person.pk)
    assert {one.actor_label for one in kept} == {f"erased-{person.pk}"}
    assert "order.placed" in {one.action for one in kept}
    with pytest.raises(Rejected):
        erase_person(actor=self_of(person), user=person, at=NOW)


def test_others_keep_their_names_in_the_log(person: User, mine: Tenant) -> None:
    erase_person(actor=self_of(person), user=person, at=NOW)
    owner = mine.people[Role.OWNER]
    assert owner.email in set(AuditEvent.objects.filter(user_id=owner.pk).values_list("actor_label", flat=True))


def test_a_sole_owner_cannot_be_erased_and_loses_nothing(mine: Tenant) -> None:
    owner = mine.people[Role.OWNER]
    with pytest.raises(SoleOwner, match="Mine"):
        erase_person(actor=self_of(owner), user=owner, at=NOW)
    assert User.objects.get(pk=owner.pk).is_active


def test_staff_cannot_be_erased_while_they_are_staff(db: None) -> None:
    user = make_user(is_staff=True)
    with pytest.raises(Conflict):
        erase_person(actor=self_of(user), user=user, at=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"actor_label": "erased-1"},
        {"subject_label": "somebody else"},
        {"action": "nothing"},
        {"reason": "another"},
        {"user_id": 1},
    ],
)
def test_the_log_still_refuses_every_other_change(mine: Tenant, change: dict[str, Any]) -> None:
    mine.key()
    event = AuditEvent.objects.latest("pk")
    for forgets in ("", str(mine.people[Role.VIEWER].pk)):
        with pytest.raises(IntegrityError), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('aion.forgets', %s, true)", [forgets])
            AuditEvent.objects.filter(pk=event.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.filter(pk=event.pk).delete()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    client.post("/accounts/reauthenticate/", {"password": "correct-horse-battery"})
    return client


def test_the_account_is_deleted_once_the_address_is_typed_after_the_password(mine: Tenant) -> None:
    viewer = mine.people[Role.VIEWER]
    fresh = browser(mine, Role.VIEWER)
    assert "/reauthenticate/" in fresh.post("/account/delete/", {"typed": viewer.email}).url
    client = signed_in(viewer)
    assert client.get("/account/delete/").status_code == 200
    assert client.post("/account/delete/", {"typed": "x"}).status_code == 422
    assert client.post("/account/delete/", {"typed": viewer.email}).status_code == 302
    assert client.get("/account/").status_code == 302
    assert not User.objects.get(pk=viewer.pk).is_active


def test_the_export_is_one_document_of_all_that_is_the_persons_and_no_secret(person: User, mine: Tenant) -> None:
    document = json.loads(b"".join(personal_data(person)))
    assert document["account"]["email"] == ADDRESS
    assert document["memberships"] == [
        {"organisation__name": "Mine", "role": "viewer", "created_at": document["memberships"][0]["created_at"]}
    ]
    assert {one["action"] for one in document["acts"]} >= {"invitation.accepted", "token.created", "order.placed"}
    assert len(document["api_keys"]) == 1
    text = json.dumps(document)
    assert "JBSWY3DPEHPK3PXP" not in text
    assert "digest" not in text
    assert mine.people[Role.OWNER].email not in text
    answer = signed_in(person).get("/account/export/")
    assert answer["Content-Disposition"].startswith("attachment")
    assert json.loads(answer.getvalue())["account"]["email"] == ADDRESS


def test_an_organisation_closes_at_its_end_only_and_stays_readable(mine: Tenant, market: Market, api: Any) -> None:
    key = mine.key()
    with pytest.raises(Rejected):
        close_organisation(actor=mine.actor(), typed="mine", at=NOW)
    with pytest.raises(StillInUse, match="bought"):
        close_organisation(actor=mine.actor(), typed="Mine", at=NOW)
    place_order(actor=mine.actor(), request=launch(mine, market), at=clock.now())
    with pytest.raises(StillInUse, match="running"):
        close_organisation(actor=mine.actor(), typed="Mine", at=NOW)
    empty = make_tenant("empty", credit=0)
    other = empty.key()
    assert browser(empty).post("/o/empty/settings/close/", {"typed": "Empty"}).status_code == 302
    assert Organisation.objects.get(slug="empty").state == "closed"
    assert browser(empty).get("/o/empty/statements/").status_code == 200
    assert browser(empty).post("/o/empty/team/", {"email": "a@b.example", "role": "viewer"}).status_code == 403
    assert api(other).get("/api/v1/organisations").status_code == 401
    assert api(key).get("/api/v1/organisations").status_code == 200
