# SPDX-License-Identifier: Apache-2.0
"""Programmes for the organisation that runs them: the pot, the ranking, the awards, and the report for the funder."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from aion import clock
from aion.actor import Scope
from aion.errors import NotFound
from aion.web.csv import stream_csv
from aion.web.views import ActorView
from marketplace.grants.letters import funder_pdf
from marketplace.grants.models import Programme
from marketplace.grants.queries import awards as queries
from marketplace.grants.queries.funder import HEADER, funder_lines, totals_of
from marketplace.grants.queries.ranking import ranking
from marketplace.grants.states import ProgrammeState

SHOWN = 500
RANKED = (ProgrammeState.PANEL, ProgrammeState.DECIDED, ProgrammeState.CLOSED)


class ProgrammesView(ActorView):
    """The programmes that the organisation runs."""

    scope = Scope.PROGRAMMES_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them."""
        return render(request, "grants/programmes.html", {"programmes": list(queries.run_programmes(self.actor)[:200])})


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
        lines = funder_lines(programme)
        context = {
            "programme": programme,
            "ranking": ranking(programme.pk)[:SHOWN] if programme.state in RANKED else [],
            "lines": lines,
            "totals": totals_of(lines),
        }
        return render(request, "grants/programme.html", context)


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
