# SPDX-License-Identifier: Apache-2.0
"""CSV downloads, streamed row by row."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse


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
            yield writer.writerow([f"'{c}" if isinstance(c, str) and c[:1] in "=+-@\t\r" else c for c in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
