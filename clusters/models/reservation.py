# SPDX-License-Identifier: Apache-2.0
"""GPUs of a pool, promised to a project for a window and paid for whether they are used or not."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.periods import whole_seconds
from clusters.querysets import ReservationQuerySet
from clusters.states import PROMISED, ReservationState

STATE_CHOICES = (
    (ReservationState.CONFIRMED, _("Confirmed")),
    (ReservationState.ACTIVE, _("Active")),
    (ReservationState.ENDED, _("Ended")),
    (ReservationState.CANCELLED, _("Cancelled")),
)


class Reservation(models.Model):
    """A window [starts_at, ends_at) of whole UTC hours with its frozen price. The terms never change.

    Its run and meter are billing's: the calendar meters it, hour by hour until ``billed_until``. What runs on it has
    no meter. Whole hours, and that all of a pool's fit together, are promises of migration 0008.
    """

    public_id = models.CharField(max_length=24, unique=True, default=ids.reservation_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    project = models.ForeignKey(
        "tenancy.Project", on_delete=models.PROTECT, related_name="+", verbose_name=_("project")
    )
    pool = models.ForeignKey(
        "clusters.Pool", on_delete=models.PROTECT, related_name="reservations", verbose_name=_("pool")
    )
    # The offer by its public id, as foreign keys point the other way, and its title as it was sold.
    offer_ref = models.CharField(_("offer"), max_length=24)
    title = models.CharField(_("title"), max_length=80)
    milli_gpus = models.PositiveBigIntegerField(_("milli-GPUs"))
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    sku_id = models.BigIntegerField()
    price_id = models.BigIntegerField(_("price version"))
    price_book = models.CharField(_("price book"), max_length=40)
    micro_per_gpu_hour = models.BigIntegerField(_("micro-credits per GPU-hour"))
    amount = models.BigIntegerField(_("price of the window (micro-credits)"))
    cancellation = models.JSONField(_("rule of cancellation"))
    run_id = models.BigIntegerField(unique=True)
    meter_id = models.BigIntegerField(unique=True)
    hold_id = models.BigIntegerField(unique=True)
    decision_id = models.BigIntegerField()
    member_id = models.BigIntegerField(null=True)
    idempotency_key = models.CharField(max_length=120, null=True)
    state = models.CharField(_("state"), max_length=12, choices=STATE_CHOICES, default=ReservationState.CONFIRMED)
    confirmed_at = models.DateTimeField(_("confirmed"))
    cancelled_at = models.DateTimeField(_("cancelled"), null=True)
    cancel_reason = models.CharField(_("reason"), max_length=200, blank=True)
    billed_until = models.DateTimeField(_("charged until"))
    metered_until = models.DateTimeField(_("metered until"))
    warned_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(_("settled"), null=True)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-starts_at", "-pk"]
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        indexes: ClassVar = [
            models.Index(fields=["organisation", "-starts_at", "-id"], name="reservation_by_organisation"),
            models.Index(
                fields=["pool", "ends_at"], condition=Q(state__in=sorted(PROMISED)), name="reservations_promised"
            ),
            models.Index(fields=["metered_until"], condition=Q(settled_at=None), name="reservations_to_meter"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(milli_gpus__gt=0, amount__gt=0), name="reservation_has_a_size"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="reservation_not_reversed"),
            models.CheckConstraint(
                condition=Q(
                    billed_until__gte=F("starts_at"), billed_until__lte=F("ends_at"),
                    metered_until__gte=F("starts_at"), metered_until__lte=F("billed_until"),
                ),
                name="reservation_metered_inside",
            ),
            models.CheckConstraint(
                condition=Q(settled_at=None) | Q(metered_until=F("billed_until")), name="reservation_settled_last"
            ),
            models.UniqueConstraint(
                fields=["organisation", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="reservation_once_per_key",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.public_id

    @property
    def hours(self) -> int:
        """Return how many hours the window has."""
        return whole_seconds(self.starts_at, self.ends_at) // 3600
