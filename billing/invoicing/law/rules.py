# SPDX-License-Identifier: Apache-2.0
"""VAT rules of a seller in France, as of 2026-11. Overseas detail is by counsel, and says so."""

from typing import Any

WAIVED = (
    "BR-FR-16 lists French rates only; at the rate of another member state it cannot hold. Such a document goes to "
    "e-reporting, not through the platform."
)
COUNSEL = "Overseas detail of medium certainty: to be confirmed by counsel."
RULES: tuple[dict[str, Any], ...] = (
    {
        "code": "fr-domestic", "place": "home", "category": "S",
        "source": "Directive 2006/112/EC, article 44; CGI, articles 259 and 278, in the CIBS since 2026-09-01",
    },
    {
        "code": "fr-public", "place": "home", "buyer": "public", "category": "S",
        "source": "Directive 2006/112/EC, article 44; code de la commande publique, articles L2192-1 and following",
        "note": "By Chorus Pro, with SIRET, and service code and engagement number where that body requires them.",
    },
    {
        "code": "eu-reverse-charge", "place": "eu", "needs_number": True, "category": "AE", "rate_basis_points": 0,
        "exemption_code": "VATEX-EU-AE", "mentions": ["reverse-charge"],
        "source": "Directive 2006/112/EC, articles 44, 196 and 226(11a)",
    },
    {
        "code": "eu-consumer-oss", "place": "eu", "category": "S", "mentions": ["oss"], "waived": ["BR-FR-16"],
        "source": "Directive 2006/112/EC, articles 58 and 369a to 369k", "note": WAIVED,
    },
    {"code": "monaco", "place": "monaco", "category": "S", "source": "Convention of 1963-05-18, article 15"},
    {
        "code": "fr-dom", "place": "dom", "category": "S", "note": COUNSEL,
        "source": "CGI, article 296, in the CIBS since 2026-09-01",
    },
    {
        "code": "fr-dom-not-applied", "place": "dom_none", "category": "O", "rate_basis_points": 0,
        "exemption_code": "VATEX-EU-O", "mentions": ["dom-not-applied"], "note": COUNSEL,
        "source": "CGI, article 294, in the CIBS since 2026-09-01",
    },
    {
        "code": "outside", "place": "outside", "category": "O", "rate_basis_points": 0,
        "exemption_code": "VATEX-EU-O", "mentions": ["outside"],
        "source": "Directive 2006/112/EC, articles 44, 58 and 59",
    },
)  # fmt: skip
