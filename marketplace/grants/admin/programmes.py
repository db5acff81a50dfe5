# SPDX-License-Identifier: Apache-2.0
"""Programmes: written and changed while they are drafts, then moved on by acts that ask first."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from aion import clock
from aion.actor import Actor
from aion.errors import DomainError
from aion.money import from_decimal, to_decimal
from aion.residency.policy import Level
from aion.staff import Act, AskedAdmin, AskForm, ReasonForm, on_one, on_rows, staff_actor, state_column
from aion.web.templatetags.aion import LEVEL_WORDS
from billing.admin.columns import ByState, WithTables, credits_text, money, table
from marketplace.grants.admin.acts import APPOINT, ASSIGN_ALL, FUND, PANEL, REFUSE_REST
from marketplace.grants.models import Criterion, Programme
from marketplace.grants.queries.ranking import ranking
from marketplace.grants.services import programmes
from marketplace.grants.services.wording import state_word
from marketplace.grants.states import ProgrammeState

PLAIN = (
    "code", "name_en", "name_fr", "summary_en", "summary_fr", "organisation", "funder", "money_source", "aid_regime",
    "aid_decided_by", "opens_at", "closes_at", "zone", "decision_on", "lot_days", "report_days", "min_reviews",
    "ties_projects", "check_after_days", "min_used_percent", "rules",
)  # fmt: skip

RANKED = (ProgrammeState.PANEL, ProgrammeState.DECIDED, ProgrammeState.CLOSED)
SHOWN = 500


def _credits(label: Any, help_text: Any = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=Decimal(1),
        max_digits=15,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=help_text,
    )


class ProgrammeForm(AskForm):
    """A programme, with amounts in credits."""

    pot = _credits(_("Pot (credits)"), _("1 credit = 1 euro."))
    cap_per_award = _credits(_("Most per award (credits)"))
    only_skus = forms.CharField(
        label=_("Only these GPUs"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Codes of SKUs, separated by commas. Empty for all of them."),
    )
    only_sites = forms.CharField(
        label=_("Only at these sites"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Codes of sites, separated by commas. Empty for all of them."),
    )
    min_level = forms.TypedChoiceField(
        label=_("Only from residency level"),
        choices=[(0, _("None")), *((one.value, LEVEL_WORDS[one.name]) for one in Level)],
        coerce=int,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Programme
        fields: ClassVar = list(PLAIN)
        help_texts: ClassVar = {
            "rules": _(
                "A list of objects with id, kind and params. The kinds: kind_in, country_in, size_in, "
                "founded_within_years, identity_complete, vat_valid, terms_accepted, no_overdue_report, "
                "one_per_organisation, amount_max, attachments_required, attestation."
            ),
            "zone": _("Applicants see the dates in this zone. The fields here are in UTC."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Show a draft's amounts in credits and its codes as text."""
        row = kwargs.get("instance")
        if row is not None and row.pk:
            kwargs["initial"] = {
                "pot": to_decimal(row.pot).normalize(),
                "cap_per_award": to_decimal(row.cap_per_award).normalize(),
                "only_skus": ", ".join(row.sku_codes),
                "only_sites": ", ".join(row.site_codes),
                "min_level": row.min_level,
                **(kwargs.get("initial") or {}),
            }
        super().__init__(*args, **kwargs)

    def _get_validation_exclusions(self) -> set[str]:
        # Terms that exclude each other are the service's to refuse: it says at which field, a constraint does not.
        left: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # not in the stubs
        return left | {"pot", "cap_per_award", "aid_regime", "closes_at"}

    def clean(self) -> dict[str, Any]:
        """Put a refusal of codes at the field that asks for them."""
        if self.refusal is not None:
            named = {"sku_codes": "only_skus", "site_codes": "only_sites"}
            self.refusal.field = named.get(self.refusal.field or "", self.refusal.field)
        return super().clean()


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _wish(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in PLAIN} | {
        "pot": from_decimal(data["pot"]),
        "cap_per_award": from_decimal(data["cap_per_award"]),
        "sku_codes": list(_codes(data["only_skus"])),
        "site_codes": list(_codes(data["only_sites"])),
        "min_level": data["min_level"],
    }


class DeadlineForm(ReasonForm):
    """A later deadline, and why."""

    closes_at = forms.SplitDateTimeField(label=_("New deadline (UTC)"), widget=UnfoldAdminSplitDateTimeWidget)


def _facts(row: Programme) -> Sequence[tuple[Any, Any]]:
    return (
        (_("Programme"), row),
        (_("Pot"), credits_text(row.pot)),
        (_("Most per award"), credits_text(row.cap_per_award)),
        (_("Deadline"), row.closes_at),
        (_("State"), row.state),
    )


def _publish(*, actor: Actor, row: Programme, at: datetime) -> None:
    programmes.publish_programme(actor=actor, programme=row, at=at)


def _cancel(*, actor: Actor, row: Programme, at: datetime, reason: str) -> None:
    programmes.cancel_programme(actor=actor, programme=row, reason=reason, at=at)


def _later(*, actor: Actor, row: Programme, at: datetime, reason: str, closes_at: datetime) -> None:
    programmes.move_deadline(actor=actor, programme=row, closes_at=closes_at, reason=reason, at=at)


def _moves(to: ProgrammeState) -> Callable[..., None]:
    def call(*, actor: Actor, row: Programme, at: datetime, reason: str) -> None:
        programmes.move_on(actor=actor, programme=row, to=to, reason=reason, at=at)

    return call


PUBLISH = Act(
    title=_("Publish"),
    done=_("published"),
    call=_publish,
    warning=_("From now on money, dates, rules and criteria are fixed: only the deadline may move later."),
    form=forms.Form,
    facts=_facts,
)
LATER = Act(title=_("Move the deadline"), done=_("deadline moved"), call=_later, form=DeadlineForm, facts=_facts)
REVIEW = Act(title=_("Close for review"), done=_("in review"), call=_moves(ProgrammeState.REVIEW), facts=_facts)
DECIDED = Act(title=_("Mark as decided"), done=_("decided"), call=_moves(ProgrammeState.DECIDED), facts=_facts)
CLOSE = Act(title=_("Close the programme"), done=_("closed"), call=_moves(ProgrammeState.CLOSED), facts=_facts)
CANCEL = Act(
    title=_("Cancel the programme"),
    done=_("cancelled"),
    call=_cancel,
    warning=_("Everybody who has begun an application is told. This cannot be undone."),
    danger=True,
    facts=_facts,
)


class CriterionInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    """What reviewers score; fixed once the programme is published."""

    model = Criterion
    extra = 3
    fields: ClassVar = ["position", "code", "name_en", "name_fr", "weight", "max_score"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Name each field for screen readers: in a table only its column has a name."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs["aria-label"] = str(field.label)
        return field

    def _is_draft(self, obj: Any) -> bool:
        return obj is None or obj.state == ProgrammeState.DRAFT

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow for a draft."""
        return self._is_draft(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow for a draft."""
        return self._is_draft(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow for a draft."""
        return self._is_draft(obj) and super().has_delete_permission(request, obj)


@admin.register(Programme)
class ProgrammeAdmin(ByState, WithTables, AskedAdmin):
    """Programmes: the next opens first."""

    form = ProgrammeForm
    inlines: ClassVar = [CriterionInline]
    list_display: ClassVar = [
        "code", "name_en", "organisation", "state_word", "pot_credits", "committed_credits", "opens_at", "closes_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "money_source"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["code", "name_en", "name_fr", "public_id", "funder"]
    autocomplete_fields: ClassVar = ["organisation"]
    show_full_result_count = False
    buttons: ClassVar = {
        ProgrammeState.DRAFT: ("publish", "appoint", "cancel"),
        ProgrammeState.OPEN: ("later", "review", "appoint", "assign", "cancel"),
        ProgrammeState.REVIEW: ("appoint", "assign", "panel"),
        ProgrammeState.PANEL: ("fund", "refuse", "decided"),
        ProgrammeState.DECIDED: ("fund", "refuse", "close"),
    }
    actions: ClassVar = ["publish", "review", "panel"]
    actions_detail: ClassVar = [
        "publish_one", "later_one", "review_one", "appoint_one", "assign_one", "panel_one", "fund_one", "refuse_one",
        "decided_one", "close_one", "cancel_one",
    ]  # fmt: skip
    pot_credits, committed_credits = money("pot", _("pot")), money("committed", _("committed"))
    cap_credits = money("cap_per_award", _("most per award"))
    state_word = state_column()
    publish, review, panel = on_rows("publish", PUBLISH), on_rows("review", REVIEW), on_rows("panel", PANEL)
    publish_one, later_one = on_one("publish_one", PUBLISH), on_one("later_one", LATER)
    review_one, panel_one = on_one("review_one", REVIEW), on_one("panel_one", PANEL)
    appoint_one = on_one("appoint_one", APPOINT)
    assign_one, fund_one = on_one("assign_one", ASSIGN_ALL), on_one("fund_one", FUND)
    refuse_one = on_one("refuse_one", REFUSE_REST)
    decided_one, close_one = on_one("decided_one", DECIDED), on_one("close_one", CLOSE)
    cancel_one = on_one("cancel_one", CANCEL)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow a draft's change to who may change programmes; what is published is looked at."""
        return (obj is None or obj.state == ProgrammeState.DRAFT) and self.has_decide_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Show the form of a draft, or all of a programme that was published."""
        if obj is None or obj.state == ProgrammeState.DRAFT:
            return [
                "code", "name_en", "name_fr", "summary_en", "summary_fr", "organisation", "funder", "money_source",
                "aid_regime", "aid_decided_by", "pot", "cap_per_award", "opens_at", "closes_at", "zone", "decision_on",
                "lot_days", "report_days", "min_reviews", "only_skus", "only_sites", "min_level", "ties_projects",
                "check_after_days", "min_used_percent", "rules",
            ]  # fmt: skip
        return [
            "public_id", "state", *PLAIN, "pot_credits", "committed_credits", "cap_credits", "sku_codes", "site_codes",
            "min_level", "rules_version",
        ]  # fmt: skip

    def tables(self, row: Programme) -> list[dict[str, Any]]:
        """Show the reviewers and, once the panel has begun, the ranking: until then scores are blind."""
        appointed = row.appointments.filter(ended_at=None).select_related("reviewer").order_by("reviewer__email")
        shown = [
            table(
                _("Reviewers"),
                [_("Reviewer"), _("Appointed"), _("Appointed by")],
                [[one.reviewer, one.appointed_at, one.appointed_by] for one in appointed],
            )
        ]
        if row.state not in RANKED:
            return shown
        found = ranking(row.pk)
        lines = [
            [
                one.rank or "–",
                one.title,
                one.organisation,
                "–" if one.points is None else one.points,
                one.reviews,
                credits_text(one.requested_amount),
                state_word(one.state),
            ]
            for one in found[:SHOWN]
        ]
        headers = [
            _("Rank"), _("Application"), _("Organisation"), _("Points of 10,000"), _("Reviews"), _("Asked for"),
            _("State"),
        ]  # fmt: skip
        left = _("Left in the pot: %(left)s credits.") % {"left": credits_text(row.left)}
        return [table(_("Ranking"), headers, lines, note=left), *shown]

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> Programme:
        """Write a draft through the service."""
        return programmes.create_programme(actor=staff_actor(request), wish=_wish(data), at=clock.now())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Change a draft; what the service refused comes back as the form's error and stores nothing."""
        given: Any = request
        try:
            with transaction.atomic():
                answer: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            given.refusal = error
            answer = super().change_view(request, object_id, form_url, extra_context)
        return answer

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write or change through the services."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        row = Programme.objects.get(pk=obj.pk)
        saved = programmes.update_programme(
            actor=staff_actor(request), programme=row, wish=_wish(form.cleaned_data), at=clock.now()
        )
        obj.__dict__.update(saved.__dict__)
