# SPDX-License-Identifier: Apache-2.0
"""Setting an invoice. The only importer of typst; its fonts are inside it, so a machine's own change nothing."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import facturx
import typst

TEMPLATE = Path(__file__).parent / "invoice.typ"
STANDARD: Final = "a-3b"


def set_page(data: Mapping[str, Any], *, at: datetime) -> bytes:
    """Return ``data`` as PDF/A-3b; the same data at the same instant are the same bytes."""
    return typst.compile(
        TEMPLATE.read_bytes(),
        format="pdf",
        pdf_standards=[STANDARD],
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        timestamp=int(at.timestamp()),
    )


def with_xml(page: bytes, cii: bytes, *, title: str, author: str) -> bytes:
    """Return the page with the CII attached and declared, as Factur-X wants it."""
    made: bytes = facturx.generate_from_binary(
        page,
        cii,
        flavor="factur-x",
        level="en16931",
        check_xsd=False,  # it was checked when it was made
        pdf_metadata={"author": author, "title": title, "subject": title, "keywords": "Factur-X"},
        lang="fr-FR",
        afrelationship="alternative",
    )
    return made


def xml_inside(pdf: bytes) -> bytes:
    """Return the CII that a Factur-X file carries."""
    _name, found = facturx.get_facturx_xml_from_pdf(pdf, check_xsd=False)
    return bytes(found)
