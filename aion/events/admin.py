# SPDX-License-Identifier: Apache-2.0
"""Events, webhooks, deliveries and mails for staff: to read; an endpoint can be switched off, with a reason."""

from datetime import datetime
from typing import ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.events.models import Event, Mail, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from aion.events.services import endpoints
from aion.staff import Act, DecidedAdmin, ReadOnlyAdmin, on_rows


def _switched_off(*, actor: Actor, row: WebhookEndpoint, reason: str, at: datetime) -> None:
    endpoints.disable_endpoint(actor=actor, endpoint_id=row.pk, reason=reason, at=at)


def _switched_on(*, actor: Actor, row: WebhookEndpoint, reason: str, at: datetime) -> None:
    endpoints.enable_endpoint(actor=actor, endpoint_id=row.pk, reason=reason, at=at)


SWITCH_OFF = Act(
    title=_("Switch off: nothing is sent any more"), done=_("switched off"), call=_switched_off, danger=True
)
SWITCH_ON = Act(title=_("Switch on"), done=_("switched on"), call=_switched_on)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """What happened, newest first."""

    list_display: ClassVar = ["created_at", "type", "organisation", "public_id", "fanned_out_at"]
    list_filter: ClassVar = ["type"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["public_id", "key", "organisation__name"]
    show_full_result_count = False


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(DecidedAdmin):
    """Addresses that customers gave us. Their secrets are shown to nobody."""

    list_display: ClassVar = ["url", "organisation", "enabled", "disabled_reason", "failures_in_row", "created_at"]
    list_filter: ClassVar = ["enabled", "disabled_by"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["url", "public_id", "organisation__name"]
    fields: ClassVar = [
        "public_id",
        "organisation",
        "url",
        "description",
        "event_types",
        "enabled",
        "disabled_by",
        "disabled_reason",
        "previous_valid_until",
        "failures_in_row",
        "failing_since",
        "created_at",
        "deleted_at",
    ]
    actions: ClassVar = ["switch_off", "switch_on"]
    switch_off, switch_on = on_rows("switch_off", SWITCH_OFF), on_rows("switch_on", SWITCH_ON)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """Events on their way."""

    list_display: ClassVar = [
        "created_at",
        "event",
        "endpoint",
        "organisation",
        "state",
        "attempts",
        "last_status",
        "next_attempt_at",
    ]
    list_filter: ClassVar = ["state"]
    list_select_related: ClassVar = ["event", "endpoint", "organisation"]
    search_fields: ClassVar = ["public_id", "event__public_id", "organisation__name"]
    show_full_result_count = False


@admin.register(WebhookAttempt)
class WebhookAttemptAdmin(ReadOnlyAdmin):
    """Calls and their answers; what a customer's receiver wrote is the customer's, so it is not shown."""

    list_display: ClassVar = ["at", "endpoint", "organisation", "status", "milliseconds", "error"]
    list_filter: ClassVar = ["succeeded"]
    list_select_related: ClassVar = ["endpoint", "organisation"]
    exclude: ClassVar = ["excerpt"]
    show_full_result_count = False


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    """The outbox. ``unconfirmed`` may have gone out and is not sent again."""

    list_display: ClassVar = ["created_at", "event", "user", "organisation", "language", "state", "attempts", "sent_at"]
    list_filter: ClassVar = ["state"]
    list_select_related: ClassVar = ["event", "user", "organisation"]
    search_fields: ClassVar = ["event__public_id", "user__email", "organisation__name"]
    show_full_result_count = False
