# SPDX-License-Identifier: Apache-2.0
"""Telling staff in time that prepaid credit comes near the limit above which a limited network is declared."""

from datetime import datetime

import structlog
from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound
from billing.settlement.audit import Action
from billing.settlement.models import GaugeAlert
from billing.settlement.queries.liability import gauge
from billing.settlement.services.agreements import require_reason

log = structlog.get_logger(__name__)
STEPS = (50, 80, 100)


def raise_alerts(*, at: datetime) -> list[GaugeAlert]:
    """Write each step that is newly reached this year; it waits on the staff site until somebody has seen to it."""
    read = gauge(at)
    if read.threshold is None:
        return []
    raised = []
    for step in STEPS:
        if read.percent < step:
            break
        alert, new = GaugeAlert.objects.get_or_create(
            threshold=read.threshold,
            year=at.year,
            percent=step,
            defaults={"volume": read.volume, "outstanding": read.outstanding, "raised_at": at},
        )
        if new:
            log.warning("limited network", percent=step, volume=read.volume, outstanding=read.outstanding)
            raised.append(alert)
    return raised


@transaction.atomic
def acknowledge(*, actor: Actor, alert_id: int, reason: str, at: datetime) -> GaugeAlert:
    """Say what was done about an alert. Raises NotFound when it does not wait, Rejected without a word."""
    require_reason(reason)
    alert = GaugeAlert.objects.select_for_update().filter(pk=alert_id, seen_at=None).first()
    if alert is None:
        raise NotFound(gettext("No such alert waits."))
    alert.seen_by, alert.seen_at, alert.note = actor.label, at, reason
    alert.save(update_fields=["seen_by", "seen_at", "note"])
    audit.record(actor=actor, action=Action.GAUGE_ACKNOWLEDGED, subject=alert, at=at, reason=reason)
    return alert
