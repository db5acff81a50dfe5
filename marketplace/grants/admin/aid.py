# SPDX-License-Identifier: Apache-2.0
"""State aid: what waits for the register, undertakings with their history, and the rules as dated rows."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import F
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from aion import clock
from aion.actor import Actor
from aion.money import from_decimal, to_decimal
from aion.staff import Act, DecidedAdmin, KeptAdmin, KeptForm, ReasonForm, on_one
from aion.tenancy.models import Organisation
from billing.admin.columns import WithTables, credits_text, money, table
from marketplace.grants.admin.splits import SPLIT
from marketplace.grants.models import AidRecord, AidRule, ExcludedSector, PublicHoliday, Undertaking
from marketplace.grants.queries.aid import rule_in_force, used_by
from marketplace.grants.services import aid
from marketplace.grants.states import AidKind, AidRegime

SHOWN = 200


class RegisterForm(forms.Form):
    """When, under which reference."""

    on = forms.DateField(label=_("Registered on"), widget=UnfoldAdminDateWidget)
    reference = forms.CharField(label=_("Reference"), max_length=80, widget=UnfoldAdminTextInputWidget)


def _register(*, actor: Actor, row: AidRecord, at: datetime, on: date, reference: str) -> None:
    aid.mark_registered(actor=actor, record=row, reference=reference, on=on, at=at)


def _of_record(row: AidRecord) -> list[tuple[Any, Any]]:
    return [
        (_("Beneficiary"), row.organisation),
        (_("Euros"), credits_text(row.amount)),
        (_("Granted"), row.granted_on),
        (_("Authority"), row.authority),
        (_("Instrument"), row.instrument),
        (_("NACE code"), row.nace or "–"),
        (_("To register until"), row.register_due_on),
    ]


REGISTER = Act(title=_("Mark as registered"), done=_("registered"), call=_register, form=RegisterForm, facts=_of_record)


@admin.register(AidRecord)
class AidRecordAdmin(DecidedAdmin):
    """Aid: what must still be registered comes first."""

    list_display: ClassVar = [
        "public_id", "organisation", "kind", "amount_credits", "granted_on", "register_due_on", "registered_on",
    ]  # fmt: skip
    list_filter: ClassVar = ["kind", ("registered_on", admin.EmptyFieldListFilter)]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["public_id", "organisation__name", "register_ref"]
    ordering: ClassVar = [F("registered_on").desc(nulls_first=True), F("register_due_on").asc(nulls_last=True)]
    show_full_result_count = False
    waiting: ClassVar = {"kind": AidKind.OURS, "registered_on": None}
    actions_detail: ClassVar = ["register_one"]
    fields: ClassVar = [
        "public_id", "organisation", "award", "kind", "authority", "instrument", "nace", "granted_on",
        "amount_credits", "register_due_on", "registered_on", "register_ref",
    ]  # fmt: skip
    amount_credits = money("amount", _("euros"))
    register_one = on_one("register_one", REGISTER)


class MergeForm(ReasonForm):
    """Into which one, from when on."""

    target = forms.ModelChoiceField(
        label=_("Merged into"),
        queryset=Undertaking.objects.filter(closed_at=None).order_by("name"),
        widget=UnfoldAdminSelectWidget,
    )
    on = forms.DateField(label=_("From"), widget=UnfoldAdminDateWidget)
    field_order = ["target", "on", "reason"]


class LinkForm(ReasonForm):
    """Which organisation, from when on."""

    organisation = forms.ModelChoiceField(
        label=_("Organisation"), queryset=Organisation.objects.order_by("name"), widget=UnfoldAdminSelectWidget
    )
    on = forms.DateField(label=_("From"), widget=UnfoldAdminDateWidget)
    field_order = ["organisation", "on", "reason"]


def _merge(*, actor: Actor, row: Undertaking, at: datetime, target: Undertaking, on: date, reason: str) -> None:
    aid.merge(actor=actor, source=row, target=target, on=on, reason=reason, at=at)


def _link(*, actor: Actor, row: Undertaking, at: datetime, organisation: Organisation, on: date, reason: str) -> None:
    aid.link(actor=actor, organisation=organisation, undertaking=row, on=on, source=reason, at=at)


MERGE = Act(
    title=_("Merge into another"),
    done=_("merged"),
    call=_merge,
    warning=_("The other one takes over all organisations and all of the history. It cannot be undone."),
    form=MergeForm,
    danger=True,
)
LINK = Act(
    title=_("Link an organisation"),
    done=_("linked"),
    call=_link,
    warning=_("The organisation brings its own history; from then on they share one cap."),
    form=LinkForm,
)


@admin.register(Undertaking)
class UndertakingAdmin(WithTables, DecidedAdmin):
    """Single undertakings: who belongs to one, what it has had and what is left."""

    list_display: ClassVar = ["name", "public_id", "created_at", "closed_at"]
    search_fields: ClassVar = ["name", "public_id"]
    show_full_result_count = False
    waiting: ClassVar = {"closed_at": None}
    actions_detail: ClassVar = ["link_one", "merge_one", "split_one"]
    fields: ClassVar = ["public_id", "name", "created_at", "closed_at"]
    link_one, merge_one = on_one("link_one", LINK), on_one("merge_one", MERGE)
    split_one = on_one("split_one", SPLIT)

    def tables(self, row: Undertaking) -> list[dict[str, Any]]:
        """Show headroom, links and entries."""
        today = clock.now().date()
        rule = rule_in_force(AidRegime.DE_MINIMIS, today)
        used = used_by(row.pk, rule, today) if rule else 0
        left = [[credits_text(rule.cap), credits_text(used), credits_text(max(0, rule.cap - used))]] if rule else []
        return [
            table(_("Today"), [_("Cap"), _("Used"), _("Left")], left),
            table(
                _("Organisations"),
                [_("Organisation"), _("From"), _("Until"), _("Known from"), _("Recorded by")],
                [
                    (one.organisation, one.valid.lower, one.valid.upper or "–", one.source, one.recorded_by)
                    for one in row.links.select_related("organisation").order_by("pk")
                ],
            ),
            table(
                _("History"),
                [_("Aid"), _("Why"), _("Euros"), _("Granted"), _("Recorded")],
                [
                    (one.record.public_id, one.kind, credits_text(one.amount), one.granted_on, one.at)
                    for one in row.entries.select_related("record").order_by("-pk")[:SHOWN]
                ],
            ),
        ]


class AidRuleForm(KeptForm):
    """A rule with its cap in euros."""

    euros = forms.DecimalField(
        label=_("Cap (euros)"),
        min_value=1,
        max_digits=12,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("What a single undertaking may get in the rolling years."),
    )

    class Meta:
        model = AidRule
        fields = ("code", "valid", "window_years", "registration_days", "source", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin with the rule's cap."""
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["euros"] = to_decimal(self.instance.cap)

    def clean_euros(self) -> Decimal:
        """Put the cap into the row before its constraints are asked."""
        euros: Decimal = self.cleaned_data["euros"]
        self.instance.cap = from_decimal(euros)
        return euros


@admin.register(AidRule)
class AidRuleAdmin(KeptAdmin):
    """Rules as dated rows: a new one is added when the law changes."""

    form = AidRuleForm
    fields: ClassVar = ["code", "valid", "euros", "window_years", "registration_days", "source", "note"]
    list_display: ClassVar = ["code", "valid", "cap_credits", "window_years", "registration_days"]
    cap_credits = money("cap", _("cap"))


@admin.register(ExcludedSector)
class ExcludedSectorAdmin(KeptAdmin):
    """Sectors that a rule leaves out."""

    list_display: ClassVar = ["code", "nace_prefix", "source"]


@admin.register(PublicHoliday)
class PublicHolidayAdmin(KeptAdmin):
    """Days that are no working days."""

    list_display: ClassVar = ["day", "name"]
