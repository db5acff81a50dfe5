# SPDX-License-Identifier: Apache-2.0
"""What the processor tells: each event once, by its id. Only what names the object is kept; the rest is read again."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.purchases.querysets import EventQuerySet
from billing.purchases.states import EventState


class ProcessorEvent(models.Model):
    """One event of the payment processor."""

    event_id = models.CharField(_("event"), max_length=64, unique=True)
    type = models.CharField(_("type"), max_length=80)
    object_id = models.CharField(_("object"), max_length=120, blank=True)
    payment_public_id = models.CharField(max_length=24, blank=True)
    intent_id = models.CharField(max_length=64, blank=True)
    account = models.CharField(_("account"), max_length=64, blank=True)
    live = models.BooleanField(default=False)
    state = models.CharField(_("state"), max_length=8, choices=[(s, s) for s in EventState], default=EventState.WAITING)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    swept = models.BooleanField(_("found by the sweep"), default=False)
    happened_at = models.DateTimeField(_("happened"))
    received_at = models.DateTimeField(_("received"))
    done_at = models.DateTimeField(_("done"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(null=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("event of the processor")
        verbose_name_plural = _("events of the processor")
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=models.Q(state="waiting"), name="processor_event_waiting"),
            models.Index(fields=["happened_at"], name="processor_event_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class RefusedDelivery(models.Model):
    """How often deliveries were refused in an hour, and why. Anybody can send some, so they are only counted."""

    reason = models.CharField(_("reason"), max_length=40)
    hour = models.DateTimeField(_("hour"))
    count = models.PositiveBigIntegerField(_("number"), default=1)
    last_at = models.DateTimeField(_("last"))

    class Meta:
        ordering: ClassVar = ["-hour"]
        verbose_name = _("refused delivery")
        verbose_name_plural = _("refused deliveries")
        constraints: ClassVar = [models.UniqueConstraint(fields=["reason", "hour"], name="refusals_by_hour")]

    def __str__(self) -> str:
        return f"{self.reason} {self.hour:%Y-%m-%d %H}"
