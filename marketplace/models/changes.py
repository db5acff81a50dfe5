# SPDX-License-Identifier: Apache-2.0
"""Changes of offers on sale: a price from a date on, or what an offer says of itself."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from marketplace.models.catalogue import Offer
from marketplace.querysets import OfferChangeQuerySet
from marketplace.states import ChangeKind, ChangeState

KIND_CHOICES = ((ChangeKind.PRICE, _("Price")), (ChangeKind.FACTS, _("Description and facts")))
STATE_CHOICES = (
    (ChangeState.PROPOSED, _("Proposed")),
    (ChangeState.APPROVED, _("Approved")),
    (ChangeState.REJECTED, _("Rejected")),
    (ChangeState.WITHDRAWN, _("Withdrawn")),
)


class OfferChange(models.Model):
    """What an operator wants to change of an offer on sale, and what staff decided. Never edited: proposed anew."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.offer_change_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("operator")
    )
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="changes", verbose_name=_("offer"))
    kind = models.CharField(_("kind"), max_length=8, choices=KIND_CHOICES)
    micro_before = models.BigIntegerField(_("price when proposed (micro-credits per GPU-hour)"), null=True)
    # Empty: the list price holds from that date on.
    micro_per_gpu_hour = models.BigIntegerField(_("new price (micro-credits per GPU-hour)"), null=True)
    valid_from = models.DateTimeField(_("valid from"), null=True)
    facts = models.JSONField(_("facts"), default=dict)
    reason = models.CharField(_("reason"), max_length=200)
    state = models.CharField(_("state"), max_length=12, choices=STATE_CHOICES, default=ChangeState.PROPOSED)
    # People by key: once erased, nothing here tells who they were.
    asked_by = models.ForeignKey(
        "tenancy.User", null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("proposed by")
    )
    asked_at = models.DateTimeField(_("proposed"))
    decided_by = models.ForeignKey(
        "tenancy.User", null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    decision_reason = models.CharField(_("reason of the decision"), max_length=200, blank=True)

    objects = OfferChangeQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-asked_at", "-pk"]
        verbose_name = _("change of an offer")
        verbose_name_plural = _("changes of offers")
        indexes: ClassVar = [models.Index(fields=["state", "-asked_at"], name="offer_changes_by_state")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["offer", "kind"], condition=Q(state=ChangeState.PROPOSED), name="one_waiting_change"
            ),
            models.CheckConstraint(
                condition=Q(kind=ChangeKind.PRICE, valid_from__isnull=False, facts={})
                | Q(kind=ChangeKind.FACTS, valid_from=None, micro_per_gpu_hour=None),
                name="change_is_a_price_or_facts",
            ),
            models.CheckConstraint(
                condition=Q(micro_per_gpu_hour=None) | Q(micro_per_gpu_hour__gt=0), name="changed_price_positive"
            ),
            models.CheckConstraint(
                condition=Q(state=ChangeState.PROPOSED) | Q(decided_at__isnull=False), name="change_decided_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.offer} · {self.get_kind_display()}"

    def changed_words(self) -> list[str]:
        """Return the names of the facts that change, as people read them."""
        fields: list[Any] = [Offer._meta.get_field(name) for name in self.facts]
        return [str(field.verbose_name) for field in fields]
