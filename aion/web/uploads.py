# SPDX-License-Identifier: Apache-2.0
"""Uploads: stopped at the limit before they are stored, and taken only when their bytes are what their name says."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

MAX_FILE_BYTES = 20 * 1024 * 1024
SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
EXTENSIONS = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}


class CappedUploadHandler(FileUploadHandler):
    """Stands before the handlers that store: a file above the limit reaches none of them whole.

    The check for forged requests reads the body before any view does, so a view's own check would come too late.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Start to count."""
        super().new_file(*args, **kwargs)
        self.seen = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Pass a piece on; read the rest of a file that is too large without keeping it, so that an answer follows."""
        self.seen += len(raw_data)
        if self.seen > MAX_FILE_BYTES:
            request: Any = self.request
            request.upload_too_large = True
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""


def was_too_large(request: HttpRequest) -> bool:
    """Tell whether a file of the request was skipped because of its size. Read it after the form's data."""
    return bool(getattr(request, "upload_too_large", False))


def sniff(first_bytes: bytes) -> str | None:
    """Return the type that the first bytes show; None for one that is not taken."""
    return next((kind for signature, kind in SIGNATURES if first_bytes.startswith(signature)), None)


def type_of_name(name: str) -> str | None:
    """Return the type that a file's name says; None for one that is not taken."""
    dot = name.rfind(".")
    return EXTENSIONS.get(name[dot:].lower()) if dot > 0 else None
