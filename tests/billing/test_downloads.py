# SPDX-License-Identifier: Apache-2.0
"""Downloads under the server that production runs: each piece is made when it is due."""

import asyncio
from collections.abc import Iterator

from django.core.handlers.asgi import ASGIRequest
from django.test import RequestFactory

from aion.web.downloads import download


def test_under_asgi_no_piece_is_made_before_the_one_before_it_was_taken() -> None:
    made: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            made.append(number)
            yield b"%d" % number

    async def taken() -> list[tuple[bytes, int]]:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
        response = download(ASGIRequest(scope, None), pieces(), name="a.csv", content_type="text/csv")
        return [(piece, len(made)) async for piece in response]

    assert asyncio.run(taken()) == [(b"0", 1), (b"1", 2), (b"2", 3)]


def test_under_wsgi_the_pieces_pass_as_they_are() -> None:
    response = download(RequestFactory().get("/"), iter([b"a", b"b"]), name="a.csv", content_type="text/csv")
    assert (response.getvalue(), response["Content-Disposition"]) == (b"ab", 'attachment; filename="a.csv"')
