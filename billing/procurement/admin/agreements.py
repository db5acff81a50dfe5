# SPDX-License-Identifier: Apache-2.0
"""Framework agreements: drafted by one, activated by another; and the dated rules that they follow."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from aion import clock
from aion.actor import Actor
from aion.figures import plain_euros
from aion.staff import Act, AskedAdmin, AskForm, KeptAdmin, on_one, staff_actor, state_column
from billing.admin.columns import ByState, WithTables, credits_text, pending_first, table
from billing.procurement.admin.columns import cents, euro_column, euro_field, figures_table
from billing.procurement.models import AgreementRule, BuyerRequirement, FrameworkAgreement
from billing.procurement.queries.figures import of_agreements
from billing.procurement.services import agreements
from billing.procurement.states import AgreementState


class AgreementForm(AskForm):
    """An agreement as it was signed."""

    maximum = euro_field(_("Maximum without VAT (euros)"), _("Mandatory: what may be ordered over all lots."))
    lot_lines = forms.CharField(
        label=_("Lots"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=_("One a line: code; title; maximum in euros. Empty for an agreement without lots."),
    )

    class Meta:
        model = FrameworkAgreement
        fields: ClassVar = ["organisation", "title", "reference", "starts_on", "ends_on", "revision_rule"]
        widgets: ClassVar = {"revision_rule": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def clean_lot_lines(self) -> list[agreements.LotWish]:
        """Return the lots."""
        found = []
        for number, line in enumerate(filter(str.strip, self.cleaned_data["lot_lines"].splitlines()), start=1):
            parts = [part.strip() for part in line.split(";")]
            try:
                code, title, most = parts
                amount = Decimal(most.replace(",", ".").replace(" ", "")).quantize(Decimal("0.01"))
            except (ValueError, InvalidOperation) as error:
                raise forms.ValidationError(
                    _now("Line %(number)d is not “code; title; maximum in euros”.") % {"number": number}
                ) from error
            found.append(agreements.LotWish(code[:20], title[:160], cents(amount)))
        return found


def _activate(*, actor: Actor, row: FrameworkAgreement, at: datetime) -> None:
    agreements.activate_agreement(actor=actor, public_id=row.public_id, at=at)


def _withdraw(*, actor: Actor, row: FrameworkAgreement, at: datetime, reason: str) -> None:
    agreements.withdraw_agreement(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _end(*, actor: Actor, row: FrameworkAgreement, at: datetime, reason: str) -> None:
    agreements.end_agreement(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _facts(row: FrameworkAgreement) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Buyer"), row.organisation),
        (_("Maximum (€)"), plain_euros(row.maximum_cents)),
        (_("First day"), row.starts_on),
        (_("Last day"), row.ends_on),
        (_("Drafted by"), row.drafted_by),
    )


ACTIVATE = Act(
    title=_("Activate"),
    done=_("activated"),
    call=_activate,
    warning=_("The buyer can order within it from its first day on. You activate it as the second person."),
    form=forms.Form,
    facts=_facts,
)
WITHDRAW = Act(title=_("Withdraw"), done=_("withdrawn"), call=_withdraw, danger=True, facts=_facts)
END = Act(
    title=_("End"),
    done=_("ended"),
    call=_end,
    warning=_("Nothing more can be ordered under it. Orders that were placed stay. It cannot be undone."),
    danger=True,
    facts=_facts,
)


@admin.register(FrameworkAgreement)
class FrameworkAgreementAdmin(ByState, WithTables, AskedAdmin):
    """Framework agreements: drafts that wait for a second person come first."""

    form = AgreementForm
    list_display: ClassVar = ["number", "title", "organisation", "maximum", "ordered", "ends_on", "state_word"]
    list_filter: ClassVar = ["state", "ends_on"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["number", "title", "reference", "public_id", "organisation__name"]
    autocomplete_fields: ClassVar = ["organisation"]
    ordering: ClassVar = [pending_first(AgreementState.DRAFT), "-drafted_at"]
    show_full_result_count = False
    buttons: ClassVar = {AgreementState.DRAFT: ("activate", "withdraw"), AgreementState.ACTIVE: ("end",)}
    actions_detail: ClassVar = ["activate_one", "withdraw_one", "end_one"]
    maximum = euro_column("maximum_cents", _("maximum (€)"))
    ordered = euro_column("ordered_cents", _("ordered (€)"))
    state_word = state_column()
    activate_one, withdraw_one = on_one("activate_one", ACTIVATE), on_one("withdraw_one", WITHDRAW)
    end_one = on_one("end_one", END)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Ask for an agreement, or show all of one."""
        if obj is None:
            return [
                "organisation", "title", "reference", "starts_on", "ends_on", "maximum", "lot_lines", "revision_rule",
            ]  # fmt: skip
        return [
            "public_id", "number", "organisation", "title", "reference", "state", "maximum", "ordered", "starts_on",
            "ends_on", "revision_rule", "price_version", "drafted_by", "drafted_at", "decided_by", "decided_at",
            "ended_at", "reason",
        ]  # fmt: skip

    def tables(self, row: FrameworkAgreement) -> list[dict[str, Any]]:
        """Show the four numbers, the lots and the prices."""
        return [
            figures_table(of_agreements([row.pk])[row.pk]),
            table(
                _("Lots"),
                [_("Lot"), _("Title"), _("Maximum (€)"), _("Ordered (€)")],
                [
                    (one.code, one.title, plain_euros(one.maximum_cents), plain_euros(one.ordered_cents))
                    for one in row.lots.all()
                ],
            ),
            table(
                _("Price schedule"),
                [_("GPU"), _("Credits per GPU-hour"), _("Version")],
                [(one["name"], credits_text(one["micro_per_gpu_hour"]), one["price_id"]) for one in row.price_list],
            ),
        ]

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> FrameworkAgreement:
        """Draft through the service."""
        wish = agreements.AgreementWish(
            title=data["title"],
            maximum_cents=cents(data["maximum"]),
            starts_on=data["starts_on"],
            ends_on=data["ends_on"],
            reference=data["reference"],
            revision_rule=data["revision_rule"],
            lots=tuple(data["lot_lines"]),
        )
        return agreements.draft_agreement(
            actor=staff_actor(request), organisation_id=data["organisation"].pk, wish=wish, at=clock.now()
        )


@admin.register(AgreementRule)
class AgreementRuleAdmin(KeptAdmin):
    """How long an agreement may run, by the law of its first day."""

    list_display: ClassVar = ["valid_from", "valid_until", "max_months", "source"]


@admin.register(BuyerRequirement)
class BuyerRequirementAdmin(KeptAdmin):
    """What public bodies want to read on invoices."""

    list_display: ClassVar = ["siret", "name", "needs_service_code", "needs_engagement", "source"]
    search_fields: ClassVar = ["siret", "name"]
