# SPDX-License-Identifier: Apache-2.0
"""State aid: rules as dated rows, who counts as one undertaking, and the aid it got."""

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.querysets import OwnedQuerySet
from marketplace.grants.models.award import Award
from marketplace.grants.states import AidEntryKind, AidKind


class AidRule(models.Model):
    """How much aid an undertaking may get in how many years, from when until when, and where that is written."""

    code = models.SlugField(_("code"), max_length=20)
    valid = DateRangeField(_("valid"))
    cap = models.BigIntegerField(_("cap (micro-credits)"))
    window_years = models.PositiveSmallIntegerField(_("rolling years"))
    registration_days = models.PositiveSmallIntegerField(_("working days to register"))
    source = models.CharField(_("source"), max_length=300)
    note = models.TextField(_("note"), blank=True)

    class Meta:
        ordering: ClassVar = ["code", "-valid"]
        verbose_name = _("aid rule")
        verbose_name_plural = _("aid rules")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(cap__gt=0, window_years__gt=0),
                name="aid_rule_positive",
                violation_error_message=_("The cap and the years must be above zero."),
            ),
            ExclusionConstraint(
                name="one_aid_rule_in_force",
                expressions=[("code", RangeOperators.EQUAL), ("valid", RangeOperators.OVERLAPS)],
                violation_error_message=_(
                    "Another rule with this code is in force in a part of this time: end it first."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.valid}"


class PublicHoliday(models.Model):
    """A day that is no working day."""

    day = models.DateField(_("day"), unique=True)
    name = models.CharField(_("name"), max_length=80)

    class Meta:
        ordering: ClassVar = ["day"]
        verbose_name = _("public holiday")
        verbose_name_plural = _("public holidays")

    def __str__(self) -> str:
        return f"{self.day} {self.name}"


class ExcludedSector(models.Model):
    """A branch of the economy that a rule leaves out."""

    code = models.SlugField(_("rule"), max_length=20)
    nace_prefix = models.CharField(_("NACE begins with"), max_length=6)
    source = models.CharField(_("source"), max_length=300)

    class Meta:
        ordering: ClassVar = ["code", "nace_prefix"]
        verbose_name = _("excluded sector")
        verbose_name_plural = _("excluded sectors")
        constraints: ClassVar = [models.UniqueConstraint(fields=["code", "nace_prefix"], name="sector_excluded_once")]

    def __str__(self) -> str:
        return f"{self.code}: {self.nace_prefix}"


class Undertaking(models.Model):
    """All organisations that the law counts as one: those that control each other."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.undertaking_id, editable=False)
    name = models.CharField(_("name"), max_length=160)
    created_at = models.DateTimeField(_("created"))
    closed_at = models.DateTimeField(_("merged into another"), null=True)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        verbose_name = _("undertaking")
        verbose_name_plural = _("undertakings")

    def __str__(self) -> str:
        return self.name


class UndertakingLink(models.Model):
    """That an organisation belongs to an undertaking, from a day on; to one at a time."""

    undertaking = models.ForeignKey(Undertaking, on_delete=models.PROTECT, related_name="links")
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    valid = DateRangeField(_("valid"))
    source = models.CharField(_("known from"), max_length=300)
    recorded_by = models.CharField(_("recorded by"), max_length=120)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("link of an organisation")
        verbose_name_plural = _("links of organisations")
        constraints: ClassVar = [
            ExclusionConstraint(
                name="one_undertaking_at_a_time",
                expressions=[("organisation", RangeOperators.EQUAL), ("valid", RangeOperators.OVERLAPS)],
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} in {self.undertaking_id}"


class AidRecord(models.Model):
    """One aid as the register wants it: who, how much, when, from whom, under which instrument and sector."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.aid_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    award = models.OneToOneField(Award, null=True, on_delete=models.PROTECT, related_name="aid")
    kind = models.CharField(_("kind"), max_length=8, choices=[(k, k) for k in AidKind])
    authority = models.CharField(_("authority"), max_length=160)
    instrument = models.CharField(_("instrument"), max_length=160)
    nace = models.CharField(_("NACE code"), max_length=6, blank=True)
    granted_on = models.DateField(_("granted"))
    amount = models.BigIntegerField(_("amount (micro-credits)"))
    register_due_on = models.DateField(_("to register until"), null=True)
    registered_on = models.DateField(_("registered"), null=True)
    register_ref = models.CharField(_("reference of the register"), max_length=80, blank=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-granted_on", "-pk"]
        verbose_name = _("aid record")
        verbose_name_plural = _("aid records")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="aid_record_positive"),
            models.CheckConstraint(
                condition=Q(registered_on=None) | ~Q(register_ref=""), name="aid_registered_has_its_reference"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class AidEntry(models.Model):
    """A signed amount in the history of an undertaking. Append-only: mergers and splits move amounts, none is lost."""

    undertaking = models.ForeignKey(Undertaking, on_delete=models.PROTECT, related_name="entries")
    record = models.ForeignKey(AidRecord, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(_("kind"), max_length=10, choices=[(k, k) for k in AidEntryKind])
    amount = models.BigIntegerField(_("amount (micro-credits)"))
    granted_on = models.DateField(_("granted"))
    at = models.DateTimeField(_("recorded"))

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("aid entry")
        verbose_name_plural = _("aid entries")
        indexes: ClassVar = [models.Index(fields=["undertaking", "granted_on"], name="aid_of_an_undertaking")]
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(amount=0), name="aid_entry_moves_something")]

    def __str__(self) -> str:
        return f"{self.undertaking_id}: {self.amount}"
