# SPDX-License-Identifier: Apache-2.0
"""Territories and standard rates as of 2026-11: (territory, place, hundredths of a per cent, since, until)."""

DIRECTIVE = "Directive 2006/112/EC, articles 5 to 7 and 97; Commission, taxes in Europe database, read 2026-11"
OVERSEAS = "Code général des impôts, article 296 (Guadeloupe, Martinique, Réunion); CIBS since 2026-09-01"
NOT_APPLIED = "Code général des impôts, article 294 (Guyane, Mayotte); CIBS since 2026-09-01"
MONACO = "Franco-Monegasque tax convention of 1963-05-18, article 15"
BEGIN = "2024-01-01"
# Of the Union, as of the state's own legislation.
STATES = (
    ("AT", 2000), ("BE", 2100), ("BG", 2000), ("CY", 1900), ("CZ", 2100), ("DE", 1900), ("DK", 2500), ("ES", 2100),
    ("GR", 2400), ("HR", 2500), ("HU", 2700), ("IE", 2300), ("IT", 2200), ("LT", 2100), ("LU", 1700), ("LV", 2100),
    ("MT", 1800), ("NL", 2100), ("PL", 2300), ("PT", 2300), ("SE", 2500), ("SI", 2200),
)  # fmt: skip
CHANGED = (
    ("EE", 2200, "2025-07-01", 2400),
    ("FI", 2400, "2024-09-01", 2550),
    ("RO", 1900, "2025-08-01", 2100),
    ("SK", 2000, "2025-01-01", 2300),
)
# Rates of their own inside a member state (medium certainty), and the bases on Cyprus that share its VAT area.
PARTS = (("PT-20", 1600), ("PT-30", 2200), ("GB-SBA", 1900))


def rows() -> list[tuple[str, str, int, str, str | None, str]]:
    """Return every row: territory, place, rate, since, until, source."""
    found: list[tuple[str, str, int, str, str | None, str]] = [("FR", "home", 2000, BEGIN, None, DIRECTIVE)]
    found += [(code, "eu", rate, BEGIN, None, DIRECTIVE) for code, rate in (*STATES, *PARTS)]
    for code, before, day, after in CHANGED:
        found += [(code, "eu", before, BEGIN, day, DIRECTIVE), (code, "eu", after, day, None, DIRECTIVE)]
    found += [(code, "dom", 850, BEGIN, None, OVERSEAS) for code in ("GP", "MQ", "RE")]
    found += [(code, "dom_none", 0, BEGIN, None, NOT_APPLIED) for code in ("GF", "YT")]
    found.append(("MC", "monaco", 2000, BEGIN, None, MONACO))
    return found
