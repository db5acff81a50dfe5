# SPDX-License-Identifier: Apache-2.0
"""Files as downloads."""

from typing import Any

from django.http import FileResponse, HttpResponseBase

from marketplace.grants.models import Attachment


def served(attachment: Attachment) -> HttpResponseBase:
    """Return a file as a download: never shown in the page's own origin, whatever it holds."""
    response: Any = FileResponse(
        attachment.file.open("rb"),
        as_attachment=True,
        filename=attachment.name,
        content_type="application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response  # type: ignore[no-any-return]
