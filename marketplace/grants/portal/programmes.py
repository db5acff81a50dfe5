# SPDX-License-Identifier: Apache-2.0
"""Programmes for the organisation that runs them: the pot, the ranking, the awards, and the report for the funder."""

from collections.abc import Sequence
from typing import TypeVar

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from aion import clock
from aion.actor import Scope
from aion.errors import NotFound
from aion.web.csv import stream_csv
from aion.web.listing import page_of, wanted
from aion.web.views import ActorView
from marketplace.grants.letters import funder_pdf
from marketplace.grants.models import Programme
from marketplace.grants.queries import awards as queries
from marketplace.grants.queries.funder import HEADER, FunderLine, funder_lines, totals_of
from marketplace.grants.queries.ranking import Ranked, ranking
from marketplace.grants.states import ProgrammeState

RANKED = (ProgrammeState.PANEL, ProgrammeState.DECIDED, ProgrammeState.CLOSED)
Line = TypeVar("Line", FunderLine, Ranked)


class ProgrammesView(ActorView):
    """The programmes that the organisation runs."""

    scope = Scope.PROGRAMMES_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them."""
        states = [one.value for one in ProgrammeState]
        asked = wanted(request, states=states)
        rows = asked.rows(queries.run_programmes(self.actor), texts=("name_en", "name_fr", "code"))
        context = {"page": page_of(request, rows), "wanted": asked, "states": states}
        return render(request, "grants/programmes.html", context)


class ProgrammeBase(ActorView):
    """The base of everything about one programme."""

    scope = Scope.PROGRAMMES_READ

    def programme(self, public_id: str) -> Programme:
        """Return it. Raises NotFound for a programme that another organisation runs."""
        found = queries.run_programmes(self.actor).filter(public_id=public_id).first()
        if found is None:
            raise NotFound(gettext("There is no such programme, or your organisation does not run it."))
        return found


class ProgrammeView(ProgrammeBase):
    """One programme. The ranking is shown once the panel has begun: until then scores are blind."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        programme = self.programme(public_id)
        asked = wanted(request)
        lines = funder_lines(programme)
        places = ranking(programme.pk) if programme.state in RANKED else []
        context = {
            "programme": programme,
            "wanted": asked,
            "places": page_of(request, _holding(asked.q, places), name="ranking"),
            "lines": page_of(request, _holding(asked.q, lines), name="awards"),
            "totals": totals_of(lines),
        }
        return render(request, "grants/programme.html", context)


def _holding(text: str, rows: Sequence[Line]) -> list[Line]:
    """Return the rows of which the application's title or its organisation's name holds ``text``."""
    return [one for one in rows if text.casefold() in f"{one.title}\n{one.organisation}".casefold()]


class FunderCsvView(ProgrammeBase):
    """The funder's report as CSV."""

    def get(self, request: HttpRequest, public_id: str) -> StreamingHttpResponse:
        """Stream it."""
        programme = self.programme(public_id)
        rows = (line.cells() for line in funder_lines(programme))
        return stream_csv(request, f"{programme.code}-report.csv", list(HEADER), rows)


class FunderPdfView(ProgrammeBase):
    """The funder's report as PDF."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Send it."""
        programme = self.programme(public_id)
        lines = funder_lines(programme)
        content = funder_pdf(programme=programme, lines=lines, totals=totals_of(lines), at=clock.now())
        response = HttpResponse(content, content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{programme.code}-report.pdf"'
        return response
