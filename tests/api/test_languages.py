# SPDX-License-Identifier: Apache-2.0
"""What is refused is said in the language of whoever asked: the API's by Accept-Language, a page's by its switch."""

from typing import Any

import pytest
from django.utils import translation

from aion.errors import Conflict, DomainError, Rejected
from aion.tenancy.roles import Role
from aion.tenancy.services.projects import update_project
from billing.services.budgets import BudgetWish, create_budget
from billing.states import BudgetPeriod, BudgetScope
from tests.worlds import MICRO, NOW, Market, Tenant, browser, launch

FRENCH = {"HTTP_ACCEPT_LANGUAGE": "fr-FR,fr;q=0.9"}
PATHS = [
    ("/api/v1/workloads/wl_0000000000000000", "Not found", "Introuvable", "Rien ne porte cet identifiant"),
    ("/api/v1/workloads?stat=x", "There is no such parameter", "Ce paramètre n’existe pas", "Le paramètre « stat »"),
    ("/api/v1/exports/focus?format=xml", "The request is not valid", "La requête n’est pas valide", "csv ou parquet"),
]


@pytest.mark.parametrize(("path", "title", "titre", "says"), PATHS)
def test_the_api_refuses_in_the_language_that_is_accepted(
    mine: Tenant, api: Any, path: str, title: str, titre: str, says: str
) -> None:
    client = api(mine.key())
    for headers in ({}, {"HTTP_ACCEPT_LANGUAGE": "de"}, {"HTTP_ACCEPT_LANGUAGE": "\x00;q=x"}):
        assert client.get(path, **headers).json()["title"] == title
    plain, french = client.get(path).json(), client.get(path, **FRENCH).json()
    assert (french["title"], says in french["detail"].replace("\u202f", " ")) == (titre, True)
    assert {name: plain[name] for name in ("code", "status", "type")} == {
        name: french[name] for name in ("code", "status", "type")
    }


def test_a_missing_right_is_said_in_the_language_that_is_accepted(mine: Tenant, api: Any) -> None:
    client = api(mine.key(Role.DEVELOPER))
    plain, french = client.get("/api/v1/invitations").json(), client.get("/api/v1/invitations", **FRENCH).json()
    assert plain["detail"] == (
        "This needs the right members:write, which your role (developer) does not give: ask an owner."
    )
    assert french["detail"].startswith("Il faut le droit members:write, que votre rôle (developer) ne donne pas")
    assert plain["details"] == french["details"] == {"scope": "members:write", "role": "developer"}


def test_a_promo_code_that_is_refused_says_in_french_what_to_do(mine: Tenant, api: Any) -> None:
    answer = api(mine.key()).post("/api/v1/promo-redemptions", {"code": "NOBODY-1"}, format="json", **FRENCH).json()
    assert (answer["code"], answer["field"]) == ("promo_code_not_valid", "code")
    assert "vérifiez l’orthographe" in answer["detail"]


def test_a_budget_without_room_says_so_in_french_with_its_figures(mine: Tenant, market: Market, api: Any) -> None:
    wish = BudgetWish("100 % IA", BudgetScope.ORGANISATION, BudgetPeriod.LIFETIME, MICRO)
    create_budget(actor=mine.actor(), wish=wish, at=NOW)
    asked = launch(mine, market, gpus=1)
    body = {
        "project": asked.project_id, "offer": asked.offer_id, "name": asked.name, "image": asked.image, "gpus": 1,
        "max_duration_seconds": 3600,
    }  # fmt: skip
    answer = api(mine.key()).post("/api/v1/workloads", body, format="json", **FRENCH).json()
    assert (answer["code"], answer["title"]) == ("budget_exceeded", "Un budget ne le permet pas")
    said = answer["detail"].replace("\u202f", " ")
    assert said.startswith("Le budget « 100 % IA » (toute l’organisation, en tout) a 1,00\u00a0crédits ; ")


def test_a_french_page_refuses_in_french(mine: Tenant) -> None:
    client = browser(mine)
    client.post("/i18n/setlang/", {"language": "fr"})
    file = client.get(f"/o/{mine.organisation.slug}/usage.csv?group=planet").content.decode()
    assert "La requête n’est pas valide" in file
    assert "n’est pas un choix" in file
    page = client.post(f"/o/{mine.organisation.slug}/budgets/", {
        "name": "x", "target": "workload:", "period": "day", "amount": "1", "percent_1": "100", "action_1": "alert",
    })  # fmt: skip
    assert page.context["form"].errors["period"] == [
        "Un budget par charge compte en tout : choisissez cette période.".replace(" :", "\u202f:")
    ]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/api/v1/usage-records:ingest", b"{}", "Envoyez un tableau JSON de CloudEvents."),
        ("/api/v1/usage-records:ingest", b"[]", "Un envoi contient entre 1 et 10 000 événements ; celui-ci en a 0."),
        ("/api/v1/projects", b'{"name": "Speech", "planet": 1}', "planet: Ce champ n’existe pas."),
    ],
)
def test_what_a_service_refuses_is_said_in_the_language_that_is_accepted(
    mine: Tenant, api: Any, path: str, body: bytes, says: str
) -> None:
    client = api(mine.key(Role.OPERATOR if "usage" in path else Role.OWNER))
    answer = client.generic("POST", path, body, content_type="application/json", **FRENCH)
    assert (answer.status_code, says in answer.json()["detail"].replace("\u202f", " ")) == (422, True)


@pytest.mark.parametrize(
    ("policy", "says"),
    [("MOON", "'MOON' n’est pas un niveau"), ("EU_OWNED+FR", "'FR' n’est pas un complément valable")],
)
def test_a_residency_policy_that_cannot_be_read_is_refused_in_french(mine: Tenant, policy: str, says: str) -> None:
    with translation.override("fr"), pytest.raises(Rejected, match=says):
        update_project(actor=mine.actor(), public_id=mine.project.public_id, residency_policy=policy, at=NOW)


def errors_of(kind: type[DomainError]) -> list[type[DomainError]]:
    return [one for child in kind.__subclasses__() for one in (child, *errors_of(child))]


def test_every_title_of_an_error_is_translated() -> None:
    def titles() -> dict[str, str]:
        return {one.__name__: translation.gettext(str(one.title)) for one in errors_of(DomainError)}

    with translation.override("en-gb"):
        english = titles()
    with translation.override("fr"):
        french = titles()
    assert len(english) > 30
    assert [name for name, title in english.items() if french[name] == title] == []


def test_an_error_without_words_of_its_own_says_its_title() -> None:
    error = Conflict(wanted=1)
    assert (error.detail, str(error), error.details) == ("Conflict with the present state",) * 2 + ({"wanted": 1},)
