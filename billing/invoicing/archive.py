# SPDX-License-Identifier: Apache-2.0
"""All documents of a period as one zip, written while it is sent: it never stands in memory as a whole."""

import zipfile
from collections.abc import Iterator

from aion.actor import Actor
from billing.export import Period
from billing.invoicing.queries.documents import files_between
from billing.invoicing.words import file_name

CONTENT_TYPE = "application/zip"


class _Pieces:
    """A file that nobody can seek in; what was written is taken away piece by piece."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        """Keep ``data`` until it is taken."""
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = bytes(self._held)
        self._held.clear()
        return taken


def zip_pieces(actor: Actor, period: Period) -> Iterator[bytes]:
    """Yield the zip of the organisation's documents that were issued in ``period``: the pages and their UBL."""
    out = _Pieces()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:  # type: ignore[call-overload]  # it only writes
        for kept in files_between(actor, period.start, period.end):
            issued = kept.document.issued_at
            assert issued is not None  # noqa: S101 - only issued documents have files
            entry = zipfile.ZipInfo(file_name(kept.document, kept.kind), issued.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, bytes(kept.content))
            yield out.take()
    yield out.take()


def archive_name(period: Period) -> str:
    """Return what the zip is called."""
    return f"invoices_{period.words}.zip"
