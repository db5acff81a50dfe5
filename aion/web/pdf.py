# SPDX-License-Identifier: Apache-2.0
"""PDF papers: title, lines and tables. The only importer of fpdf2, so that another writer may take its place."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from fpdf import FPDF
from fpdf.fonts import FontFace

FONT = Path(__file__).parent / "fonts" / "dejavu-sans.ttf"
FAMILY = "DejaVu"
LINE = 5.5
HEAD = FontFace(fill_color=(235, 238, 244))


class Paper:
    """One A4 paper in the making. Texts may hold any Latin, Greek or Cyrillic letter."""

    def __init__(self, title: str) -> None:
        """Begin with a title."""
        self._pdf: Any = FPDF(format="A4")
        self._pdf.add_font(FAMILY, fname=FONT)
        self._pdf.set_title(title)
        self._pdf.set_creator("AION")
        self._pdf.set_auto_page_break(True, margin=18)
        self._pdf.set_margins(10, 14)
        self._pdf.add_page()
        self._pdf.set_font(FAMILY, size=15)
        self._pdf.multi_cell(0, 8, title, new_x="LMARGIN", new_y="NEXT")
        self._pdf.ln(2)

    def line(self, text: str) -> None:
        """Add a paragraph."""
        self._pdf.set_font(FAMILY, size=9)
        self._pdf.multi_cell(0, LINE, text, new_x="LMARGIN", new_y="NEXT")
        self._pdf.ln(2)

    def table(
        self,
        headers: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        widths: tuple[int, ...],
        numbers: Collection[int] = (),
    ) -> None:
        """Add a table; its head is repeated on each page. ``widths`` are millimetres, ``numbers`` their columns."""
        sides = tuple("RIGHT" if place in numbers else "LEFT" for place in range(len(headers)))
        self._pdf.set_font(FAMILY, size=8)
        with self._pdf.table(
            col_widths=widths, width=sum(widths), line_height=LINE, align="LEFT", text_align=sides, v_align="TOP",
            padding=0.8, headings_style=HEAD,
        ) as table:  # fmt: skip
            for cells in [headers, *rows]:
                row = table.row()
                for cell in cells:
                    row.cell(str(cell))
        self._pdf.ln(4)

    def content(self) -> bytes:
        """Return the file."""
        return bytes(self._pdf.output())
