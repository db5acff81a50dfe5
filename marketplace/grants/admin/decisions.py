# SPDX-License-Identifier: Apache-2.0
"""What waits for a second person or an answer: decisions, reclaims, requests for more time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.staff import Act, DecidedAdmin, ReasonForm, on_one, on_rows, state_column
from billing.admin.columns import ByState, credits_text, money, pending_first
from marketplace.grants.models import Decision, ExtensionRequest, Reclaim
from marketplace.grants.services import awards, decisions
from marketplace.grants.states import Standing

DECIDE: dict[str, Sequence[str]] = {Standing.PENDING: ("approve", "reject")}


def _approve(*, actor: Actor, row: Decision, at: datetime) -> None:
    decisions.approve_decision(actor=actor, public_id=row.public_id, at=at)


def _reject(*, actor: Actor, row: Decision, at: datetime, reason: str) -> None:
    decisions.reject_decision(actor=actor, public_id=row.public_id, reason=reason, at=at)


def _of_decision(row: Decision) -> list[tuple[Any, Any]]:
    return [
        (_("Application"), row.application),
        (_("Organisation"), row.organisation),
        (_("Decision"), row.get_kind_display()),
        (_("Credits"), credits_text(row.amount)),
        (_("Rank"), row.rank or "–"),
        (_("Proposed by"), row.proposed_by),
        (_("Reason"), row.reason),
        (_("Left in the pot"), credits_text(row.application.programme.left)),
    ]


APPROVE = Act(
    title=_("Approve"),
    done=_("approved"),
    call=_approve,
    warning=_("You decide as the second person. An award can be spent at once; the applicant is told."),
    form=forms.Form,
    facts=_of_decision,
)
REJECT = Act(title=_("Send back"), done=_("sent back"), call=_reject, danger=True, facts=_of_decision)


@admin.register(Decision)
class DecisionAdmin(ByState, DecidedAdmin):
    """Decisions: what waits for a second person comes first."""

    list_display: ClassVar = [
        "public_id", "application", "organisation", "kind", "amount_credits", "rank", "state_word", "proposed_by",
        "decided_by",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "kind", "application__programme"]
    list_select_related: ClassVar = ["application__programme", "organisation"]
    search_fields: ClassVar = ["public_id", "application__title", "organisation__name"]
    ordering: ClassVar = [pending_first(), "rank", "-proposed_at"]
    show_full_result_count = False
    buttons = DECIDE
    actions: ClassVar = ["approve", "reject"]
    actions_detail: ClassVar = ["approve_one", "reject_one"]
    fields: ClassVar = [
        "public_id", "application", "organisation", "kind", "amount_credits", "rank", "reason", "state", "proposed_by",
        "proposed_at", "decided_by", "decided_at",
    ]  # fmt: skip
    amount_credits = money("amount", _("credits"))
    state_word = state_column()
    approve, reject = on_rows("approve", APPROVE), on_rows("reject", REJECT)
    approve_one, reject_one = on_one("approve_one", APPROVE), on_one("reject_one", REJECT)


def _reclaim(approve: bool) -> Any:
    def call(*, actor: Actor, row: Reclaim, at: datetime, reason: str) -> None:
        awards.decide_reclaim(actor=actor, proposal=row, approve=approve, reason=reason, at=at)

    return call


def _of_reclaim(row: Reclaim) -> list[tuple[Any, Any]]:
    return [
        (_("Organisation"), row.organisation),
        (_("Award"), row.award),
        (_("Credits"), credits_text(row.amount)),
        (_("Available"), credits_text(row.award.lot.available)),
        (_("Proposed by"), row.proposed_by),
        (_("Reason"), row.reason),
    ]


TAKE = Act(
    title=_("Approve"),
    done=_("taken back"),
    call=_reclaim(True),
    warning=_("The credits go back to the pot and the organisation is told. It cannot be undone."),
    danger=True,
    facts=_of_reclaim,
)
LEAVE = Act(title=_("Reject"), done=_("left as it is"), call=_reclaim(False), facts=_of_reclaim)


@admin.register(Reclaim)
class ReclaimAdmin(ByState, DecidedAdmin):
    """Unused credit that may go back to a pot."""

    list_display: ClassVar = ["award", "organisation", "amount_credits", "state_word", "proposed_by", "decided_by"]
    list_filter: ClassVar = ["state", "award__programme"]
    list_select_related: ClassVar = ["award__lot", "organisation"]
    search_fields: ClassVar = ["award__public_id", "organisation__name"]
    ordering: ClassVar = [pending_first(), "-proposed_at"]
    show_full_result_count = False
    buttons = DECIDE
    actions: ClassVar = ["approve", "reject"]
    actions_detail: ClassVar = ["approve_one", "reject_one"]
    fields: ClassVar = [
        "award", "organisation", "amount_credits", "reason", "state", "proposed_by", "proposed_at", "decided_by",
        "decided_at",
    ]  # fmt: skip
    amount_credits = money("amount", _("credits"))
    state_word = state_column()
    approve, reject = on_rows("approve", TAKE), on_rows("reject", LEAVE)
    approve_one, reject_one = on_one("approve_one", TAKE), on_one("reject_one", LEAVE)


def _extension(approve: bool) -> Any:
    def call(*, actor: Actor, row: ExtensionRequest, at: datetime, reason: str) -> None:
        awards.decide_extension(actor=actor, request=row, approve=approve, reason=reason, at=at)

    return call


def _of_extension(row: ExtensionRequest) -> list[tuple[Any, Any]]:
    return [
        (_("Organisation"), row.organisation),
        (_("Award"), row.award),
        (_("Expires"), row.award.expires_at),
        (_("Until"), row.until),
        (_("Reason"), row.reason),
    ]


MORE = Act(title=_("Approve"), done=_("has more time"), call=_extension(True), form=ReasonForm, facts=_of_extension)
NO_MORE = Act(title=_("Reject"), done=_("rejected"), call=_extension(False), danger=True, facts=_of_extension)


@admin.register(ExtensionRequest)
class ExtensionRequestAdmin(ByState, DecidedAdmin):
    """Requests for more time: what waits comes first."""

    list_display: ClassVar = ["public_id", "award", "organisation", "until", "state_word", "asked_at", "decided_by"]
    list_filter: ClassVar = ["state", "award__programme"]
    list_select_related: ClassVar = ["award", "organisation"]
    search_fields: ClassVar = ["public_id", "organisation__name"]
    ordering: ClassVar = [pending_first(), "-asked_at"]
    show_full_result_count = False
    buttons = DECIDE
    actions: ClassVar = ["approve", "reject"]
    actions_detail: ClassVar = ["approve_one", "reject_one"]
    fields: ClassVar = [
        "public_id", "award", "organisation", "until", "reason", "state", "asked_at", "decided_by", "decided_at",
        "decision_reason",
    ]  # fmt: skip
    state_word = state_column()
    approve, reject = on_rows("approve", MORE), on_rows("reject", NO_MORE)
    approve_one, reject_one = on_one("approve_one", MORE), on_one("reject_one", NO_MORE)
