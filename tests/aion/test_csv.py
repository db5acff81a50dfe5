# SPDX-License-Identifier: Apache-2.0
"""CSV downloads: made row by row under the server of production, and harmless in a spreadsheet."""

import asyncio
import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import RequestFactory

from aion.web.csv import ROWS_A_PIECE, guarded, stream_csv
from billing.export.columns import Kind
from billing.export.csv import WRITERS


def test_under_asgi_no_row_is_made_before_its_piece_is_due() -> None:
    made: list[int] = []

    def rows() -> Iterator[list[Any]]:
        for number in range(2 * ROWS_A_PIECE + 1):
            made.append(number)
            yield [number]

    async def taken() -> list[int]:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
        response = stream_csv(ASGIRequest(scope, None), "a.csv", ["n"], rows())
        return [len(made) async for _ in response]

    assert asyncio.run(taken()) == [ROWS_A_PIECE, 2 * ROWS_A_PIECE, 2 * ROWS_A_PIECE + 1]


def test_a_file_without_rows_has_its_header() -> None:
    response = stream_csv(RequestFactory().get("/"), "a.csv", ["n", "m"], [])
    assert (response.getvalue(), response["Content-Type"]) == (b"n,m\r\n", "text/csv; charset=utf-8")


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+cmd", "'+cmd"),
        ("-1+1", "'-1+1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("-1.5", "-1.5"),
        ("+33", "+33"),
        ("plain", "plain"),
        ("", ""),
        (-1, "-1"),
        (None, ""),
    ],
)
def test_every_csv_guards_a_cell_alike(cell: Any, written: str) -> None:
    response = stream_csv(RequestFactory().get("/"), "a.csv", ["n", "end"], [[cell, ""]])
    assert list(csv.reader(io.StringIO(response.getvalue().decode(), newline="")))[1] == [written, ""]
    assert WRITERS[Kind.TEXT] is guarded
