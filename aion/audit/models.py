# SPDX-License-Identifier: Apache-2.0
"""The audit log: who did what, when, from where. Plain ids and labels, so that nothing can cascade it away."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor


class AuditQuerySet(models.QuerySet[Any]):
    """Events of one organisation; an actor without organisation sees none."""

    def visible_to(self, actor: Actor) -> "AuditQuerySet":
        """Return the events of the actor's organisation."""
        return self.filter(organisation_id=actor.organisation_id) if actor.organisation_id else self.none()


class AuditEvent(models.Model):
    """One act. The database refuses to change or delete it."""

    organisation_id = models.BigIntegerField(null=True, db_index=True)
    user_id = models.BigIntegerField(null=True)
    actor_label = models.CharField(_("who"), max_length=120)
    via = models.CharField(_("through"), max_length=16)
    action = models.CharField(_("action"), max_length=64, db_index=True)
    subject_type = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=64)
    subject_label = models.CharField(_("subject"), max_length=200)
    reason = models.TextField(_("reason"), blank=True)
    changes = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(_("when"))

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        indexes: ClassVar = [models.Index(fields=["organisation_id", "-at", "-id"], name="audit_by_organisation")]
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")

    def __str__(self) -> str:
        return f"{self.action} {self.subject_label}"
