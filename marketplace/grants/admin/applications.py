# SPDX-License-Identifier: Apache-2.0
"""Applications for staff: all of one on a page, and the one act on its eligibility."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.staff import Act, DecidedAdmin, on_one, on_rows, state_column
from aion.web.downloads import kept_file
from billing.admin.columns import ByState, WithTables, credits_text, money, pending_first, table
from marketplace.grants.admin.acts import ASSIGN, AWARD, REFUSE
from marketplace.grants.models import Application, Attachment
from marketplace.grants.services import submission
from marketplace.grants.services.wording import state_word
from marketplace.grants.states import ApplicationState
from marketplace.grants.words import kept


def _let_pass(*, actor: Actor, row: Application, at: datetime, reason: str) -> None:
    submission.let_pass(actor=actor, application=row, reason=reason, at=at)


def _facts(row: Application) -> Sequence[tuple[Any, Any]]:
    failed = [line.reason for line in kept(row.eligibility.all()) if not line.passed]
    return (
        (_("Organisation"), row.organisation),
        (_("Programme"), row.programme),
        (_("Rules that are not met"), " ".join(failed) or "–"),
    )


LET_PASS = Act(
    title=_("Let pass"),
    done=_("eligible"),
    call=_let_pass,
    warning=_("The application goes to the reviewers although a rule is not met. The applicant is told your reason."),
    facts=_facts,
)


@admin.register(Application)
class ApplicationAdmin(ByState, WithTables, DecidedAdmin):
    """Applications: those that are not eligible come first, since staff may let them pass."""

    list_display: ClassVar = [
        "public_id", "title", "organisation", "programme", "state_word", "asked_credits", "submitted_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "programme"]
    list_select_related: ClassVar = ["organisation", "programme"]
    search_fields: ClassVar = ["public_id", "title", "organisation__name"]
    ordering: ClassVar = [pending_first(ApplicationState.INELIGIBLE), "-updated_at"]
    show_full_result_count = False
    buttons: ClassVar = {
        ApplicationState.INELIGIBLE: ("let_pass",),
        ApplicationState.ELIGIBLE: ("assign",),
        ApplicationState.IN_REVIEW: ("assign",),
        ApplicationState.RANKED: ("award", "refuse"),
    }
    actions: ClassVar = ["let_pass", "assign", "refuse"]
    actions_detail: ClassVar = ["let_pass_one", "assign_one", "award_one", "refuse_one"]
    fields: ClassVar = [
        "public_id", "programme", "organisation", "project", "state", "title", "abstract", "work_plan", "data_class",
        "openness", "ethics", "acknowledgement", "attestations", "declared_aid_credits", "asked_credits",
        "submitted_at",
    ]  # fmt: skip
    asked_credits = money("requested_amount", _("credits asked for"))
    state_word = state_column()
    let_pass, let_pass_one = on_rows("let_pass", LET_PASS), on_one("let_pass_one", LET_PASS)
    assign, refuse = on_rows("assign", ASSIGN), on_rows("refuse", REFUSE)
    assign_one, award_one = on_one("assign_one", ASSIGN), on_one("award_one", AWARD)
    refuse_one = on_one("refuse_one", REFUSE)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave drafts to their organisations until they are submitted."""
        return super().get_queryset(request).exclude(state=ApplicationState.DRAFT)

    @admin.display(description=_("aid declared"))
    def declared_aid_credits(self, row: Application) -> str:
        """Write the declared aid."""
        return "–" if row.declared_aid is None else credits_text(row.declared_aid)

    def get_urls(self) -> list[Any]:
        """Add the files of applications, as downloads."""
        view = self.admin_site.admin_view(self.file)
        return [
            path("<path:object_id>/files/<str:public_id>/", view, name="grants_application_file"),
            *super().get_urls(),
        ]

    def file(self, request: HttpRequest, object_id: str, public_id: str) -> HttpResponseBase:
        """Send a file of an application that staff may see. Raises Http404 alike for a draft's and for none."""
        row = self.get_object(request, unquote(object_id))
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        found = row.attachments.filter(public_id=public_id).first()
        if found is None:
            raise Http404
        return kept_file(found.file.open("rb"), name=found.name)

    def _file_link(self, row: Application, one: Attachment) -> str:
        address = reverse("admin:grants_application_file", args=[row.pk, one.public_id])
        return format_html('<a class="text-primary-600 underline" href="{}">{}</a>', address, one.name)

    def tables(self, row: Application) -> list[dict[str, Any]]:
        """Return eligibility, items, team, files and history."""
        return [
            table(
                _("Eligibility"),
                [_("Met"), _("Reason")],
                [[_("yes") if line.passed else _("no"), line.reason] for line in kept(row.eligibility.all())],
            ),
            table(
                _("Work items"),
                [_("Title"), _("GPU"), _("GPU-hours"), _("Credits"), "Wh", "gCO2e"],
                [
                    [one.title, one.sku_code, one.gpu_hours, credits_text(one.micro), one.watt_hours, one.g_co2e]
                    for one in row.items.all()
                ],
            ),
            table(
                _("Team"),
                [_("Name"), _("Role"), _("E-mail")],
                [[one.get("name", ""), one.get("role", ""), one.get("email", "")] for one in row.team],
            ),
            table(
                _("Documents"),
                [_("Name"), _("Kind"), _("Size (bytes)"), "SHA-256"],
                [
                    [self._file_link(row, one), one.get_kind_display(), one.size, one.sha256]
                    for one in row.attachments.all()
                ],
            ),
            table(
                _("Reviews"),
                [_("Reviewer"), _("State"), _("Due"), _("Handed in")],
                [
                    [one.reviewer, state_word(one.state), one.due_at, one.submitted_at or "–"]
                    for one in row.reviews.select_related("reviewer").order_by("pk")
                ],
                note=_("Scores and comments stand on each review's own page once it is handed in."),
            ),
            table(
                _("History"),
                [_("When"), _("From"), _("To"), _("Who"), _("Reason")],
                [[one.at, one.from_state, one.to_state, one.actor_label, one.reason] for one in row.history.all()],
            ),
        ]
