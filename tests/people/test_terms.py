# SPDX-License-Identifier: Apache-2.0
"""Documents by version: kept as they were, accepted once, asked for anew."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from aion import clock
from aion.actor import system
from aion.errors import Conflict, Forbidden, NotFound
from aion.events.models import Event
from aion.people.organisations import accept_terms, publish_terms
from aion.tenancy import queries
from aion.tenancy.models import TermsAcceptance, TermsVersion
from aion.tenancy.roles import Role
from tests.worlds import NOW, Tenant, browser


def publish(version: str, **fields: object) -> TermsVersion:
    texts = {"title_en": "Terms", "title_fr": "Conditions", "text_en": "one", "text_fr": "un"}
    return publish_terms(
        actor=system("test"), kind="terms", version=version, at=NOW, **{"valid_from": NOW, **texts, **fields}
    )


def test_an_owner_accepts_on_the_page_and_is_asked_again_for_a_new_version(mine: Tenant) -> None:
    client, now = browser(mine), clock.now()
    waiting = queries.terms_to_accept(mine.organisation.pk, now)
    assert {one.kind for one in waiting} == {"terms", "dpa"}
    assert "wait for your acceptance" in client.get("/o/mine/team/").content.decode()
    for one in waiting:
        assert client.get(f"/terms/{one.kind}/{one.version}/").status_code == 200
        client.post("/o/mine/settings/terms/", {"kind": one.kind, "version": one.version})
    assert queries.terms_to_accept(mine.organisation.pk, now) == []
    assert "wait for your acceptance" not in client.get("/o/mine/team/").content.decode()
    new = publish("2026-03")
    assert queries.terms_to_accept(mine.organisation.pk, now) == [new]
    assert Event.objects.filter(organisation=mine.organisation, type="organisation.terms_changed").count() == 1


def test_a_version_that_does_not_hold_yet_is_not_asked_for(mine: Tenant) -> None:
    publish("2026-04", valid_from=NOW + timedelta(days=30))
    assert "2026-04" not in {one.version for one in queries.terms_in_force(NOW)}
    with pytest.raises(NotFound):
        accept_terms(actor=mine.actor(), kind="terms", version="2026-04", at=NOW)


def test_accepting_twice_is_one_acceptance_and_only_owners_accept(mine: Tenant) -> None:
    version = queries.terms_in_force(NOW)[0]
    for _ in range(2):
        accept_terms(actor=mine.actor(), kind=version.kind, version=version.version, at=NOW)
    assert TermsAcceptance.objects.filter(organisation=mine.organisation).count() == 1
    with pytest.raises(Forbidden):
        accept_terms(actor=mine.actor(Role.ADMIN), kind=version.kind, version=version.version, at=NOW)


def test_the_database_refuses_to_change_a_document_or_an_acceptance(mine: Tenant) -> None:
    version = queries.terms_in_force(NOW)[0]
    accept_terms(actor=mine.actor(), kind=version.kind, version=version.version, at=NOW)
    with pytest.raises(Conflict):
        publish(version.version, text_en="other") if version.kind == "terms" else publish("2026-01")
    for model, change in ((TermsVersion, {"text_en": "other"}), (TermsAcceptance, {"user_id": 1})):
        with pytest.raises(DatabaseError), transaction.atomic():
            model.objects.update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            model.objects.all()._raw_delete("default")
