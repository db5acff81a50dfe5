# SPDX-License-Identifier: Apache-2.0
"""Numbers of companies: worked examples and the traps of each country."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from aion.audit.models import AuditEvent
from aion.errors import Conflict, Forbidden, Rejected
from aion.people.organisations import IdentityWish, set_legal_identity
from aion.tenancy import legal
from aion.tenancy.audit import Action
from aion.tenancy.models import LegalIdentity
from aion.tenancy.roles import Role
from tests.worlds import NOW, Tenant, browser

SIREN, SIRET, VAT = "732829320", "73282932000074", "FR44732829320"


def wish(**fields: Any) -> IdentityWish:
    values: dict[str, Any] = {
        "legal_name": "Atelier Lumen SAS",
        "country": "FR",
        "registration_scheme": "siren",
        "registration_number": "732 829 320",
        "vat_number": "FR 44 732 829 320",
        "nace": "6201z",
        "size": "small",
        "founded_on": date(2020, 5, 4),
        "listed": False,
        "address": "1 rue de la Paix, Paris",
    }
    return IdentityWish(**values | fields)


@pytest.mark.parametrize(
    ("country", "scheme", "number", "stored"),
    [
        ("FR", "siren", "732 829 320", SIREN),
        ("FR", "siret", "732.829.320.00074", SIRET),
        ("FR", "siret", "356 000 000 49837", "35600000049837"),  # La Poste: a sum of digits, no Luhn
        ("FR", "siret", "35600000000048", "35600000000048"),  # its head office: Luhn
        ("DE", "other", "hrb 86891", "HRB 86891"),
        ("DE", "other", "", ""),
    ],
)
def test_a_registration_number_is_stored_without_its_blanks(
    country: str, scheme: str, number: str, stored: str
) -> None:
    assert legal.registration_number(country=country, scheme=scheme, number=number) == stored


@pytest.mark.parametrize(
    ("country", "scheme", "number", "field", "word"),
    [
        ("FR", "siren", "732829321", "registration_number", "check digit"),
        ("FR", "siren", "73282932", "registration_number", "9 digits"),
        ("FR", "siret", "73282932000075", "registration_number", "check digit"),
        ("FR", "siret", "35600000049838", "registration_number", "check digit"),
        ("FR", "siret", SIREN, "registration_number", "14 digits"),
        ("DE", "siren", SIREN, "registration_scheme", "French"),
        ("DE", "other", "HRB\u202e1", "registration_number", "letters"),
    ],
)
def test_a_wrong_registration_number_is_refused_at_its_field(
    country: str, scheme: str, number: str, field: str, word: str
) -> None:
    with pytest.raises(Rejected, match=word) as caught:
        legal.registration_number(country=country, scheme=scheme, number=number)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("country", "number", "stored"),
    [
        ("FR", "FR 44.732 829-320", VAT),
        ("GR", "el 094259216", "EL094259216"),
        ("DE", "DE136695976", "DE136695976"),
        ("BE", "BE697449992", "BE0697449992"),
        ("RE", VAT, VAT),  # overseas France
        ("MC", "FR29000054940", "FR29000054940"),  # Monaco has French numbers without a SIREN
        ("US", "", ""),
    ],
)
def test_a_vat_number_is_stored_with_its_prefix(country: str, number: str, stored: str) -> None:
    assert legal.vat_of(country=country, number=number) == stored


@pytest.mark.parametrize(
    ("country", "number", "word"),
    [
        ("GR", "GR094259216", "EL094259216"),
        ("IE", "XI432525179", "goods only"),
        ("GB", "GB432525179", "outside"),
        ("DE", VAT, "both must be one"),
        ("GR", "DE136695976", "both must be one"),
        ("DE", "DE136695977", "no valid VAT number"),
        ("FR", "44732829320", "two letters"),
        ("US", "US123456789", "two letters"),
        ("FR", "FR", "no valid"),
    ],
)
def test_a_wrong_vat_number_says_what_to_write(country: str, number: str, word: str) -> None:
    with pytest.raises(Rejected, match=word) as caught:
        legal.vat_of(country=country, number=number)
    assert caught.value.field == "vat_number"


def test_a_french_vat_number_of_another_company_is_refused() -> None:
    with pytest.raises(Rejected, match="303265045"):
        legal.check(country="FR", scheme="siren", registration=SIREN, vat_number="FR40303265045", nace="")


@pytest.mark.parametrize(("code", "stored"), [("62.01", "62.01"), ("6201Z", "62.01Z"), ("62", "62"), ("", "")])
def test_a_nace_code_is_stored_with_its_point(code: str, stored: str) -> None:
    assert legal.nace_of(code) == stored


@pytest.mark.parametrize("code", ["0", "00.1", "62Z", "abc", "62.011", "6201ZZ"])
def test_what_is_no_nace_code_is_refused(code: str) -> None:
    with pytest.raises(Rejected):
        legal.nace_of(code)


def test_a_change_is_on_the_record_and_no_change_is_not(mine: Tenant) -> None:
    for size in ("small", "small", "medium"):
        set_legal_identity(actor=mine.actor(), wish=wish(size=size), at=NOW)
    events = AuditEvent.objects.filter(action=Action.IDENTITY_SET).order_by("pk")
    assert [sorted(one.changes) for one in events][1:] == [["size"]]
    stored = LegalIdentity.objects.get(organisation=mine.organisation)
    assert (stored.registration_number, stored.vat_number, stored.nace, stored.size) == (SIREN, VAT, "62.01Z", "medium")


def test_two_organisations_cannot_have_one_number(mine: Tenant, theirs: Tenant) -> None:
    set_legal_identity(actor=theirs.actor(), wish=wish(), at=NOW)
    with pytest.raises(Conflict) as caught:
        set_legal_identity(actor=mine.actor(), wish=wish(), at=NOW)
    assert caught.value.field == "registration_number"
    assert not LegalIdentity.objects.filter(organisation=mine.organisation).exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("legal_name", " "), ("country", "XX"), ("size", "huge"), ("founded_on", date(2026, 3, 3)), ("address", "")],
)
def test_each_wrong_field_is_named(mine: Tenant, field: str, value: Any) -> None:
    with pytest.raises(Rejected) as caught:
        set_legal_identity(actor=mine.actor(), wish=wish(**{field: value}), at=datetime(2026, 3, 2, tzinfo=UTC))
    assert caught.value.field == field


def test_a_viewer_cannot_change_it(mine: Tenant) -> None:
    with pytest.raises(Forbidden):
        set_legal_identity(actor=mine.actor(Role.VIEWER), wish=wish(), at=NOW)


def test_the_page_puts_the_refusal_beside_the_field_and_keeps_what_was_typed(mine: Tenant) -> None:
    typed = {
        name: str(value) if value not in {None, False} else ""
        for name, value in vars_of(wish(vat_number="GR094259216", country="GR", registration_scheme="other")).items()
    }
    answer = browser(mine).post(f"/o/{mine.organisation.slug}/settings/", typed)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "EL094259216" in page.split('id="id_vat_number_error"')[1].split("</ul>")[0]
    assert "Atelier Lumen SAS" in page


def test_the_api_stores_it_once_and_shows_it(mine: Tenant, api: Any) -> None:
    client = api(mine.key())
    assert client.get("/api/v1/legal-identity").json()["legal_name"] == ""
    body = vars_of(wish()) | {"founded_on": "2020-05-04"}
    answer = client.post("/api/v1/legal-identity", body, format="json")
    assert (answer.status_code, answer.json()["vat_number"]) == (200, VAT)
    assert client.get("/api/v1/legal-identity").json() == answer.json()
    wrong = client.post("/api/v1/legal-identity", body | {"nace": "x"}, format="json").json()
    assert (wrong["status"], wrong["field"]) == (422, "nace")


def vars_of(one: IdentityWish) -> dict[str, Any]:
    return {name: getattr(one, name) for name in IdentityWish.__dataclass_fields__}
