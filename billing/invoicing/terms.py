# SPDX-License-Identifier: Apache-2.0
"""A document as business terms of EN 16931 (BT-1 …), and as CII and UBL: pure but for the XML library."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import facturx

from aion.money import cents_string, micro_per_unit, milli_string, price_string, rate_string
from billing.invoicing.states import DocumentType, Process, VatCategory

LEVEL = "en16931"
SIREN_SCHEME = "0002"
SIRET_SCHEME = "0009"
DIRECTORY_SCHEME = "0225"
MAIL_SCHEME = "EM"
CREDIT_TRANSFER, ALREADY_PAID = "30", "1"
# Electronic address schemes of the VAT numbers of member states (CEF EAS code list).
VAT_SCHEMES = {
    "AT": "9914", "BE": "9925", "BG": "9926", "CY": "9928", "CZ": "9929", "DE": "9930", "EE": "9931", "EL": "9933",
    "ES": "9920", "FR": "9957", "HR": "9934", "HU": "9910", "IE": "9935", "LT": "9937", "LU": "9938", "LV": "9939",
    "MT": "9943", "NL": "9944", "PL": "9945", "PT": "9946", "RO": "9947", "SE": "9955", "SI": "9949", "SK": "9950",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer as the document names it."""

    name: str
    country: str
    lines: tuple[str, ...]
    city: str = ""
    postcode: str = ""
    siren: str = ""
    siret: str = ""
    vat_number: str = ""
    registration: str = ""
    email: str = ""
    legal_info: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """One line."""

    name: str
    description: str
    quantity_milli: int
    unit: str
    unit_price_micro: int
    net_cents: int

    @property
    def price_micro(self) -> int:
        """Return the price of one unit; the one that explains the net amount where none was given."""
        given = self.unit_price_micro
        return given or micro_per_unit(net_cents=self.net_cents, quantity_milli=self.quantity_milli)


@dataclass(frozen=True, slots=True)
class Preceding:
    """The document that this one corrects, credits or settles (BG-3)."""

    number: str
    issued_on: date


@dataclass(frozen=True, slots=True)
class Content:
    """All that stands on a document. ``notes`` are (subject code, French, English)."""

    number: str
    issued_on: date
    type: str
    process: str
    seller: Party
    buyer: Party
    positions: tuple[Position, ...]
    category: str
    rate_basis_points: int
    net_cents: int
    vat_cents: int
    gross_cents: int
    paid_cents: int
    due_on: date
    delivered_on: date
    iban: str
    bic: str
    exemption_code: str = ""
    exemption_fr: str = ""
    exemption_en: str = ""
    notes: tuple[tuple[str, str, str], ...] = ()
    treatment: str = ""
    period: tuple[date, date] | None = None
    references: dict[str, str] = field(default_factory=dict)
    preceding: Preceding | None = None


def treatment_of(*, category: str, rule_place: str, public: bool, confirmed: bool) -> str:
    """Return how the reform treats the document (note BAR); nothing for a public body, which is reached otherwise."""
    if public and rule_place == "home":
        return ""
    if rule_place in {"home", "dom", "dom_none", "monaco"}:
        return "B2B" if rule_place != "monaco" else "B2BINT"
    if category == VatCategory.STANDARD and not confirmed:
        return "B2CINT"
    return "B2BINT"


def terms(content: Content) -> dict[str, Any]:
    """Return the business terms, as factur-x takes them."""
    found: dict[str, Any] = {
        "BT-1": content.number,
        "BT-2": content.issued_on.isoformat(),
        "BT-3": content.type,
        "BT-5": "EUR",
        "BT-8": "invoice",  # option "débits": VAT is due with the invoice
        "BT-9": content.due_on.isoformat(),
        "BT-23": content.process,
        "BT-72": content.delivered_on.isoformat(),
        "BG-1": _notes(content),
        "BG-4": _seller(content),
        "BG-7": _buyer(content),
        "BG-23": [_breakdown(content)],
        "BG-25": [_line(content, number, one) for number, one in enumerate(content.positions, start=1)],
        **_payment(content),
        **_totals(content),
        **_references(content),
    }
    if content.period is not None:
        found["BT-73"], found["BT-74"] = (day.isoformat() for day in content.period)
    if content.preceding is not None:
        found["BG-3"] = [
            {"BT-25": content.preceding.number, "BT-26": content.preceding.issued_on.isoformat()},
        ]
    return found


def _notes(content: Content) -> list[dict[str, str]]:
    abroad = content.buyer.country != "FR"
    notes = [
        {"BT-21": subject, "BT-22": f"{french} / {english}" if abroad else french} if subject else {"BT-22": french}
        for subject, french, english in content.notes
    ]
    if content.treatment:
        notes.append({"BT-21": "BAR", "BT-22": content.treatment})
    return notes


def _party(party: Party, *, with_vat: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"name": party.name, "country_code": party.country}
    for key, value in (
        ("city", party.city),
        ("postcode", party.postcode),
        *zip(("addr_l1", "addr_l2", "addr_l3"), party.lines, strict=False),
        ("vat_identifier", party.vat_number if with_vat else ""),
    ):
        if value:
            found[key] = value
    if party.siren:
        found |= {"legal_identifier": party.siren, "legal_identifier_schemeid": SIREN_SCHEME}
    elif party.registration:
        found["legal_identifier"] = party.registration
    if party.siret:
        found["identifiers"] = {SIRET_SCHEME: party.siret}
    return found


def _seller(content: Content) -> dict[str, Any]:
    # Out of scope, the norm wants neither party's VAT number on the document (BR-O-02).
    seller = content.seller
    found = _party(seller, with_vat=content.category != VatCategory.OUT_OF_SCOPE)
    found |= {"einvoicing_addr": seller.siren, "einvoicing_addr_schemeid": DIRECTORY_SCHEME}
    if seller.legal_info:
        found["legal_info"] = seller.legal_info
    found["contacts"] = [{"name": seller.name, "email": seller.email}]
    return found


def _buyer(content: Content) -> dict[str, Any]:
    buyer = content.buyer
    found = _party(buyer, with_vat=content.category != VatCategory.OUT_OF_SCOPE)
    address, scheme = electronic_address(buyer)
    return found | {"einvoicing_addr": address, "einvoicing_addr_schemeid": scheme}


def electronic_address(buyer: Party) -> tuple[str, str]:
    """Return where the document is sent, and in which scheme: the directory's by SIREN, a VAT number's, or e-mail."""
    if buyer.siren:
        return buyer.siren, DIRECTORY_SCHEME
    if buyer.vat_number[:2] in VAT_SCHEMES:
        return buyer.vat_number, VAT_SCHEMES[buyer.vat_number[:2]]
    return buyer.email, MAIL_SCHEME


def _breakdown(content: Content) -> dict[str, str]:
    found = {
        "BT-116": cents_string(content.net_cents),
        "BT-117": cents_string(content.vat_cents),
        "BT-118": content.category,
    }
    if content.category != VatCategory.OUT_OF_SCOPE:
        found["BT-119"] = rate_string(content.rate_basis_points)
    if content.exemption_code:
        text = content.exemption_fr if content.buyer.country == "FR" else content.exemption_en
        found |= {"BT-120": text, "BT-121": content.exemption_code}
    return found


def _line(content: Content, number: int, one: Position) -> dict[str, Any]:
    found: dict[str, Any] = {
        "BT-126": str(number),
        "BT-129": milli_string(one.quantity_milli),
        "BT-130": one.unit,
        "BT-131": cents_string(one.net_cents),
        "BT-146": price_string(one.price_micro),
        "BT-151": content.category,
        "BT-153": one.name,
    }
    if content.category != VatCategory.OUT_OF_SCOPE:
        found["BT-152"] = rate_string(content.rate_basis_points)
    if one.description:
        found["BT-154"] = one.description
    return found


def _payment(content: Content) -> dict[str, str]:
    if content.type == DocumentType.CREDIT_NOTE:
        return {"BT-20": "Avoir / Credit note"}
    if content.process == Process.PAID:
        return {"BT-20": "Déjà payé / Paid", "BT-81": ALREADY_PAID}
    return {
        "BT-20": f"À payer avant le {content.due_on:%d/%m/%Y} / Due on {content.due_on:%d/%m/%Y}",
        "BT-81": CREDIT_TRANSFER,
        "BT-83": content.number,
        "BT-84": content.iban,
        "BT-85": content.seller.name,
        "BT-86": content.bic,
    }


def _totals(content: Content) -> dict[str, str]:
    found = {
        "BT-106": cents_string(sum(one.net_cents for one in content.positions)),
        "BT-109": cents_string(content.net_cents),
        "BT-110": cents_string(content.vat_cents),
        "BT-112": cents_string(content.gross_cents),
        "BT-115": cents_string(content.gross_cents - content.paid_cents),
    }
    if content.paid_cents:
        found["BT-113"] = cents_string(content.paid_cents)
    return found


def _references(content: Content) -> dict[str, Any]:
    given = content.references
    names = {
        "buyer_reference": "BT-10", "purchase_order": "BT-13", "contract": "BT-12", "sales_order": "BT-14",
        "cost_centre": "BT-19",
    }  # fmt: skip
    found: dict[str, Any] = {term: given[name] for name, term in names.items() if given.get(name)}
    if given.get("lot"):
        found["BT-17"] = [given["lot"]]
    return found


def render(content: Content) -> dict[str, bytes]:
    """Return the document as ``cii`` and ``ubl``. Raises ValueError where it has no valid form of the schema."""
    return {"cii": _xml(terms(content), "factur-x"), "ubl": _xml(terms(content), "ubl-2.1")}


def _xml(given: dict[str, Any], flavour: str) -> bytes:
    # The library's own rule check asks a server that is not there and passes silently: ours is in ``checks``.
    try:
        made: bytes = facturx.generate_xml(given, flavor=flavour, level=LEVEL, check_xsd=True, check_schematron=False)
    except Exception as error:
        raise ValueError(f"{flavour}: {error}"[:400]) from error
    return made
