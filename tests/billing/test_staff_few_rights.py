# SPDX-License-Identifier: Apache-2.0
"""Members of staff with few rights get answers on the page of an organisation and where its members are chosen."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from aion.tenancy.models import Membership
from aion.tenancy.roles import Role
from tests.billing.staffing import make_staff
from tests.worlds import Tenant, make_user

FEW = ("change_organisation", "add_membership")
SEARCH = {"app_label": "tenancy", "model_name": "membership", "field_name": "user"}


def form_of(tenant: Tenant, user: object) -> dict[str, object]:
    return {
        "name": "Mine", "slug": "mine", "kind": "startup", "country": "FR", "milli_gpu_quota": "1000",
        "memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "0", "memberships-0-role": "owner",
        "memberships-0-organisation": tenant.organisation.pk, "memberships-0-user": user,
    }  # fmt: skip


@pytest.mark.parametrize("rights", [FEW, (*FEW, "change_membership", "view_user")])
@pytest.mark.parametrize("user", ["abc", "\x00", "-1", "9" * 40, "1.5"])
def test_a_member_who_is_no_row_is_refused_at_the_field(mine: Tenant, rights: tuple[str, ...], user: str) -> None:
    client, person = make_staff("few", is_superuser=False)
    person.user_permissions.set(Permission.objects.filter(codename__in=rights))
    path = reverse("admin:tenancy_organisation_change", args=[mine.organisation.pk])
    answer = client.post(path, form_of(mine, user))
    (formset,) = answer.context["inline_admin_formsets"]
    assert (answer.status_code, [list(one) for one in formset.formset.errors]) == (200, [["user"]])
    added = make_user()
    assert client.post(path, form_of(mine, added.pk)).status_code == 302
    assert Membership.objects.get(user=added).role == Role.OWNER


def test_people_are_searched_by_who_may_see_them_page_by_page(mine: Tenant) -> None:
    client, person = make_staff("few", is_superuser=False)
    person.user_permissions.set(Permission.objects.filter(codename__in=FEW))
    path = reverse("admin:autocomplete")
    assert client.get(path, SEARCH).status_code == 403
    person.user_permissions.add(Permission.objects.get(codename="view_user"))
    found = client.get(path, {**SEARCH, "term": "mine.example"}).json()["results"]
    assert [one["text"] for one in found] == sorted(one.email for one in mine.people.values())
    for strange in ({"term": "\x00"}, {"term": "x" * 5000}):
        assert client.get(path, {**SEARCH, **strange}).json()["results"] == []
    for page in ("x", "0", "9" * 20):
        assert client.get(path, {**SEARCH, "page": page}).status_code == 404
