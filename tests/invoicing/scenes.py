# SPDX-License-Identifier: Apache-2.0
"""Buyers before the law, the documents that are asked for, and what the rules say of them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aion.actor import system
from aion.tenancy.models import LegalIdentity, Organisation, OrganisationKind
from billing.invoicing.checks.client import Checker, Failure, Report
from billing.invoicing.models import Document
from billing.invoicing.services import issuing, vies
from billing.invoicing.services.documents import request_document
from billing.invoicing.states import DocumentType, Process
from billing.invoicing.values import Line, Period, References
from billing.invoicing.vies.offline import OfflineVies
from tests.worlds import Tenant, make_tenant

# After the law's move of 2026-09-01, so that documents carry the present texts.
AT = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
CLERK = system("test")
PASSED = {"EN16931": 1, "BR-FR": 1}


@dataclass(frozen=True)
class Buyer:
    """Who buys, before the law."""

    country: str
    vat_number: str = ""
    registration: str = ""
    scheme: str = "other"
    kind: str = ""
    address: str = "1 Main Street\n1000 Town"


FRENCH = Buyer("FR", "FR44732829320", "732829320", "siren", address="12 quai de la Lanterne\n69002 Lyon")
GERMAN = Buyer("DE", "DE136695976", "HRB 12345", address="Lindenweg 4\n10115 Berlin")
AUSTRIAN = Buyer("AT", "", "FN 12345a", address="Ring 1\n1010 Wien")
SWISS = Buyer("CH", "", "CHE-123.456.788", address="Bahnhofstrasse 1\n8001 Zürich")
TOWN = Buyer("FR", "", "21690123100011", "siret", OrganisationKind.PUBLIC, "Place de la Comédie\n69001 Lyon")
REUNION = Buyer("RE", "FR19552008443", "552008443", "siren", address="3 rue du Port\n97400 Saint-Denis")


def identify(organisation: Organisation, buyer: Buyer, *, confirmed: bool = True) -> Organisation:
    """Write down who ``organisation`` is; VIES confirms its number unless told not to."""
    if buyer.kind:
        Organisation.objects.filter(pk=organisation.pk).update(kind=buyer.kind)
    LegalIdentity.objects.update_or_create(
        organisation=organisation,
        defaults={
            "legal_name": f"{organisation.name} SAS", "country_id": buyer.country, "updated_at": AT,
            "registration_scheme": buyer.scheme, "registration_number": buyer.registration,
            "vat_number": buyer.vat_number, "size": "small", "address": buyer.address,
        },
    )  # fmt: skip
    if confirmed and buyer.vat_number:
        vies.ask(number=buyer.vat_number, at=AT - timedelta(days=1), vies=OfflineVies())
    return organisation


def make_buyer(buyer: Buyer, *, confirmed: bool = True) -> Tenant:
    """Return a new tenant that is ``buyer``."""
    tenant = make_tenant(credit=0)
    identify(tenant.organisation, buyer, confirmed=confirmed)
    return tenant


def ask_for(organisation: Organisation, net_cents: int = 100_000, **fields: Any) -> Document:
    """Ask for a document over ``net_cents`` of GPU credits."""
    number = Document.objects.count()
    given: dict[str, Any] = {
        "type": DocumentType.INVOICE,
        "process": Process.TO_PAY,
        "lines": [Line(name="GPU credits", net_cents=net_cents, quantity_milli=net_cents * 10, unit_price_micro=10**6)],
        "key": f"test-{number}",
        "at": AT,
        **fields,
    }
    return request_document(actor=CLERK, organisation_id=organisation.pk, **given)


def issue(document: Document, checks: issuing.Checks, at: datetime = AT) -> Document:
    """Issue a document that was asked for."""
    return issuing.issue_document(actor=CLERK, document_id=document.pk, at=at, checks=checks)


class Lenient:
    """Checks that pass everything: for tests of what comes after them."""

    def __init__(self, *rules: str) -> None:
        """Remember which rules to name as broken."""
        self.rules = rules
        self.asked = 0

    def check(self, syntax: str, xml: bytes) -> Report:
        """Say that two rules looked."""
        assert xml.startswith(b"<?xml"), xml[:80]
        self.asked += 1
        return Report(syntax, dict(PASSED), tuple(Failure("EN16931", rule, rule, True) for rule in self.rules))


def broken_rules(checker: Checker, rendered: dict[str, bytes]) -> dict[str, set[str]]:
    """Return the rules that a document breaks, by syntax."""
    return {syntax: {one.rule for one in checker.check(syntax, xml).broken()} for syntax, xml in rendered.items()}


__all__ = ["Period", "References"]
