# SPDX-License-Identifier: Apache-2.0
"""CSV downloads, streamed row by row."""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse

NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


class Echo:
    """A file that hands each line back, for streaming."""

    def write(self, value: str) -> str:
        """Return the line."""
        return value


def stream_csv(name: str, header: list[str], rows: Iterable[list[Any]]) -> StreamingHttpResponse:
    """Stream rows as a CSV download; a cell that a spreadsheet would run is quoted with an apostrophe."""
    writer = csv.writer(Echo())

    def lines() -> Iterator[str]:
        yield writer.writerow(header)
        for row in rows:
            yield writer.writerow([_safe(cell) for cell in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _safe(cell: Any) -> Any:
    if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
