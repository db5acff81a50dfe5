# SPDX-License-Identifier: Apache-2.0
"""CSV downloads, streamed some hundred rows at a time; and the guard that every CSV of ours shares."""

import csv
import re
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse

from aion.web.downloads import download

ROWS_A_PIECE = 500
RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def stream_csv(request: HttpRequest, name: str, header: list[str], rows: Iterable[list[Any]]) -> StreamingHttpResponse:
    """Stream rows as the CSV download ``name``; each cell is guarded."""
    return download(request, _pieces(header, rows), name=name, content_type="text/csv; charset=utf-8")


def guarded(cell: Any) -> Any:
    """Return the cell; a text that a spreadsheet would run gets an apostrophe before it. Numbers stay numbers."""
    runs = isinstance(cell, str) and cell.startswith(RUN_BY_SPREADSHEETS) and not NUMBER.fullmatch(cell)
    return f"'{cell}" if runs else cell


def _pieces(header: list[str], rows: Iterable[list[Any]]) -> Iterator[bytes]:
    buffer = StringIO()
    sheet = csv.writer(buffer)
    sheet.writerow(header)
    for number, row in enumerate(rows, 1):
        sheet.writerow([guarded(cell) for cell in row])
        if number % ROWS_A_PIECE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: StringIO) -> bytes:
    piece = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return piece
