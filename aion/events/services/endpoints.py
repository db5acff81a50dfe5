# SPDX-License-Identifier: Apache-2.0
"""Endpoints of webhooks: creating, changing, switching off, rotating and testing them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext, gettext_lazy

from aion import ids
from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import Conflict, Forbidden, NotFound, Rejected
from aion.events.audit import Action
from aion.events.guard import target_of
from aion.events.models import Event, WebhookDelivery, WebhookEndpoint
from aion.events.services.emission import emit
from aion.events.signing import new_secret
from aion.events.states import DeliveryState, DisabledBy
from aion.events.types import subscribable
from aion.queue import nudge
from aion.tenancy.models import Organisation

MAX_ENDPOINTS = 20
OVERLAP = timedelta(hours=24)


class TooManyEndpoints(Conflict):
    """The organisation has as many endpoints as one may have."""

    code, title = "too_many_webhooks", gettext_lazy("There are too many webhooks")


class EndpointDisabled(Conflict):
    """The endpoint is switched off."""

    code, title = "webhook_disabled", gettext_lazy("This webhook is switched off")


@transaction.atomic
def create_endpoint(
    *, actor: Actor, url: str, description: str = "", event_types: Collection[str] = (), at: datetime
) -> tuple[WebhookEndpoint, str]:
    """Create an endpoint and return it with its secret, which is shown once.

    Raises Forbidden, UrlRefused for an address we do not call, Rejected for an unknown event type or a description
    that is too long, TooManyEndpoints.
    """
    actor.require(Scope.WEBHOOKS_WRITE)
    organisation = Organisation.objects.visible_to(actor).select_for_update(no_key=True).first()
    if organisation is None:
        raise Forbidden(gettext("A webhook belongs to an organisation; act for one first."))
    values = _checked(url=url, description=description, event_types=event_types)
    if WebhookEndpoint.objects.visible_to(actor).count() >= MAX_ENDPOINTS:
        raise TooManyEndpoints(
            gettext("An organisation has at most %(max_endpoints)s webhooks; delete one first.")
            % {"max_endpoints": MAX_ENDPOINTS}
        )
    secret = new_secret()
    endpoint = WebhookEndpoint.objects.create(organisation=organisation, secret=secret, created_at=at, **values)
    audit.record(actor=actor, action=Action.ENDPOINT_CREATED, subject=endpoint, at=at, changes=values)
    return endpoint, secret


@transaction.atomic
def update_endpoint(
    *,
    actor: Actor,
    public_id: str,
    at: datetime,
    url: str | None = None,
    description: str | None = None,
    event_types: Collection[str] | None = None,
    enabled: bool | None = None,
) -> WebhookEndpoint:
    """Change what is given; None leaves a value alone. Switching off fails what still waits.

    Raises NotFound for a stranger's, UrlRefused, Rejected, EndpointDisabled for one that staff switched off.
    """
    endpoint = _locked(actor=actor, public_id=public_id)
    values = _checked(
        url=endpoint.url if url is None else url,
        description=endpoint.description if description is None else description,
        event_types=endpoint.event_types if event_types is None else event_types,
    )
    changes = {name: value for name, value in values.items() if getattr(endpoint, name) != value}
    if changes:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**changes)
        audit.record(actor=actor, action=Action.ENDPOINT_UPDATED, subject=endpoint, at=at, changes=changes)
    if enabled is True and not endpoint.enabled:
        if endpoint.disabled_by == DisabledBy.STAFF:
            raise EndpointDisabled(gettext("Our staff switched this webhook off; write to support to have it back."))
        _switch_on(actor=actor, endpoint=endpoint, at=at)
    elif enabled is False and endpoint.enabled:
        _switch_off(endpoint=endpoint, by=DisabledBy.MEMBER, reason="A member switched it off.")
        audit.record(actor=actor, action=Action.ENDPOINT_DISABLED, subject=endpoint, at=at)
    endpoint.refresh_from_db()
    return endpoint


@transaction.atomic
def delete_endpoint(*, actor: Actor, public_id: str, at: datetime) -> None:
    """Delete an endpoint and forget its secrets; its log stays for the audit. Raises NotFound for a stranger's."""
    endpoint = _locked(actor=actor, public_id=public_id)
    _switch_off(endpoint=endpoint, by=DisabledBy.MEMBER, reason="A member deleted it.")
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        deleted_at=at, secret="", previous_secret="", previous_valid_until=None
    )
    audit.record(actor=actor, action=Action.ENDPOINT_DELETED, subject=endpoint, at=at)


@transaction.atomic
def rotate_secret(*, actor: Actor, public_id: str, at: datetime) -> tuple[WebhookEndpoint, str]:
    """Give the endpoint a new secret; the old one signs along for 24 hours. Raises NotFound for a stranger's."""
    endpoint = _locked(actor=actor, public_id=public_id)
    secret = new_secret()
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        secret=secret, previous_secret=endpoint.secret, previous_valid_until=at + OVERLAP
    )
    audit.record(actor=actor, action=Action.SECRET_ROTATED, subject=endpoint, at=at)
    endpoint.refresh_from_db()
    return endpoint, secret


@transaction.atomic
def send_test_event(*, actor: Actor, public_id: str, at: datetime) -> WebhookDelivery:
    """Send ``webhook.test`` to this one endpoint. Raises NotFound for a stranger's, EndpointDisabled."""
    endpoint = _locked(actor=actor, public_id=public_id)
    if not endpoint.enabled:
        raise EndpointDisabled(gettext("Switch it on first."))
    event = Event.objects.create(
        organisation_id=endpoint.organisation_id,
        type="webhook.test",
        data={"endpoint": endpoint.public_id},
        key=f"webhook.test:{ids.event_id()}",
        created_at=at,
        fanned_out_at=at,
    )
    delivery = WebhookDelivery.objects.create(
        organisation_id=endpoint.organisation_id, event=event, endpoint=endpoint, next_attempt_at=at, created_at=at
    )
    audit.record(actor=actor, action=Action.TEST_SENT, subject=endpoint, at=at)
    nudge("events.deliver_due")
    return delivery


@transaction.atomic
def disable_endpoint(
    *, actor: Actor, endpoint_id: int, reason: str, at: datetime, by: DisabledBy = DisabledBy.STAFF
) -> bool:
    """Switch an endpoint off and tell its owners; False when it was off. Raises Rejected without a reason."""
    if not reason.strip():
        raise Rejected(gettext("Write why: the organisation's owners will read it."), field="reason")
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id, enabled=True).first()
    if endpoint is None:
        return False
    _switch_off(endpoint=endpoint, by=by, reason=reason)
    audit.record(
        actor=actor,
        action=Action.ENDPOINT_DISABLED,
        subject=endpoint,
        at=at,
        reason=reason,
        organisation_id=endpoint.organisation_id,
    )
    emit(
        organisation_id=endpoint.organisation_id,
        type="webhook.disabled",
        data={"endpoint": endpoint.public_id, "url": endpoint.url, "reason": reason},
        key=f"webhook.disabled:{endpoint.public_id}:{at.isoformat()}",
        at=at,
    )
    return True


@transaction.atomic
def enable_endpoint(*, actor: Actor, endpoint_id: int, reason: str, at: datetime) -> None:
    """Switch on what staff switched off. Raises Rejected without a reason."""
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    endpoint = (
        WebhookEndpoint.objects.select_for_update(no_key=True)
        .filter(pk=endpoint_id, enabled=False, deleted_at=None)
        .first()
    )
    if endpoint is not None:
        _switch_on(actor=actor, endpoint=endpoint, at=at, reason=reason)


def _locked(*, actor: Actor, public_id: str) -> WebhookEndpoint:
    actor.require(Scope.WEBHOOKS_WRITE)
    mine = WebhookEndpoint.objects.visible_to(actor).select_for_update(no_key=True)
    row: WebhookEndpoint | None = mine.filter(public_id=public_id).first()
    if row is None:
        raise NotFound(gettext("There is no such webhook."))
    return row


def _checked(*, url: str, description: str, event_types: Collection[str]) -> dict[str, Any]:
    target_of(url)
    if len(description) > 120 or not description.replace("\t", " ").isprintable():
        raise Rejected(gettext("A description has at most 120 printable characters."), field="description")
    known = [one.name for one in subscribable()]
    unknown = sorted(set(event_types) - set(known))
    if unknown:
        raise Rejected(
            gettext("%(unknown)s is no event type; see /api/v1/event-types.") % {"unknown": unknown[0]},
            field="event_types",
        )
    chosen: Sequence[str] = sorted(set(event_types))
    return {"url": url, "description": description.strip(), "event_types": list(chosen)}


def _switch_off(*, endpoint: WebhookEndpoint, by: DisabledBy, reason: str) -> None:
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(enabled=False, disabled_by=by, disabled_reason=reason[:200])
    # What waits is ended now: after weeks of silence nobody wants yesterday's events unasked.
    WebhookDelivery.objects.filter(endpoint_id=endpoint.pk).move(
        DeliveryState.FAILED, next_attempt_at=None, last_error="The webhook was switched off."
    )


def _switch_on(*, actor: Actor, endpoint: WebhookEndpoint, at: datetime, reason: str = "") -> None:
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        enabled=True, disabled_by="", disabled_reason="", failures_in_row=0, failing_since=None
    )
    audit.record(
        actor=actor,
        action=Action.ENDPOINT_ENABLED,
        subject=endpoint,
        at=at,
        reason=reason,
        organisation_id=endpoint.organisation_id,
    )
