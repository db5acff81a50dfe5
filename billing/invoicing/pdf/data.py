# SPDX-License-Identifier: Apache-2.0
"""What stands on the page, as words: figures in the French manner, labels in French and English."""

from datetime import date
from typing import Any

from django.utils import translation

from aion import figures
from aion.money import price_string, to_decimal
from billing.invoicing.states import DocumentType, Process, VatCategory
from billing.invoicing.terms import Content, Party, Position

TITLES = {
    DocumentType.INVOICE: ("Facture", "Invoice"),
    DocumentType.CREDIT_NOTE: ("Avoir", "Credit note"),
    DocumentType.CORRECTED: ("Facture rectificative", "Corrected invoice"),
    DocumentType.ADVANCE: ("Facture d’acompte", "Advance invoice"),
}
REFERENCES = (
    ("buyer_reference", "Code service", "Buyer reference"),
    ("purchase_order", "N° d’engagement", "Purchase order"),
    ("contract", "Marché", "Contract"),
    ("lot", "Lot", "Lot"),
    ("sales_order", "Commande", "Sales order"),
    ("cost_centre", "Imputation", "Cost centre"),
)
UNITS = {"C62": "", "HUR": "h", "MON": "mois", "DAY": "j"}


def page_data(content: Content) -> dict[str, Any]:
    """Return everything the template writes."""
    with translation.override("fr"):
        french, english = TITLES[DocumentType(content.type)]
        return {
            "title": {"fr": french, "en": english},
            "number": content.number,
            "seller": _party(content.seller),
            "buyer": _party(content.buyer),
            "facts": _facts(content),
            "lines": [_line(one) for one in content.positions],
            "vat": _vat(content),
            "totals": _totals(content),
            "payment": _payment(content),
            # Why no VAT is charged stands beside it already.
            "notes": [
                {"fr": fr, "en": en} for _subject, fr, en in content.notes if fr not in _vat(content)["reason_fr"]
            ],
            "footer": _footer(content.seller),
        }


def _pair(fr: str, en: str, value: str) -> dict[str, str]:
    return {"fr": fr, "en": en, "value": value}


def _day(value: date) -> str:
    return f"{value:%d/%m/%Y}"


def _party(party: Party) -> dict[str, Any]:
    place = " ".join(part for part in (party.postcode, party.city) if part)
    numbers = [
        ("SIREN", party.siren),
        ("SIRET", party.siret),
        ("TVA / VAT", party.vat_number),
        ("N°", "" if party.siren else party.registration),
    ]
    return {
        "name": party.name,
        "lines": [*party.lines, *([place] if place else []), party.country],
        "numbers": [{"label": label, "value": value} for label, value in numbers if value],
    }


def _facts(content: Content) -> list[dict[str, str]]:
    found = [
        _pair("Date d’émission", "Issued", _day(content.issued_on)),
        _pair("Date de livraison", "Delivered", _day(content.delivered_on)),
    ]
    if content.period is not None:
        found.append(_pair("Période", "Period", " – ".join(_day(day) for day in content.period)))
    if content.type != DocumentType.CREDIT_NOTE:
        label = ("Payée le", "Paid on") if content.process == Process.PAID else ("Échéance", "Due")
        found.append(_pair(*label, _day(content.due_on)))
    if content.preceding is not None:
        value = f"{content.preceding.number} ({_day(content.preceding.issued_on)})"
        label = ("Acompte", "Advance") if content.process == Process.AFTER_ADVANCE else ("Corrige", "Corrects")
        found.append(_pair(*label, value))
    found += [_pair(fr, en, content.references[key]) for key, fr, en in REFERENCES if content.references.get(key)]
    return found


def _line(one: Position) -> dict[str, str]:
    unit = UNITS.get(one.unit, one.unit)
    quantity = to_decimal(one.quantity_milli * 1_000).normalize()
    places = max(0, -int(quantity.as_tuple().exponent))
    behind = len(price_string(one.price_micro).partition(".")[2])
    return {
        "name": one.name,
        "description": one.description,
        "quantity": f"{figures.number(quantity, places)}{figures.NBSP + unit if unit else ''}",
        "price": f"{figures.number(to_decimal(one.price_micro), behind)}{figures.NBSP}€",
        "net": figures.euros(one.net_cents),
    }


def _vat(content: Content) -> dict[str, str]:
    rate = figures.basis_points(content.rate_basis_points) if content.category == VatCategory.STANDARD else "–"
    return {
        "base": figures.euros(content.net_cents),
        "rate": rate,
        "category": content.category,
        "vat": figures.euros(content.vat_cents),
        "reason_fr": content.exemption_fr if content.exemption_code else "",
        "reason_en": content.exemption_en if content.exemption_code else "",
    }


def _totals(content: Content) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        _pair("Total HT", "Net total", figures.euros(content.net_cents)),
        _pair("TVA", "VAT", figures.euros(content.vat_cents)),
        _pair("Total TTC", "Total", figures.euros(content.gross_cents)),
    ]
    if content.paid_cents:
        rows.append(_pair("Déjà payé", "Paid already", figures.euros(-content.paid_cents)))
    credit = content.type == DocumentType.CREDIT_NOTE
    label = ("À votre crédit", "In your favour") if credit else ("Net à payer", "Amount due")
    rows.append(_pair(*label, figures.euros(content.gross_cents - content.paid_cents)))
    return rows


def _payment(content: Content) -> list[dict[str, str]]:
    if content.type == DocumentType.CREDIT_NOTE or content.process == Process.PAID:
        return []
    return [
        _pair("Virement à", "Transfer to", content.seller.name),
        _pair("IBAN", "IBAN", figures.iban(content.iban)),
        _pair("BIC", "BIC", content.bic),
        _pair("Référence", "Reference", content.number),
    ]


def _footer(seller: Party) -> str:
    place = f"{', '.join(seller.lines)}, {seller.postcode} {seller.city}"
    return f"{seller.name} · {seller.legal_info} · {place} · SIRET {seller.siret} · TVA {seller.vat_number}"
