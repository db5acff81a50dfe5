# SPDX-License-Identifier: Apache-2.0
"""The export as CSV, in pieces."""

import csv
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

from aion.periods import rfc3339
from aion.web.csv import guarded
from billing.export.columns import COLUMNS, NAMES, Kind

CONTENT_TYPE = "text/csv; charset=utf-8"
ROWS_A_PIECE = 500


def _decimal(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


WRITERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: guarded,
    Kind.DECIMAL: _decimal,
    Kind.INTEGER: str,
    Kind.INSTANT: rfc3339,
}


def csv_pieces(rows: Iterable[list[Any]]) -> Iterator[bytes]:
    """Yield the header and the rows, some hundred rows at a time. An absent value is an empty cell."""
    writers = [WRITERS[column.kind] for column in COLUMNS]
    buffer = StringIO()
    sheet = csv.writer(buffer)
    sheet.writerow(NAMES)
    for number, row in enumerate(rows, 1):
        sheet.writerow([None if cell is None else write(cell) for write, cell in zip(writers, row, strict=True)])
        if number % ROWS_A_PIECE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: StringIO) -> bytes:
    piece = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return piece
