# SPDX-License-Identifier: Apache-2.0
"""The double-entry ledger: accounts, transfers between two of them, and holds on credit lots."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from billing.querysets import AccountQuerySet, HoldQuerySet, OwnedQuerySet
from billing.states import OWNED_KINDS, PLATFORM_KINDS, AccountKind, HoldState, Origin, RequestState, TransferKind


class LedgerAccount(models.Model):
    """An account in micro-credits. A credit lot is an account, so that lot and balance cannot drift apart.

    ``debits`` and ``credits`` of a tenant's account are kept by a trigger on Transfer; those of the platform's
    accounts stay 0 (a hot row otherwise) and are summed when asked for.
    """

    public_id = models.CharField(max_length=24, unique=True, default=ids.lot_id, editable=False)
    kind = models.CharField(_("kind"), max_length=12, choices=[(k, k) for k in AccountKind])
    organisation = models.ForeignKey(
        "tenancy.Organisation",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("organisation"),
    )
    label = models.CharField(_("name"), max_length=120)
    origin = models.CharField(_("origin"), max_length=12, blank=True, choices=[(o, o) for o in Origin])
    rank = models.PositiveSmallIntegerField(default=0)
    sku_codes = ArrayField(models.CharField(max_length=40), default=list, verbose_name=_("only for"))
    site_codes = ArrayField(models.CharField(max_length=40), default=list, verbose_name=_("only at"))
    programme_codes = ArrayField(models.CharField(max_length=40), default=list, verbose_name=_("only for programmes"))
    min_level = models.PositiveSmallIntegerField(_("only from residency level"), default=0)
    restricted = models.GeneratedField(
        expression=Q(sku_codes__len__gt=0)  # type: ignore[arg-type]  # the stubs know no lookup of arrays
        | Q(site_codes__len__gt=0)
        | Q(programme_codes__len__gt=0)
        | Q(min_level__gt=0),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    starts_at = models.DateTimeField(_("usable from"), null=True)
    expires_at = models.DateTimeField(_("expires"), null=True)
    debits = models.BigIntegerField(default=0)
    credits = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("ledger account")
        verbose_name_plural = _("ledger accounts")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(kind=AccountKind.LOT) | Q(credits__gte=F("debits") + F("held")),
                name="lot_never_overdrawn",
            ),
            models.CheckConstraint(
                condition=Q(held__gte=0, debits__gte=0, credits__gte=0), name="account_not_negative"
            ),
            models.CheckConstraint(
                condition=(Q(kind__in=sorted(OWNED_KINDS), organisation__isnull=False))
                | Q(kind__in=sorted(PLATFORM_KINDS), organisation__isnull=True),
                name="account_owner_fits_kind",
            ),
            models.CheckConstraint(
                condition=~Q(kind=AccountKind.LOT) | Q(starts_at__isnull=False), name="lot_has_a_start"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("starts_at")),
                name="lot_ends_after_start",
            ),
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(kind=AccountKind.RECEIVABLE),
                name="one_receivable_account",
            ),
            models.UniqueConstraint(
                fields=["organisation"], condition=Q(kind=AccountKind.PAYABLE), name="one_payable_account"
            ),
            models.UniqueConstraint(
                fields=["kind"], condition=Q(organisation__isnull=True), name="one_platform_account"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.public_id})"

    @property
    def available(self) -> int:
        """Return what may still be held or spent, in micro-credits."""
        return self.credits - self.debits - self.held


class Transfer(models.Model):
    """One amount from the debited to the credited account. Append-only: a mistake is reversed, never changed."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.transfer_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("organisation"),
        db_index=False,
    )
    debit_account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="debit_transfers")
    credit_account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="credit_transfers")
    amount = models.BigIntegerField()
    kind = models.CharField(_("kind"), max_length=12, choices=[(k, k) for k in TransferKind])
    description = models.CharField(_("description"), max_length=200, blank=True)
    batch = models.ForeignKey("billing.UsageBatch", null=True, on_delete=models.PROTECT, related_name="transfers")
    sku = models.ForeignKey("billing.Sku", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    usage_day = models.DateTimeField(_("day of usage"), null=True)
    effective_at = models.DateTimeField(_("accounting time"))
    created_at = models.DateTimeField(_("posted"))
    idempotency_key = models.CharField(max_length=160, unique=True)
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        indexes: ClassVar = [
            models.Index(fields=["organisation", "-id"], name="transfer_by_organisation"),
            models.Index(fields=["organisation", "effective_at"], name="transfer_by_accounting_time"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_amount_positive"),
            models.CheckConstraint(condition=~Q(debit_account=F("credit_account")), name="transfer_has_two_sides"),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.kind}"


class Hold(models.Model):
    """The worst case of one run, reserved before it starts. Its legs say from which lots."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.hold_id, editable=False)
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey("tenancy.Project", on_delete=models.PROTECT, related_name="+")
    member_id = models.BigIntegerField(null=True)
    amount = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=[(s, s) for s in HoldState], default=HoldState.OPEN)
    reference = models.CharField(max_length=160)
    sku_code = models.CharField(max_length=40, blank=True)
    site_code = models.CharField(max_length=40, blank=True)
    programme_code = models.CharField(max_length=40, blank=True)
    level = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        indexes: ClassVar = [
            models.Index(fields=["organisation"], condition=Q(state=HoldState.OPEN), name="open_holds")
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="hold_amount_positive"),
            models.UniqueConstraint(fields=["organisation", "reference"], name="hold_once_per_reference"),
        ]

    def __str__(self) -> str:
        return self.public_id


class HoldLeg(models.Model):
    """The share of a hold that one lot bears; an extension of the hold adds legs."""

    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="legs", db_index=False)
    lot = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="legs")
    position = models.PositiveSmallIntegerField()
    amount = models.BigIntegerField()
    captured = models.BigIntegerField(default=0)
    released = models.BigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, captured__gte=0, released__gte=0)
                & Q(amount__gte=F("captured") + F("released")),
                name="leg_never_over_captured",
            ),
            models.UniqueConstraint(fields=["hold", "position"], name="one_leg_per_position"),
        ]

    def __str__(self) -> str:
        return f"{self.hold_id}/{self.position}"


class CreditRequest(models.Model):
    """A grant of credits above the limit, waiting for a second member of staff."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.grant_request_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    amount = models.BigIntegerField(_("amount (micro-credits)"))
    label = models.CharField(_("name"), max_length=120)
    reason = models.TextField(_("reason"))
    sku_codes = ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("only for"))
    site_codes = ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("only at"))
    programme_codes = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, verbose_name=_("only for programmes")
    )
    min_level = models.PositiveSmallIntegerField(_("only from residency level"), default=0)
    starts_at = models.DateTimeField(_("usable from"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in RequestState], default=RequestState.PENDING
    )
    requested_by_id = models.BigIntegerField()
    requested_by = models.CharField(_("asked by"), max_length=120)
    requested_at = models.DateTimeField(_("asked"))
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    lot = models.OneToOneField(LedgerAccount, null=True, on_delete=models.PROTECT, related_name="request")

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-requested_at"]
        verbose_name = _("credit request")
        verbose_name_plural = _("credit requests")
        constraints: ClassVar = [models.CheckConstraint(condition=Q(amount__gt=0), name="credit_request_positive")]

    def __str__(self) -> str:
        return f"{self.label} ({self.public_id})"
