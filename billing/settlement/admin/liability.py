# SPDX-License-Identifier: Apache-2.0
"""The liability report, the limited-network gauge with its alerts, and the accounting entries file."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from aion import clock
from aion.actor import Actor
from aion.errors import Rejected
from aion.figures import NBSP
from aion.money import decimal_string, floor_charge
from aion.periods import next_midnight
from aion.staff import (
    Act,
    DecidedAdmin,
    KeptAdmin,
    Page,
    Queue,
    on_one,
    register_pages,
    register_queues,
    staff_actor,
)  # fmt: skip
from aion.web.csv import stream_csv
from aion.web.downloads import download
from aion.web.templatetags.aion import origin_word
from billing.admin.columns import credits_text, money, table
from billing.settlement import queries
from billing.settlement.models import AccountMapping, GaugeAlert, NetworkThreshold
from billing.settlement.queries.liability import Every, Gauge, Movement, gauge, movements
from billing.settlement.services import fec
from billing.settlement.services import gauge as gauges

RIGHT = "billing.view_ledgeraccount"
BOOKS = "settlement.view_accountmapping"


def liability(request: HttpRequest) -> HttpResponse:
    """Show what is owed, period by period, and how near the limit is."""
    _require(request, RIGHT)
    now = clock.now()
    every, first = _asked(request, now)
    context = {
        **admin.site.each_context(request),
        "title": _("Liability"),
        "every": every.value,
        "from": first,
        "years": range(fec.FIRST_YEAR, now.year + 1) if request.user.has_perm(BOOKS) else (),
        "tables": [
            _gauge_table(gauge(now)), _movements_table(movements(start=first, end=next_midnight(now), every=every)),
            _sides_table(),
        ],
    }  # fmt: skip
    return TemplateResponse(request, "admin/liability.html", context)


def liability_csv(request: HttpRequest) -> StreamingHttpResponse:
    """Stream the report."""
    _require(request, RIGHT)
    now = clock.now()
    every, first = _asked(request, now)
    header = ["period", "origin", "issued", "spent", "expired", "returned", "owed"]
    found = movements(start=first, end=next_midnight(now), every=every)
    return stream_csv(request, f"liability-{every.value}.csv", header, _cells(found))


def fec_file(request: HttpRequest, year: int) -> StreamingHttpResponse:
    """Stream the accounting entries file. Raises Rejected for a year without books."""
    _require(request, BOOKS)
    pieces = fec.export_fec(actor=staff_actor(request), year=year, at=clock.now())
    return download(request, pieces, name=fec.file_name(year), content_type=f"text/plain; charset={fec.ENCODING}")


def _asked(request: HttpRequest, at: datetime) -> tuple[Every, date]:
    every = Every.DAY if request.GET.get("every") == Every.DAY else Every.MONTH
    first = date(at.year, at.month, 1) if every == Every.DAY else date(at.year - 1, at.month, 1)
    given = request.GET.get("from", "")
    if given:
        try:
            first = datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError:
            raise Rejected(gettext("Write a date as 2026-05-01."), field="from") from None
    return every, first


def _cells(found: Sequence[Movement]) -> Iterator[list[str]]:
    for one in found:
        sums = (one.issued, one.spent, one.expired, one.returned, one.owed)
        yield [f"{one.period:%Y-%m-%d}", one.origin, *(decimal_string(value) for value in sums)]


def _movements_table(found: Sequence[Movement]) -> dict[str, Any]:
    rows = [
        [
            f"{one.period:%Y-%m-%d}",
            _("Receivable") if one.origin == "receivable" else origin_word(one.origin),
            *(credits_text(value) for value in (one.issued, one.spent, one.expired, one.returned, one.owed)),
        ]
        for one in found
    ]
    headers = [_("From"), _("Origin"), _("Issued"), _("Spent"), _("Expired"), _("Taken back"), _("Left at the end")]
    note = _("A receivable is owed to the consortium: issued is usage without credit, spent what was settled of it.")
    return table(_("What is owed, period by period"), headers, rows, note)


def _gauge_table(read: Gauge) -> dict[str, Any]:
    limit = credits_text(read.threshold.amount) if read.threshold is not None else "–"
    row = [credits_text(read.volume), credits_text(read.outstanding), limit, f"{read.percent}{NBSP}%"]
    headers = [_("Sold in twelve months (€)"), _("Outstanding (€)"), _("Limit (€)"), _("Reached")]
    note = read.threshold.source if read.threshold is not None else _("No limit is in force.")
    return table(_("Limited network: bought credit that several operators accept"), headers, [row], note)


def _sides_table() -> dict[str, Any]:
    rows = [
        [
            f"{one.month:%Y-%m}", credits_text(one.clearing), credits_text(floor_charge(one.settled)),
            credits_text(floor_charge(one.unsettled)),
        ]
        for one in queries.sides()
    ]  # fmt: skip
    headers = [_("Month of usage"), _("Charged to customers"), _("Settled with operators"), _("Not settled")]
    return table(_("Both sides of a month"), headers, rows)


def _require(request: HttpRequest, right: str) -> None:
    user: Any = request.user
    if not user.has_perm(right):
        raise PermissionDenied


register_pages(
    Page("liability/", liability, "liability"),
    Page("liability.csv", liability_csv, "liability_csv"),
    Page("fec/<int:year>/", fec_file, "fec"),
)


def _acknowledge(*, actor: Actor, row: GaugeAlert, at: datetime, reason: str) -> None:
    gauges.acknowledge(actor=actor, alert_id=row.pk, reason=reason, at=at)


def _facts(row: GaugeAlert) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Reached"), f"{row.percent}{NBSP}%"),
        (_("Sold in twelve months (€)"), credits_text(row.volume)),
        (_("Outstanding (€)"), credits_text(row.outstanding)),
    )


SEEN = Act(title=_("Say what was done"), done=_("seen"), call=_acknowledge, facts=_facts)
register_queues(Queue(_("Limited-network alerts"), GaugeAlert, {"seen_at": None}, "seen_at__isnull=True"))


@admin.register(GaugeAlert)
class GaugeAlertAdmin(DecidedAdmin):
    """Steps of the limit that were reached."""

    list_display: ClassVar = ["year", "percent", "volume_text", "outstanding_text", "raised_at", "seen_by", "seen_at"]
    list_filter: ClassVar = [("seen_at", admin.EmptyFieldListFilter)]
    fields: ClassVar = [
        "year", "percent", "threshold", "volume_text", "outstanding_text", "raised_at", "seen_by", "seen_at", "note",
    ]  # fmt: skip
    waiting: ClassVar = {"seen_at": None}
    actions_detail: ClassVar = ["seen_one"]
    volume_text = money("volume", _("sold in twelve months (€)"))
    outstanding_text = money("outstanding", _("outstanding (€)"))
    seen_one = on_one("seen_one", SEEN)


@admin.register(NetworkThreshold)
class NetworkThresholdAdmin(KeptAdmin):
    """The limit of the law, dated."""

    list_display: ClassVar = ["valid", "amount_text", "source"]
    amount_text = money("amount", _("amount (€)"))


@admin.register(AccountMapping)
class AccountMappingAdmin(KeptAdmin):
    """Which account of the French chart a ledger account is, dated."""

    list_display: ClassVar = ["account_kind", "origin", "transfer_kind", "number", "name", "valid"]
    list_filter: ClassVar = ["account_kind"]
    show_full_result_count = False
