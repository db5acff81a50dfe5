# SPDX-License-Identifier: Apache-2.0
"""Members of staff with few rights get answers where people are chosen."""

from django.contrib.auth.models import Permission
from django.urls import reverse

from tests.billing.staffing import make_staff
from tests.worlds import Tenant

FEW = ("change_organisation", "add_membership")
SEARCH = {"app_label": "tenancy", "model_name": "membership", "field_name": "user"}


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
