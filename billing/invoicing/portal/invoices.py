# SPDX-License-Identifier: Apache-2.0
"""Invoices of an organisation: the list with its totals, one of them with its reasons, and their files."""

from io import BytesIO
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import NotFound, Rejected
from aion.web.downloads import download
from aion.web.listing import page_of
from aion.web.text import text_in
from aion.web.views import ActorView
from billing import export
from billing.invoicing import words
from billing.invoicing.archive import CONTENT_TYPE, archive_name, zip_pieces
from billing.invoicing.models import Document
from billing.invoicing.models.documents import STATES, TYPES
from billing.invoicing.queries import documents
from billing.invoicing.queries.documents import Wanted
from billing.invoicing.states import FileKind

FILES = {"pdf": FileKind.FACTURX, "ubl": FileKind.UBL, "cii": FileKind.CII}


def wanted_of(request: HttpRequest) -> Wanted:
    """Return what the address asks for; what is no choice narrows nothing."""
    query = request.GET
    year, kind, state = query.get("year", ""), query.get("type", ""), query.get("state", "")
    return Wanted(
        year=int(year) if year.isascii() and year.isdigit() and len(year) == 4 else None,
        type=kind if kind in dict(TYPES) else "",
        state=state if state in dict(STATES) else "",
        q=text_in(query, "q", limit=40),
    )


class InvoicesView(ActorView):
    """The list."""

    scope = Scope.INVOICES_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of it, and what all of it adds up to."""
        wanted = wanted_of(request)
        rows = documents.documents(self.actor, wanted)
        context = {
            "wanted": wanted,
            "page": page_of(request, rows),
            "totals": documents.totals(rows),
            "years": documents.years(self.actor),
            "types": TYPES,
            "states": [(state, word) for state, (_tone, word) in words.STATES.items()],
            "words": words.STATES,
            "today": clock.now(),
        }
        return render(request, "invoicing/invoices.html", context)


class InvoiceView(ActorView):
    """One invoice."""

    scope = Scope.INVOICES_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it with its lines, its VAT and why, and what follows it. Raises NotFound for a stranger's."""
        rows = documents.documents(self.actor).select_related("evidence__vies")
        document: Any = rows.filter(public_id=public_id).first()
        if document is None:
            raise NotFound(_("There is no such invoice."))
        evidence = getattr(document, "evidence", None)
        tone, state = words.STATES[document.state]
        context = {
            "document": document,
            "tone": tone,
            "state": state,
            "lines": document.lines.all(),
            "evidence": evidence,
            "number_words": words.NUMBERS.get(evidence.number_state) if evidence else "",
            "references": [(words.REFERENCES[key], value) for key, value in _given(document)],
            "related": documents.related(document),
            "statuses": [(one, words.lifecycle_word(one.code)) for one in document.statuses.all()],
            "files": self._files(public_id) if document.released else [],
        }
        return render(request, "invoicing/invoice.html", context)

    def _files(self, public_id: str) -> list[tuple[str, str]]:
        slug = self.organisation.slug
        return [
            (reverse(f"portal:invoice_{name}", args=[slug, public_id]), words.LABELS[FILES[name]]) for name in FILES
        ]


def _given(document: Document) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in document.references.items() if value and key in words.REFERENCES]


class InvoiceFileView(ActorView):
    """One form of an invoice."""

    scope = Scope.INVOICES_READ
    kind = FileKind.FACTURX

    def get(self, request: HttpRequest, public_id: str) -> FileResponse:
        """Send it. Raises NotFound for a stranger's, and before the last check is done."""
        kept = documents.file_of(self.actor, public_id, self.kind)
        if kept is None:
            raise NotFound(_("There is no such file."))
        name = words.file_name(kept.document, kept.kind)
        content_type = words.CONTENT_TYPES[FileKind(kept.kind)]
        answer = FileResponse(
            BytesIO(bytes(kept.content)), as_attachment=True, filename=name, content_type=content_type
        )
        answer["Cache-Control"] = "private, no-store"
        return answer


class InvoicesZipView(ActorView):
    """All invoices of a period."""

    scope = Scope.INVOICES_READ

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Stream ``?from=2026-01-01&to=2026-02-01``; for what is no period, go back and say so."""
        try:
            period = export.period_of(request.GET.get("from", ""), request.GET.get("to", ""), at=clock.now())
        except Rejected as error:
            messages.error(request, error.detail)
            return redirect("portal:invoices", slug=self.organisation.slug)
        return download(request, zip_pieces(self.actor, period), name=archive_name(period), content_type=CONTENT_TYPE)
