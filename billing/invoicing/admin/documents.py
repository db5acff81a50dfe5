# SPDX-License-Identifier: Apache-2.0
"""The invoice queue: drafts that wait, what a rule refused with the rule's name, and what was issued."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Case, Value, When
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextareaWidget

from aion.actor import Actor
from aion.figures import basis_points, euros, instant
from aion.staff import Act, DecidedAdmin, Queue, ReasonForm, on_one, on_rows, register_queues, state_column
from aion.staff_tables import ByState, WithTables, table
from billing.invoicing.models import Dispatch, Document
from billing.invoicing.services import credit_notes, platform, retries
from billing.invoicing.services.corrections import uncredited
from billing.invoicing.states import DispatchState, DocumentState
from billing.invoicing.words import lifecycle_word

register_queues(
    Queue(_("Refused invoices"), Document, {"state": DocumentState.REFUSED}, "state__exact=refused"),
    Queue(_("Invoices that wait"), Document, {"state": DocumentState.DRAFT}, "state__exact=draft"),
    Queue(_("Invoices not sent"), Dispatch, {"state__in": [DispatchState.HELD, DispatchState.FAILED]},
          "state__in=held,failed"),
)  # fmt: skip


class CreditForm(ReasonForm):
    """How much of an invoice is credited."""

    net = forms.DecimalField(
        label=_("Net amount in euros"), min_value=Decimal("0.01"), max_digits=12, decimal_places=2, required=False,
        widget=UnfoldAdminDecimalFieldWidget, help_text=_("Empty: all that is not credited yet. VAT follows."),
    )  # fmt: skip
    field_order = ["net", "reason"]
    reason = forms.CharField(
        label=_("Reason"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), max_length=200,
        help_text=_("It stands on the credit note, and on the record with your name."),
    )  # fmt: skip


def _retry(*, actor: Actor, row: Document, at: datetime, reason: str) -> None:
    retries.retry_document(actor=actor, document_id=row.pk, at=at, reason=reason)


def _resend(*, actor: Actor, row: Document, at: datetime, reason: str) -> None:
    platform.retry_dispatch(actor=actor, document_id=row.pk, at=at, reason=reason)


def _credit(*, actor: Actor, row: Document, at: datetime, reason: str, net: Decimal | None) -> None:
    cents = None if net is None else int(net * 100)
    credit_notes.request_credit_note(actor=actor, document_id=row.pk, net_cents=cents, reason=reason, at=at)


def _facts(row: Document) -> Sequence[tuple[Any, Any]]:
    facts = [
        (_("Organisation"), row.organisation),
        (_("Total"), euros(row.gross_cents)),
        (_("Refused because"), rules_of(row)),
        (_("Last error"), row.last_error or "–"),
    ]
    if row.state == DocumentState.ISSUED:
        facts.append((_("Not credited yet (net)"), euros(uncredited(row)[0])))
    return facts


def rules_of(row: Document) -> str:
    """Write which rules a draft broke."""
    return ", ".join(str(one.get("rule", "")) for one in row.refusal) or "–"


RETRY = Act(
    title=_("Issue again"),
    done=_("will be issued"),
    call=_retry,
    warning=_("Put the facts right first. Amounts and VAT stay as they were decided."),
    facts=_facts,
)
CREDIT = Act(
    title=_("Issue a credit note"),
    done=_("credit note asked for"),
    call=_credit,
    warning=_("A credit note is issued and cannot be undone. Above the four-eyes limit a second person must approve."),
    form=CreditForm,
    facts=_facts,
    danger=True,
)
RESEND = Act(title=_("Send again"), done=_("will be sent"), call=_resend, facts=_facts)


@admin.register(Document)
class DocumentAdmin(ByState, WithTables, DecidedAdmin):
    """Invoices: refused ones come first, then drafts."""

    list_display: ClassVar = [
        "shown", "organisation", "type", "state_word", "rules", "total", "requested_at", "issued_at", "last_error",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "type", "year", "vat_category"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["number", "public_id", "organisation__name", "key"]
    show_full_result_count = False
    ordering: ClassVar = [
        Case(
            When(state=DocumentState.REFUSED, then=Value(0)), When(state=DocumentState.DRAFT, then=Value(1)),
            default=Value(2),
        ).asc(),
        "-pk",
    ]  # fmt: skip
    buttons: ClassVar = {
        DocumentState.DRAFT: ("retry",),
        DocumentState.REFUSED: ("retry",),
        DocumentState.ISSUED: ("credit", "resend"),
    }
    actions: ClassVar = ["retry"]
    actions_detail: ClassVar = ["retry_one", "credit_one", "resend_one"]
    fields: ClassVar = [
        "public_id", "number", "organisation", "type", "process", "state", "corrects", "net", "vat", "total", "paid",
        "rate", "vat_rule", "exemption_code", "mentions", "references", "reason", "due_on", "requested_at",
        "issued_at", "attempts", "next_attempt_at", "last_error",
    ]  # fmt: skip
    state_word = state_column()
    retry, retry_one = on_rows("retry", RETRY), on_one("retry_one", RETRY)
    credit_one, resend_one = on_one("credit_one", CREDIT), on_one("resend_one", RESEND)

    @admin.display(description=_("number"), ordering="number")
    def shown(self, row: Document) -> str:
        """Write the number, or the id of what has none."""
        return str(row)

    @admin.display(description=_("refused because"))
    def rules(self, row: Document) -> str:
        """Write which rules it broke."""
        return rules_of(row)

    @admin.display(description=_("total"), ordering="gross_cents")
    def total(self, row: Document) -> str:
        """Write the total."""
        return euros(row.gross_cents * row.sign)

    @admin.display(description=_("net"))
    def net(self, row: Document) -> str:
        """Write the net amount."""
        return euros(row.net_cents * row.sign)

    @admin.display(description=_("VAT"))
    def vat(self, row: Document) -> str:
        """Write the VAT."""
        return euros(row.vat_cents * row.sign)

    @admin.display(description=_("paid"))
    def paid(self, row: Document) -> str:
        """Write what was paid before."""
        return euros(row.paid_cents)

    @admin.display(description=_("rate"))
    def rate(self, row: Document) -> str:
        """Write the rate."""
        return basis_points(row.vat_rate_basis_points)

    def tables(self, row: Document) -> list[dict[str, Any]]:
        """Show lines, what the rules said, files and the life on the platform."""
        return [
            table(
                _("Refused because"),
                [_("Rule"), _("What it says")],
                [(one.get("rule", ""), one.get("text", "")) for one in row.refusal],
            ),
            table(
                _("Lines"),
                [_("Description"), _("Net")],
                [(line.name, euros(line.net_cents)) for line in row.lines.all()],
            ),
            table(
                _("Checks"),
                [_("When"), _("Stage"), _("Passed"), _("Rules that failed")],
                [(instant(one.checked_at), one.stage, one.passed, _failed(one.report)) for one in row.checks.all()],
            ),
            table(
                _("Files"),
                [_("Form"), _("Bytes"), "SHA-256"],
                [(one.kind, one.size, one.sha256) for one in row.files.defer("content")],
            ),
            table(
                _("On the e-invoicing platform"),
                [_("When"), _("Code"), _("Status"), _("Reason")],
                [(instant(one.at), one.code, lifecycle_word(one.code), one.reason) for one in row.statuses.all()],
            ),
        ]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer to send again only what was held or given up."""
        found: list[Any] = super().get_actions_detail(request, object_id)
        stuck = Dispatch.objects.filter(
            document_id=int(object_id) if str(object_id).isdigit() else 0,
            state__in=[DispatchState.HELD, DispatchState.FAILED],
        ).exists()
        return found if stuck else [one for one in found if not one.action_name.endswith("_resend_one")]


def _failed(report: list[dict[str, Any]]) -> str:
    names = {str(one["rule"]) for part in report for one in part.get("failed", [])}
    return ", ".join(sorted(names)) or "–"
