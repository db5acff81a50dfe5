# SPDX-License-Identifier: Apache-2.0
"""What staff do to people: each act asks why, and is on the organisation's log."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from aion.audit.models import AuditEvent
from aion.people.invitations import invite
from aion.tenancy.models import Membership, TermsVersion, User
from aion.tenancy.roles import Role
from tests.billing.staffing import make_staff, words
from tests.people.test_legal_identity import wish
from tests.worlds import NOW, Tenant, make_user

MODELS = ["user", "membership", "organisation", "invitation", "legalidentity", "impersonation", "termsacceptance",
          "termsversion"]  # fmt: skip


@pytest.fixture
def staff(db: None) -> Client:
    return make_staff("staff")[0]


def act(client: Client, model: str, name: str, pk: Any, **data: Any) -> list[str]:
    path = reverse(f"admin:tenancy_{model}_{name}_one", args=[pk])
    assert client.get(path).status_code == 200
    return words(client.post(path, {"confirmed": "yes", **data}))


def test_every_page_of_staff_names_the_support(staff: Client) -> None:
    for path in (reverse("admin:index"), reverse("admin:tenancy_user_changelist")):
        page = staff.get(path).content.decode()
        assert 'href="mailto:support@aion.example"' in page
        assert 'href="/support/"' in page


def test_every_list_and_page_can_be_read(staff: Client, mine: Tenant) -> None:
    from aion.people.organisations import set_legal_identity

    set_legal_identity(actor=mine.actor(), wish=wish(), at=NOW)
    invite(actor=mine.actor(), email="x@new.example", role=Role.VIEWER, at=NOW)
    for model in MODELS:
        page = staff.get(reverse(f"admin:tenancy_{model}_changelist"))
        assert page.status_code == 200, model
        for row in page.context["cl"].result_list[:1]:
            assert staff.get(reverse(f"admin:tenancy_{model}_change", args=[row.pk])).status_code == 200, model


def test_a_role_is_changed_and_a_member_removed_with_a_reason(staff: Client, mine: Tenant) -> None:
    member = Membership.objects.get(user=mine.people[Role.VIEWER])
    assert "role changed" in act(staff, "membership", "change", member.pk, role="admin", reason="asked by mail")[0]
    member.refresh_from_db()
    assert member.role == Role.ADMIN
    assert "removed" in act(staff, "membership", "remove", member.pk, reason="left the company")[0]
    owner = Membership.objects.get(user=mine.people[Role.OWNER])
    assert "Hand the organisation over first" in act(staff, "membership", "remove", owner.pk, reason="no")[0]
    log = AuditEvent.objects.visible_to(mine.actor()).filter(action__startswith="member.")
    assert set(log.values_list("reason", "via")) == {("asked by mail", "admin"), ("left the company", "admin")}


def test_the_first_owner_is_appointed(staff: Client, mine: Tenant) -> None:
    make_user("first@owner.example")
    organisation = mine.organisation
    told = act(staff, "organisation", "appoint", organisation.pk, email="First@Owner.example", role="owner", reason="x")
    assert "appointed" in told[0]
    assert Membership.objects.get(user__email="first@owner.example").role == Role.OWNER
    unknown = act(staff, "organisation", "appoint", organisation.pk, email="no@body.example", role="owner", reason="x")
    assert "Nobody has signed up" in unknown[0]


def test_a_person_is_erased_at_their_wish(staff: Client, mine: Tenant) -> None:
    viewer = mine.people[Role.VIEWER]
    assert "erased" in act(staff, "user", "erase", viewer.pk, reason="letter of 2 March")[0]
    assert User.objects.get(pk=viewer.pk).email == f"erased-{viewer.pk}@erased.invalid"


def test_a_document_is_published_once(staff: Client, mine: Tenant) -> None:
    form = {"kind": "terms", "version": "2026-05", "title_en": "T", "title_fr": "C", "text_en": "a", "text_fr": "b",
            "valid_from_0": "2026-05-01", "valid_from_1": "00:00:00"}  # fmt: skip
    path = reverse("admin:tenancy_termsversion_add")
    assert staff.post(path, form).status_code == 302
    assert staff.post(path, form).status_code == 200
    assert TermsVersion.objects.filter(version="2026-05").count() == 1
