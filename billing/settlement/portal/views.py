# SPDX-License-Identifier: Apache-2.0
"""What an operator earned: settlements, one settlement with its lines, and both as files."""

from decimal import Decimal

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from aion import clock
from aion.actor import Scope
from aion.errors import NotFound
from aion.money import decimal_string
from aion.tenancy.models import OrganisationKind
from aion.web.csv import stream_csv
from aion.web.listing import page_of, wanted
from aion.web.views import ActorView
from billing.places import places
from billing.settlement import queries
from billing.settlement.letters import settlement_pdf
from billing.settlement.models import SettlementStatement
from billing.settlement.states import SettlementState

SHOWN_STATES = [state.value for state in SettlementState if state != SettlementState.REJECTED]


class OperatorView(ActorView):
    """A page for members of the consortium: nobody else operates sites."""

    scope = Scope.SETTLEMENTS_READ

    def found(self, public_id: str) -> SettlementStatement:
        """Return a settlement. Raises NotFound for a stranger's, and where no member looks."""
        self.require_member()
        row: SettlementStatement | None = queries.settlements(self.actor).filter(public_id=public_id).first()
        if row is None:
            raise NotFound(gettext("There is no such settlement."))
        return row

    def require_member(self) -> None:
        """Raise NotFound for an organisation that is no member."""
        if self.organisation.kind != OrganisationKind.MEMBER:
            raise NotFound(gettext("Only members of the consortium have settlements."))


class SettlementsView(OperatorView):
    """All settlements."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them, newest first."""
        self.require_member()
        asked = wanted(request, states=SHOWN_STATES)
        rows = asked.rows(queries.settlements(self.actor), texts=["public_id"])
        context = {
            "page": page_of(request, rows),
            "wanted": asked,
            "states": SHOWN_STATES,
            "owed": queries.owed(self.actor),
            "share": queries.share_in_force(self.actor, clock.now().date()),
        }
        return render(request, "settlement/settlements.html", context)


class SettlementView(OperatorView):
    """One settlement."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show its lines and where it stands."""
        one = self.found(public_id)
        page = page_of(request, queries.lines(self.actor, one))
        known = places()
        rows = [(line, known[line.site_code].name if line.site_code in known else line.site_code) for line in page]
        return render(request, "settlement/settlement.html", {"one": one, "page": page, "rows": rows})


class SettlementCsvView(OperatorView):
    """One settlement as CSV."""

    def get(self, request: HttpRequest, public_id: str) -> StreamingHttpResponse:
        """Stream its lines."""
        one = self.found(public_id)
        rows = queries.lines(self.actor, one).iterator(chunk_size=2000)
        header = [
            "settlement", "kind", "usage_month", "site", "sku", "price_per_gpu_hour", "gpu_seconds", "share_percent",
            "charged", "share", "commission", "exact_charge",
        ]  # fmt: skip
        return stream_csv(
            request,
            f"settlement-{one.month:%Y-%m}.csv",
            header,
            (
                [
                    one.public_id,
                    line.kind,
                    f"{line.usage_month:%Y-%m}",
                    line.site_code,
                    line.sku.code,
                    decimal_string(line.micro_per_gpu_hour),
                    f"{Decimal(line.milli_gpu_seconds) / 1000:.3f}",
                    f"{line.share_percent:.2f}",
                    decimal_string(line.charged),
                    decimal_string(line.share),
                    decimal_string(line.commission),
                    str(line.exact),
                ]
                for line in rows
            ),
        )


class SettlementPdfView(OperatorView):
    """One settlement as a paper."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Write it in the reader's language."""
        one = self.found(public_id)
        content = settlement_pdf(
            statement=one, operator=self.organisation.name, lines=queries.lines(self.actor, one), places=places()
        )
        answer = HttpResponse(content, content_type="application/pdf")
        answer["Content-Disposition"] = f'attachment; filename="settlement-{one.month:%Y-%m}.pdf"'
        return answer
