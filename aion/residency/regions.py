# SPDX-License-Identifier: Apache-2.0
"""The territory table: which places are EU territory or EEA. A code that is absent is unknown and denied."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "data" / "eu-territories.csv"
STORABLE_CODE_TYPES = frozenset({"iso2", "iso3166-2", "local"})


@dataclass(frozen=True, slots=True)
class TerritoryFacts:
    """One row of the table: what EU law says of a place (Art. 52 TEU, 349 and 355 TFEU)."""

    code: str
    code_type: str
    name: str
    sovereign_parent: str
    eu_territory: bool
    eea: bool
    aliases: tuple[str, ...]
    caveat: str

    @property
    def known(self) -> bool:
        """Tell whether the code may be stored as a location at all (XK, XI and the like may not)."""
        return self.code_type in STORABLE_CODE_TYPES


@cache
def table_version() -> str:
    """Return the version line of the table, kept with every decision."""
    return TABLE.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split(";")[0]


@cache
def territories() -> Mapping[str, TerritoryFacts]:
    """Return the table by code."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {
        row["code"]: TerritoryFacts(
            code=row["code"],
            code_type=row["code_type"],
            name=row["name_en"],
            sovereign_parent=row["sovereign_parent"],
            eu_territory=row["eu_territory"] == "yes",
            eea=row["eea"] == "yes",
            aliases=tuple(filter(None, row["aliases"].replace("|", " ").replace(";", " ").split())),
            caveat=row["caveat"],
        )
        for row in csv.DictReader(lines)
    }


@cache
def aliases() -> frozenset[str]:
    """Return spellings that are accepted at an edge only, and refused in stored data (UK, EL, IC …)."""
    return frozenset(alias for facts in territories().values() for alias in facts.aliases)


def normalise(code: str) -> str:
    """Return the stored code for an input spelling; an unknown spelling comes back unchanged, in upper case."""
    wanted = code.strip().upper()
    for facts in territories().values():
        if wanted in facts.aliases:
            return facts.code
    return wanted
