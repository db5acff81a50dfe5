# SPDX-License-Identifier: Apache-2.0
"""Credits: lots in spending order, the statement, the balance of a past day, and why something was charged."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from aion import clock
from aion.actor import Scope
from aion.errors import NotFound, Rejected
from aion.money import EXACT_DIVISOR, decimal_string, floor_charge
from aion.web.csv import stream_csv
from aion.web.instants import day_in, require_days, reversed_days, wrong_days
from aion.web.text import text_in
from aion.web.views import ActorView
from billing import queries, words
from billing.models import LedgerAccount
from billing.states import TransferKind

PAGE = 50
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LotRow:
    """A lot as the page shows it."""

    lot: LedgerAccount
    usable_for: list[str]
    days: int | None
    live: bool


def wanted_of(request: HttpRequest) -> queries.EntryFilter:
    """Return the statement's filters; what is no choice is ignored. The last day counts in full."""
    query = request.GET
    kind, end = query.get("kind", ""), day_in(query, "to")
    return queries.EntryFilter(
        kind=kind if kind in set(TransferKind) else "",
        start=day_in(query, "from"),
        end=end + ONE_DAY if end else None,
        lot=text_in(query, "lot", limit=40),
        text=text_in(query, "q"),
    )


class CreditsView(ActorView):
    """Lots, forecast, the balance of a past day, and the statement."""

    scope = Scope.CREDITS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show all of it."""
        now = clock.now()
        lots = list(queries.lots(self.actor))
        names = words.sku_names(lots)
        rows = [self._row(lot, names, now) for lot in lots]
        found = queries.forecasts(self.organisation.pk, at=now)
        context = {
            "balance": queries.balance(self.organisation.pk, now),
            "live_lots": [row for row in rows if row.live],
            "old_lots": [row for row in rows if not row.live],
            "forecasts": [(one, words.METHODS[one.method], words.ASSUMPTIONS[one.method]) for one in found],
            "page": Paginator(queries.statement(self.actor, wanted_of(request)), PAGE).get_page(
                request.GET.get("page")
            ),
            "kinds": words.KINDS.items(),
            "lots": lots,
            "filtered": any(request.GET.get(name) for name in ("kind", "from", "to", "lot", "q")),
            "reversed": reversed_days(request.GET, "from", "to"),
            "wrong": wrong_days(request.GET, "from", "to", "as_of", "known"),
            "now": now,
            **self._past(request, now),
        }
        return render(request, "billing/credits.html", context)

    @staticmethod
    def _row(lot: LedgerAccount, names: dict[str, str], now: datetime) -> LotRow:
        ended = lot.expires_at is not None and lot.expires_at <= now
        days = (lot.expires_at - now).days if lot.expires_at and not ended else None
        return LotRow(lot, words.usable_for(lot, names), days, not ended and lot.credits > lot.debits)

    def _past(self, request: HttpRequest, now: datetime) -> dict[str, Any]:
        """Return the balance at the end of one day, as it was known at the end of another."""
        day = day_in(request.GET, "as_of")
        if day is None:
            return {}
        known = day_in(request.GET, "known")
        until = min(known + ONE_DAY, now) if known else now
        past = queries.balance_as_of(self.organisation.pk, effective=day + ONE_DAY, known=until)
        return {"past": past, "past_day": day, "past_known": known}


class StatementCsvView(ActorView):
    """The statement as CSV."""

    scope = Scope.CREDITS_READ

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        """Stream every ledger entry that the page's filters match, newest first. Raises Rejected for wrong ones."""
        require_days(request.GET, "from", "to")
        if request.GET.get("kind", "") not in {"", *TransferKind}:
            raise Rejected(
                gettext("There is no such kind under 'kind': choose one of %(transferkind)s.")
                % {"transferkind": ", ".join(TransferKind)},
                field="kind",
            )
        rows = queries.statement(self.actor, wanted_of(request)).values_list(
            "public_id",
            "effective_at",
            "created_at",
            "kind",
            "description",
            "debit_account__label",
            "credit_account__label",
            "amount",
            "debit_account__public_id",
            "credit_account__public_id",
            "idempotency_key",
            "reverses__public_id",
        )
        return stream_csv(
            request,
            "statement.csv",
            [
                "id",
                "accounting_time",
                "posted",
                "kind",
                "description",
                "debit",
                "credit",
                "credits",
                "debit_account",
                "credit_account",
                "idempotency_key",
                "reverses",
            ],
            (
                [
                    public_id,
                    at.isoformat(),
                    posted.isoformat(),
                    kind,
                    text,
                    debit,
                    credit,
                    decimal_string(amount),
                    *proof,
                ]
                for public_id, at, posted, kind, text, debit, credit, amount, *proof in rows.iterator(chunk_size=2000)
            ),
        )


class EntryView(ActorView):
    """Why was I charged this: from a ledger entry to pod and second."""

    scope = Scope.CREDITS_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show the entry, what is behind it, and which lots paid. Raises NotFound for a stranger's."""
        entry = queries.statement(self.actor).filter(public_id=public_id).select_related("reverses").first()
        if entry is None:
            raise NotFound(gettext("There is no such entry."))
        kind = TransferKind(entry.kind)
        context: dict[str, Any] = {"entry": entry, "kind": words.KINDS[kind], "why": words.WHY[kind]}
        if entry.batch_id is not None and entry.usage_day is not None:
            records = queries.charged_records(self.actor, entry)
            charge = queries.charge_of(self.actor, entry)
            context |= {
                "charge": charge,
                "carried": abs(charge.carried),
                "divisor": EXACT_DIVISOR,
                "prices": queries.prices_behind(self.actor, entry),
                "beside": queries.entries_beside(self.actor, entry).select_related("debit_account", "credit_account"),
                "page": Paginator(records, PAGE).get_page(request.GET.get("page")),
            }
        return render(request, "billing/entry.html", context)


class StatementsView(ActorView):
    """Closed months."""

    scope = Scope.CREDITS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them, newest first."""
        page = Paginator(queries.month_statements(self.actor), PAGE).get_page(request.GET.get("page"))
        return render(request, "billing/statements.html", {"page": page})


class StatementView(ActorView):
    """One closed month."""

    scope = Scope.CREDITS_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show its lines."""
        closed = self.closed(public_id)
        page = Paginator(queries.statement_lines(self.actor, closed), PAGE * 2).get_page(request.GET.get("page"))
        return render(request, "billing/statement.html", {"closed": closed, "page": page})

    def closed(self, public_id: str) -> Any:
        """Return the statement. Raises NotFound for a stranger's."""
        row = queries.month_statements(self.actor).filter(public_id=public_id).first()
        if row is None:
            raise NotFound(gettext("There is no such statement."))
        return row


class StatementLinesCsvView(StatementView):
    """One closed month as CSV."""

    def get(self, request: HttpRequest, public_id: str) -> StreamingHttpResponse:  # type: ignore[override]  # streams
        """Stream its lines."""
        closed = self.closed(public_id)
        rows = queries.statement_lines(self.actor, closed).values_list(
            "kind", "usage_month", "project__name", "sku__code", "micro_per_gpu_hour", "milli_gpu_seconds", "exact"
        )
        return stream_csv(
            request,
            f"statement-{closed.month:%Y-%m}.csv",
            ["kind", "usage_month", "project", "sku", "price_per_gpu_hour", "gpu_seconds", "credits"],
            (
                [
                    kind,
                    f"{month:%Y-%m}",
                    project,
                    sku,
                    decimal_string(price),
                    f"{seconds / 1000:.3f}",
                    decimal_string(floor_charge(int(exact))),
                ]
                for kind, month, project, sku, price, seconds, exact in rows.iterator(chunk_size=2000)
            ),
        )
