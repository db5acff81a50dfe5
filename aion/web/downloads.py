# SPDX-License-Identifier: Apache-2.0
"""Downloads that never stand in memory as a whole, under both kinds of server."""

from collections.abc import AsyncIterator, Iterator
from typing import IO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, StreamingHttpResponse


def download(request: HttpRequest, pieces: Iterator[bytes], *, name: str, content_type: str) -> StreamingHttpResponse:
    """Stream ``pieces`` as the file ``name``.

    Under ASGI Django would first collect an ordinary iterator in a list; there each piece is fetched when it is due,
    in the thread that owns the request's database connection.
    """
    content = _as_they_come(pieces) if isinstance(request, ASGIRequest) else pieces
    response = StreamingHttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Accel-Buffering"] = "no"
    return response


def kept_file(file: IO[bytes], *, name: str) -> FileResponse:
    """Return a file that somebody uploaded as the download ``name``, never shown in the page's own origin."""
    response = FileResponse(file, as_attachment=True, filename=name, content_type="application/octet-stream")
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


async def _as_they_come(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    def following() -> bytes | None:
        return next(pieces, None)

    while (piece := await sync_to_async(following, thread_sensitive=True)()) is not None:
        yield piece
