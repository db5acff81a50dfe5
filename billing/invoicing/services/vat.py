# SPDX-License-Identifier: Apache-2.0
"""How a sale to an organisation is taxed, by the dated rules, and what that was decided on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext

from aion.errors import NotFound, Rejected
from aion.queue import nudge
from aion.tenancy import legal
from aion.tenancy.models import LegalIdentity, Organisation, OrganisationKind
from billing.invoicing.errors import NoLegalIdentity, NoVatRule
from billing.invoicing.models import Document, VatEvidence, ViesAnswer
from billing.invoicing.queries import rules
from billing.invoicing.states import BuyerKind, NumberState, Place
from billing.invoicing.values import VatQuote
from billing.invoicing.vat import Buyer, NoRule, decide

FRESH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Facts:
    """Who buys, before the law, and what is known of the number."""

    identity: LegalIdentity
    buyer: Buyer
    number_check: str
    vies: ViesAnswer | None


def quote_vat(*, organisation_id: int, net_cents: int, at: datetime) -> VatQuote:
    """Return the VAT of selling the organisation GPU credits for ``net_cents`` at ``at``, and the rule that says so.

    A number that VIES has not confirmed in thirty days counts as none, and VIES is asked. Raises NoLegalIdentity,
    NoVatRule.
    """
    return decide_vat(facts=facts_of(organisation_id=organisation_id, at=at), net_cents=net_cents, at=at)


def decide_vat(*, facts: Facts, net_cents: int, at: datetime) -> VatQuote:
    """Return how the sale is taxed. Raises NoVatRule."""
    try:
        taxed = decide(buyer=facts.buyer, rules=rules.rules_on(at.date()), net_cents=net_cents)
    except NoRule as error:
        raise NoVatRule(
            gettext("No VAT rule says how a sale to %(country)s is taxed: staff must add one.")
            % {"country": facts.identity.country_id},
            country=facts.identity.country_id,
        ) from error
    rule = taxed.rule
    return VatQuote(
        net_cents=net_cents,
        vat_cents=taxed.vat_cents,
        category=rule.category,
        rate_basis_points=taxed.rate_basis_points,
        rule=rule.code,
        exemption_code=rule.exemption_code,
        mentions=rule.mentions,
        number_state=facts.buyer.number,
    )


def facts_of(*, organisation_id: int, at: datetime) -> Facts:
    """Return what is known of the buyer; VIES is asked of a number without a fresh answer. Raises NoLegalIdentity."""
    organisation = Organisation.objects.filter(pk=organisation_id).first()
    if organisation is None:
        raise NotFound(gettext("There is no such organisation."))
    identity = LegalIdentity.objects.filter(organisation_id=organisation_id).first()
    if identity is None or not identity.legal_name or not identity.address:
        raise NoLegalIdentity(
            gettext("Fill in legal name, country and address under Organisation › Legal details: invoices need them.")
        )
    territory = rules.territory_on(identity.country_id, at.date())
    kind = BuyerKind.PUBLIC if organisation.kind == OrganisationKind.PUBLIC else BuyerKind.BUSINESS
    check, state = check_number(country=identity.country_id, number=identity.vat_number)
    vies = None
    if territory.place == Place.EU and state == NumberState.UNKNOWN:
        vies = latest_answer(identity.vat_number, at=at)
        if vies is None:
            nudge("invoicing.ask_vies", number=identity.vat_number)
        else:
            state = NumberState(vies.state)
    return Facts(identity, Buyer(territory, kind, state), check, vies)


def check_number(*, country: str, number: str) -> tuple[str, NumberState]:
    """Return what python-stdnum says of a number, and what is known of it before VIES is asked."""
    if not number:
        return "no number", NumberState.NONE
    try:
        legal.vat_of(country=country, number=number)
    except Rejected as error:
        return error.detail[:200], NumberState.MALFORMED
    return "check digits pass (python-stdnum)", NumberState.UNKNOWN


def latest_answer(number: str, *, at: datetime) -> ViesAnswer | None:
    """Return the answer of VIES that counts at ``at``: the latest one of thirty days."""
    found: ViesAnswer | None = ViesAnswer.objects.latest_of(number, since=at - FRESH, until=at)
    return found


def keep_evidence(*, document: Document, facts: Facts, quote: VatQuote, at: datetime) -> VatEvidence:
    """Write down what the document's VAT was decided on."""
    identity, buyer = facts.identity, facts.buyer
    return VatEvidence.objects.create(
        organisation_id=document.organisation_id,
        document=document,
        decided_at=at,
        country=identity.country_id,
        place=buyer.territory.place,
        buyer=buyer.kind,
        vat_number=identity.vat_number,
        number_check=facts.number_check,
        number_state=buyer.number,
        vies=facts.vies,
        rule=quote.rule,
        rate_basis_points=quote.rate_basis_points,
        address=identity.address,
    )
