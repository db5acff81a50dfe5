# SPDX-License-Identifier: Apache-2.0
"""What will stand on a document: its row, who sells, who buys and which texts the law wants that day."""

import re
from dataclasses import asdict
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.translation import gettext

from aion.tenancy.models import LegalIdentity, Membership, OrganisationKind, RegistrationScheme
from aion.tenancy.roles import Role
from billing.invoicing.errors import DocumentNotPossible, NoLegalIdentity
from billing.invoicing.models import Document, Seller
from billing.invoicing.queries import rules
from billing.invoicing.states import NumberState, Process
from billing.invoicing.terms import Content, Party, Position, Preceding, treatment_of

FRENCH = frozenset({"FR", "GP", "MQ", "RE", "GF", "YT"})
ADDRESS_LINES = 3


def content_of(document: Document, *, number: str, issued_on: date) -> Content:
    """Return all that stands on ``document`` if it is issued on that day under ``number``.

    Raises NoLegalIdentity, and DocumentNotPossible where nobody sells on that day.
    """
    seller = rules.seller_on(issued_on)
    if seller is None:
        raise DocumentNotPossible(gettext("No seller is in force on this day: staff must add one."))
    identity = (
        LegalIdentity.objects.select_related("organisation").filter(organisation_id=document.organisation_id).first()
    )
    if identity is None:
        raise NoLegalIdentity()
    mentions = rules.mentions_on(list(document.mentions), issued_on)
    reasons = [row for row in mentions if row.code in document.mentions]
    public = identity.organisation.kind == OrganisationKind.PUBLIC
    notes = [(row.subject, row.text_fr, row.text_en) for row in mentions]
    if document.reason:
        notes.append(("", f"Motif : {document.reason}", f"Reason: {document.reason}"))
    evidence = getattr(document, "evidence", None)
    preceding = document.corrects
    return Content(
        number=number,
        issued_on=issued_on,
        type=document.type,
        process=document.process,
        seller=_seller(seller),
        buyer=_buyer(identity, str(document.references.get("buyer_siret") or "")),
        positions=tuple(
            Position(
                name=line.name,
                description=line.description,
                quantity_milli=line.quantity_milli,
                unit=line.unit,
                unit_price_micro=line.unit_price_micro,
                net_cents=line.net_cents,
            )
            for line in document.lines.all()
        ),
        category=document.vat_category,
        rate_basis_points=document.vat_rate_basis_points,
        net_cents=document.net_cents,
        vat_cents=document.vat_cents,
        gross_cents=document.gross_cents,
        paid_cents=document.paid_cents,
        due_on=_due(document, issued_on),
        delivered_on=document.period_last or issued_on,
        iban=seller.iban,
        bic=seller.bic,
        exemption_code=document.exemption_code,
        exemption_fr=" ".join(row.text_fr for row in reasons),
        exemption_en=" ".join(row.text_en for row in reasons),
        notes=tuple(notes),
        treatment=treatment_of(
            category=document.vat_category,
            rule_place=rules.place_of(document.vat_rule, issued_on),
            public=public,
            confirmed=evidence is not None and evidence.number_state == NumberState.VALID,
        ),
        period=_period(document),
        references=document.references,
        preceding=_preceding(preceding) if preceding is not None else None,
    )


def _due(document: Document, issued_on: date) -> date:
    """Return when it is to be paid: a draft that waited is never due before its own day."""
    due = document.due_on or issued_on
    return due if document.process == Process.PAID else max(due, issued_on)


def _period(document: Document) -> tuple[date, date] | None:
    if document.period_first is None or document.period_last is None:
        return None
    return document.period_first, document.period_last


def _preceding(document: Document) -> Preceding:
    if document.number is None or document.issued_at is None:
        raise DocumentNotPossible(gettext("The document that this one follows has no number."))
    return Preceding(document.number, document.issued_at.date())


def _seller(row: Seller) -> Party:
    return Party(
        name=row.legal_name,
        country=row.country,
        lines=(row.address,),
        city=row.city,
        postcode=row.postcode,
        siren=row.siren,
        siret=row.siret,
        vat_number=row.vat_number,
        email=row.email,
        legal_info=row.legal_form,
    )


def _buyer(identity: LegalIdentity, siret: str) -> Party:
    number, french = identity.registration_number, identity.country_id in FRENCH
    is_siret = identity.registration_scheme == RegistrationScheme.SIRET
    known = french and number and identity.registration_scheme != RegistrationScheme.OTHER
    siren = number[:9] if known else siret[:9]
    lines = [part.strip() for part in re.split(r"[\r\n]+", identity.address) if part.strip()]
    return Party(
        name=identity.legal_name,
        country=_iso(identity.country_id),
        lines=(*lines[: ADDRESS_LINES - 1], *([", ".join(lines[ADDRESS_LINES - 1 :])] if lines[2:] else [])),
        siren=siren,
        siret=siret or (number if known and is_siret else ""),
        vat_number=identity.vat_number,
        registration=number,
        email=_mailbox(identity.organisation_id),
    )


def _iso(territory: str) -> str:
    """Return the country of ISO 3166-1 that a territory is written under."""
    return {"XI": "GB"}.get(territory, territory[:2])


def _mailbox(organisation_id: int) -> str:
    """Return who gets invoices by e-mail: billing before owners, whoever joined first."""
    members = Membership.objects.filter(organisation_id=organisation_id, role__in=[Role.BILLING, Role.OWNER])
    ranked = sorted(members.select_related("user"), key=lambda one: (one.role != Role.BILLING, one.pk))
    return str(ranked[0].user.email) if ranked else str(settings.SUPPORT_EMAIL)


def party_facts(party: Party) -> dict[str, Any]:
    """Return a party as the document's row keeps it."""
    return {**asdict(party), "lines": list(party.lines)}
