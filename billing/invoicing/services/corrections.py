# SPDX-License-Identifier: Apache-2.0
"""What a credit note, a corrected invoice and a final invoice may say of the document before them."""

from django.db.models import Sum
from django.utils.translation import gettext

from aion.figures import euros
from aion.money import vat_of
from billing.invoicing.errors import DocumentNotPossible
from billing.invoicing.models import Document
from billing.invoicing.states import DocumentState, DocumentType, Process
from billing.invoicing.values import VatQuote

NAMES = frozenset({DocumentType.CREDIT_NOTE, DocumentType.CORRECTED})


def locked(corrects: Document | None, *, organisation_id: int, type: DocumentType, process: Process) -> Document | None:
    """Return the document before this one, locked so that two credit notes cannot both take its rest.

    Raises DocumentNotPossible where there must be one and is none, or where it cannot be followed so.
    """
    follows = type in NAMES or process == Process.AFTER_ADVANCE
    if corrects is None:
        if follows:
            raise DocumentNotPossible(gettext("Name the document that this one follows."), field="corrects")
        return None
    row: Document | None = (
        Document.objects.select_for_update(of=("self",)).filter(pk=corrects.pk, organisation_id=organisation_id).first()
    )
    if row is None or row.state != DocumentState.ISSUED:
        raise DocumentNotPossible(gettext("Only an issued document of the same organisation is followed."))
    if not follows:
        raise DocumentNotPossible(gettext("Only a credit note, a corrected or a final invoice follows another."))
    if type in NAMES and row.type == DocumentType.CREDIT_NOTE:
        raise DocumentNotPossible(gettext("A credit note is not corrected: issue a new invoice."))
    if type in NAMES and row.corrections.filter(type=DocumentType.CORRECTED).exists():
        raise DocumentNotPossible(gettext("This document was replaced: correct the corrected invoice."))
    if type == DocumentType.CORRECTED and row.corrections.filter(type=DocumentType.CREDIT_NOTE).exists():
        raise DocumentNotPossible(gettext("This document was credited in part: credit the rest and issue a new one."))
    if process == Process.AFTER_ADVANCE and type not in NAMES:
        if row.type != DocumentType.ADVANCE:
            raise DocumentNotPossible(gettext("A final invoice follows an advance invoice."), field="corrects")
        if row.corrections.filter(type=DocumentType.INVOICE).exists():
            raise DocumentNotPossible(gettext("This advance was settled already."), field="corrects")
    return row


def uncredited(original: Document) -> tuple[int, int]:
    """Return net and VAT of ``original`` that no credit note has, be it issued or on its way."""
    taken = original.corrections.filter(type=DocumentType.CREDIT_NOTE).aggregate(
        net=Sum("net_cents", default=0), vat=Sum("vat_cents", default=0)
    )
    return original.net_cents - taken["net"], original.vat_cents - taken["vat"]


def quote_of_credit(original: Document, net_cents: int) -> VatQuote:
    """Return the VAT of crediting ``net_cents``: at the original's rate, and the last part takes what is left.

    Raises DocumentNotPossible for more than is left.
    """
    net, vat = uncredited(original)
    if not 0 < net_cents <= net:
        raise DocumentNotPossible(
            gettext("At most %(net)s net of %(number)s can be credited.")
            % {"net": euros(net), "number": original.number},
            field="net_cents",
            uncredited_cents=net,
        )
    part = vat if net_cents == net else min(vat_of(net_cents, original.vat_rate_basis_points), vat)
    return VatQuote(
        net_cents=net_cents,
        vat_cents=part,
        category=original.vat_category,
        rate_basis_points=original.vat_rate_basis_points,
        rule=original.vat_rule,
        exemption_code=original.exemption_code,
        mentions=tuple(original.mentions),
    )
