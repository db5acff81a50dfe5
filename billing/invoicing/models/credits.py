# SPDX-License-Identifier: Apache-2.0
"""Credit notes that staff ask for: above the limit a second person releases them."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.querysets import OwnedQuerySet
from billing.invoicing.models.documents import Document
from billing.states import RequestState


class CreditNoteRequest(models.Model):
    """How much of an invoice is to be credited, why, who asked and who decided."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.credit_note_request_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    original = models.ForeignKey(
        Document, on_delete=models.PROTECT, related_name="credit_requests", verbose_name=_("invoice")
    )
    net_cents = models.BigIntegerField(_("net amount (cents)"))
    reason = models.CharField(_("reason"), max_length=200)
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in RequestState], default=RequestState.PENDING
    )
    document = models.OneToOneField(
        Document, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("credit note")
    )
    requested_by_id = models.BigIntegerField(editable=False)
    requested_by = models.CharField(_("asked by"), max_length=120)
    requested_at = models.DateTimeField(_("asked"))
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("credit note request")
        verbose_name_plural = _("credit note requests")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(net_cents__gt=0), name="credit_note_request_positive"),
            models.UniqueConstraint(
                fields=["original"], condition=Q(state="pending"), name="one_credit_request_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.original} · {self.public_id}"
