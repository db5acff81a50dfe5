# SPDX-License-Identifier: Apache-2.0
"""What must stand on documents. French VAT law moved from the CGI to the CIBS on 2026-09-01; both texts are here."""

from typing import Any

BEGIN, SWITCH = "2024-01-01", "2026-09-01"
MOVED = "The CGI's number may stand until 2027-12-31; the CIBS's own number is to be added by counsel."


def _row(code: str, fr: str, en: str, source: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "text_fr": fr, "text_en": en, "source": source, "since": BEGIN, "until": None, **more}


MENTIONS: tuple[dict[str, Any], ...] = (
    _row(
        "late-fee",
        "Indemnité forfaitaire pour frais de recouvrement en cas de retard de paiement : 40 €.",
        "Fixed compensation for recovery costs in case of late payment: €40.",
        "Code de commerce, articles L441-10 and D441-5",
        subject="PMT", always=True,
    ),
    _row(
        "late-penalty",
        "Pénalités de retard : taux de refinancement de la Banque centrale européenne majoré de 10 points.",
        "Late-payment interest: the refinancing rate of the European Central Bank plus 10 percentage points.",
        "Code de commerce, article L441-10",
        subject="PMD", always=True,
    ),
    _row(
        "no-discount",
        "Pas d’escompte pour paiement anticipé.",
        "No discount for early payment.",
        "Code de commerce, article L441-9",
        subject="AAB", always=True,
    ),
    _row(
        "category",
        "Catégorie de l’opération : prestation de services.",
        "Category of operation: services.",
        "Décret 2022-1299, article 1; CGI, annexe II, article 242 nonies A",
        subject="AAI", always=True,
    ),
    _row(
        "debits",
        "Option pour le paiement de la taxe d’après les débits.",
        "Tax is paid on the invoice’s date (option “débits”).",
        "CGI, article 269-2-c, in the CIBS since 2026-09-01; décret 2022-1299, article 1",
        subject="AAI", always=True,
    ),
    _row(
        "reverse-charge",
        "Autoliquidation – article 283-2 du CGI et article 196 de la directive 2006/112/CE.",
        "Reverse charge – article 283-2 of the CGI and article 196 of Directive 2006/112/EC.",
        "Directive 2006/112/EC, article 226(11a); CGI, article 283-2",
        until=SWITCH,
    ),
    _row(
        "reverse-charge",
        "Autoliquidation – article 196 de la directive 2006/112/CE et code des impositions sur les biens et services.",
        "Reverse charge – article 196 of Directive 2006/112/EC and the code des impositions sur les biens et services.",
        "Directive 2006/112/EC, article 226(11a); CIBS", since=SWITCH, note=MOVED,
    ),
    _row(
        "outside",
        "TVA non applicable – article 259-1 du CGI et article 44 de la directive 2006/112/CE.",
        "Outside the scope of VAT – article 259-1 of the CGI and article 44 of Directive 2006/112/EC.",
        "Directive 2006/112/EC, article 44; CGI, article 259-1",
        until=SWITCH,
    ),
    _row(
        "outside",
        "TVA non applicable – article 44 de la directive 2006/112/CE et code des impositions sur les biens et "
        "services.",
        "Outside the scope of VAT – article 44 of Directive 2006/112/EC and the code des impositions sur les biens et "
        "services.",
        "Directive 2006/112/EC, article 44; CIBS", since=SWITCH, note=MOVED,
    ),
    _row(
        "dom-not-applied",
        "TVA non applicable en Guyane et à Mayotte – article 294 du CGI.",
        "VAT is not applied in French Guiana and Mayotte – article 294 of the CGI.",
        "CGI, article 294",
        until=SWITCH,
    ),
    _row(
        "dom-not-applied",
        "TVA non applicable en Guyane et à Mayotte – code des impositions sur les biens et services.",
        "VAT is not applied in French Guiana and Mayotte – code des impositions sur les biens et services.",
        "CIBS", since=SWITCH, note=MOVED,
    ),
    _row(
        "oss",
        "Sans numéro de TVA confirmé par VIES : TVA de l’État membre du client, déclarée au guichet unique (OSS).",
        "Without a VAT number confirmed by VIES: VAT of the customer’s member state, declared in the one-stop shop "
        "(OSS).",
        "Directive 2006/112/EC, articles 58 and 369a to 369k",
    ),
)  # fmt: skip
# The consortium's office in this product's world: the numbers pass their check digits and belong to nobody.
SELLER: dict[str, Any] = {
    "legal_name": "AION Consortium", "legal_form": "GIE au capital de 100 000 €, RCS Paris 991 888 777",
    "siren": "991888777", "siret": "99188877700018", "vat_number": "FR59991888777",
    "address": "12 rue des Calculateurs", "postcode": "75013", "city": "Paris", "country": "FR",
    "email": "factures@aion.example", "iban": "FR043000100999AION000000103", "bic": "AIONFRPPXXX",
    "payment_days": 30, "source": "The consortium's agreement; fictitious numbers", "since": BEGIN,
}  # fmt: skip
