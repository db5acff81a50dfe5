# SPDX-License-Identifier: Apache-2.0
"""What happened, and everybody who is told: endpoints of machines, notifications and mails of people."""

from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.events.querysets import DeliveryQuerySet, EndpointQuerySet, MailQuerySet, NotificationQuerySet
from aion.events.states import DeliveryState, DisabledBy, MailState
from aion.events.types import link_of, sentence, title_of
from aion.tenancy.querysets import OwnedQuerySet

EXCERPT = 500


class Event(models.Model):
    """One thing that happened. A fact: the database lets only ``fanned_out_at`` change.

    With a ``recipient`` that member alone is told, whatever the role.
    """

    public_id = models.CharField(max_length=24, unique=True, default=ids.event_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    recipient = models.ForeignKey(
        "tenancy.User",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("recipient"),
    )
    type = models.CharField(_("event"), max_length=64)
    data = models.JSONField(_("data"), default=dict)
    key = models.CharField(max_length=200)
    created_at = models.DateTimeField(_("when"))
    fanned_out_at = models.DateTimeField(null=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes: ClassVar = [
            models.Index(fields=["organisation", "-created_at", "-id"], name="event_by_organisation"),
            models.Index(fields=["id"], condition=Q(fanned_out_at=None), name="event_to_fan_out"),
        ]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation", "key"], name="event_emitted_once")]

    def __str__(self) -> str:
        return f"{self.type} {self.public_id}"

    @property
    def title(self) -> str:
        """Return what kind of thing happened, in the present language."""
        return title_of(self.type)

    @property
    def text(self) -> str:
        """Return what happened as a sentence, in the present language."""
        return sentence(self.type, self.data)

    @property
    def link(self) -> str:
        """Return the page to open, relative to the organisation's."""
        return link_of(self.type, self.data)


class WebhookEndpoint(models.Model):
    """An address of a customer that we call. Deleting keeps the row and forgets the secrets."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.endpoint_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    url = models.CharField(_("address"), max_length=500)
    description = models.CharField(_("description"), max_length=120, blank=True)
    event_types = ArrayField(models.CharField(max_length=64), verbose_name=_("events"), default=list, blank=True)
    enabled = models.BooleanField(_("switched on"), default=True)
    disabled_by = models.CharField(max_length=8, blank=True, choices=[(one, one) for one in DisabledBy])
    disabled_reason = models.CharField(_("why switched off"), max_length=200, blank=True)
    secret = models.CharField(max_length=64, editable=False)
    previous_secret = models.CharField(max_length=64, blank=True, editable=False)
    previous_valid_until = models.DateTimeField(null=True)
    failures_in_row = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("created"))
    deleted_at = models.DateTimeField(null=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        indexes: ClassVar = [models.Index(fields=["organisation"], condition=Q(deleted_at=None), name="endpoint_live")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(enabled=True, disabled_by="") | (Q(enabled=False) & ~Q(disabled_by="")),
                name="endpoint_off_says_by_whom",
            ),
            models.CheckConstraint(
                condition=Q(deleted_at=None) | Q(enabled=False, secret="", previous_secret=""),
                name="deleted_endpoint_has_no_secret",
            ),
        ]

    def __str__(self) -> str:
        return self.url

    def secrets_at(self, at: datetime) -> list[str]:
        """Return the secrets to sign with: during a rotation the old one too."""
        if self.previous_secret and self.previous_valid_until and at < self.previous_valid_until:
            return [self.secret, self.previous_secret]
        return [self.secret]


class WebhookDelivery(models.Model):
    """One event on its way to one endpoint: the row is the queue."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.delivery_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in DeliveryState], default=DeliveryState.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True)
    last_status = models.PositiveSmallIntegerField(_("last answer"), null=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    created_at = models.DateTimeField(_("created"))

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes: ClassVar = [
            models.Index(
                fields=["endpoint", "next_attempt_at", "id"], condition=Q(state="pending"), name="delivery_due"
            ),
            models.Index(fields=["organisation", "-created_at", "-id"], name="delivery_by_organisation"),
            models.Index(fields=["endpoint", "-created_at", "-id"], name="delivery_by_endpoint"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="event_once_per_endpoint"),
            models.CheckConstraint(
                condition=~Q(state="pending") | Q(next_attempt_at__isnull=False), name="pending_delivery_has_a_time"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class WebhookAttempt(models.Model):
    """One call and its answer. A fact."""

    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.PROTECT, related_name="log")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("when"))
    succeeded = models.BooleanField()
    status = models.PositiveSmallIntegerField(_("answer"), null=True)
    milliseconds = models.PositiveIntegerField(_("duration (ms)"))
    error = models.CharField(_("error"), max_length=300, blank=True)
    excerpt = models.CharField(max_length=EXCERPT, blank=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        indexes: ClassVar = [models.Index(fields=["endpoint", "-at"], name="attempt_by_endpoint")]

    def __str__(self) -> str:
        return f"{self.at} {self.status or self.error}"


class Notification(models.Model):
    """One event as one person sees it in the portal."""

    user = models.ForeignKey("tenancy.User", on_delete=models.CASCADE, related_name="+")
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.CASCADE, related_name="+")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(_("when"))
    read_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        indexes: ClassVar = [
            models.Index(fields=["user", "organisation", "-created_at", "-id"], name="notification_by_person"),
            models.Index(fields=["user", "organisation"], condition=Q(read_at=None), name="notification_unread"),
        ]
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "event"], name="person_notified_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.event_id}"


class Mail(models.Model):
    """One event as one mail to one person: the outbox, so that none is lost and none is sent twice.

    Who has no account yet is written to at ``address``; ``private`` is what only this mail says (the link that accepts
    an invitation) and is forgotten once the mail has left.
    """

    user = models.ForeignKey(
        "tenancy.User", on_delete=models.CASCADE, null=True, related_name="+", verbose_name=_("person")
    )
    address = models.EmailField(_("address"), blank=True)
    private = models.JSONField(default=dict, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.CASCADE, related_name="+", verbose_name=_("organisation")
    )
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    language = models.CharField(_("language"), max_length=8)
    state = models.CharField(_("state"), max_length=12, choices=[(s, s) for s in MailState], default=MailState.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created"))

    objects = MailQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at", "id"], condition=Q(state="pending"), name="mail_due"),
            models.Index(fields=["claimed_at"], condition=Q(state="sending"), name="mail_claimed"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "event"], name="person_mailed_once"),
            models.UniqueConstraint(fields=["event", "address"], condition=Q(user=None), name="address_mailed_once"),
            models.CheckConstraint(condition=Q(user=None) ^ Q(address=""), name="mail_goes_to_a_person_or_an_address"),
            models.CheckConstraint(
                condition=Q(private={}) | Q(state__in=("pending", "sending")), name="a_mail_that_left_keeps_no_secret"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} → {self.user_id or 'address'}"


class NotificationPreference(models.Model):
    """What a person wants to hear of one family of events. Without a row the family's default holds."""

    user = models.ForeignKey("tenancy.User", on_delete=models.CASCADE, related_name="notification_preferences")
    family = models.CharField(max_length=32)
    in_app = models.BooleanField()
    mail = models.BooleanField()

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "family"], name="one_preference_per_family")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.family}"
