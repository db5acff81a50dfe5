# SPDX-License-Identifier: Apache-2.0
"""Decisions by two persons, the pot they commit, and an award from its lot to the final report."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.querysets import OwnedQuerySet
from marketplace.grants.models.application import Application
from marketplace.grants.models.programme import Programme
from marketplace.grants.querysets import AwardQuerySet
from marketplace.grants.states import AwardState, CommitmentKind, DecisionKind, ReportState, Standing

KINDS = [(DecisionKind.AWARD, _("Award")), (DecisionKind.REFUSE, _("Refuse"))]
STANDINGS = [(s, s) for s in Standing]
TWO_PERSONS = Q(decided_by_id=None) | Q(proposed_by_id=None) | ~Q(decided_by_id=F("proposed_by_id"))


class Decision(models.Model):
    """What one person proposes for an application and another approves. ``reason`` is what the applicant reads."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.decision_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="decisions", verbose_name=_("application")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=KINDS)
    amount = models.BigIntegerField(_("amount (micro-credits)"), default=0)
    rank = models.PositiveIntegerField(_("rank"), null=True)
    reason = models.TextField(_("reason"), max_length=2000)
    state = models.CharField(_("state"), max_length=10, choices=STANDINGS, default=Standing.PENDING)
    proposed_by_id = models.BigIntegerField()
    proposed_by = models.CharField(_("proposed by"), max_length=120)
    proposed_at = models.DateTimeField(_("proposed"))
    decided_by_id = models.BigIntegerField(null=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-proposed_at", "-pk"]
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["application"], condition=Q(state=Standing.PENDING), name="one_proposal_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["application"], condition=Q(state=Standing.APPROVED), name="one_decision_an_application"
            ),
            models.CheckConstraint(condition=TWO_PERSONS, name="decision_by_two_persons"),
            models.CheckConstraint(
                condition=Q(kind=DecisionKind.AWARD, amount__gt=0) | Q(kind=DecisionKind.REFUSE, amount=0),
                name="decision_amount_fits",
            ),
            models.CheckConstraint(
                condition=~Q(state=Standing.APPROVED) | Q(decided_by_id__isnull=False), name="decision_names_its_second"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class Award(models.Model):
    """Credits that an organisation won: one lot, spendable from the moment of the decision."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.award_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="awards", verbose_name=_("programme")
    )
    application = models.OneToOneField(
        Application, on_delete=models.PROTECT, related_name="award", verbose_name=_("application")
    )
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="award")
    project = models.ForeignKey("tenancy.Project", null=True, on_delete=models.PROTECT, related_name="+")
    lot = models.OneToOneField("billing.LedgerAccount", on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField(_("amount (micro-credits)"))
    granted_at = models.DateTimeField(_("granted"))
    expires_at = models.DateTimeField(_("expires"))
    report_due_on = models.DateField(_("report due"))
    unused_checked_at = models.DateTimeField(null=True)
    state = models.CharField(_("state"), max_length=10, choices=[(s, s) for s in AwardState], default=AwardState.ACTIVE)

    objects = AwardQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-granted_at", "-pk"]
        verbose_name = _("award")
        verbose_name_plural = _("awards")
        constraints: ClassVar = [models.CheckConstraint(condition=Q(amount__gt=0), name="award_positive")]

    def __str__(self) -> str:
        return self.public_id


class Commitment(models.Model):
    """A change of a pot. Append-only: a trigger adds it to the programme, whose check refuses more than the pot."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="commitments")
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="commitments")
    kind = models.CharField(_("kind"), max_length=8, choices=[(k, k) for k in CommitmentKind])
    amount = models.BigIntegerField(_("amount (micro-credits)"))
    at = models.DateTimeField(_("when"))
    transfer = models.OneToOneField("billing.Transfer", null=True, on_delete=models.PROTECT, related_name="+")

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("commitment")
        verbose_name_plural = _("commitments")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind=CommitmentKind.AWARD, amount__gt=0)
                | Q(kind__in=(CommitmentKind.RECLAIM, CommitmentKind.EXPIRY), amount__lt=0),
                name="commitment_has_its_sign",
            ),
            models.CheckConstraint(
                condition=Q(kind=CommitmentKind.EXPIRY, transfer__isnull=False)
                | ~Q(kind=CommitmentKind.EXPIRY) & Q(transfer=None),
                name="commitment_of_an_expiry_has_its_entry",
            ),
            models.UniqueConstraint(
                fields=["application"], condition=Q(kind=CommitmentKind.AWARD), name="committed_once_an_application"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"


class ExtensionRequest(models.Model):
    """The wish of an organisation to spend its award until a later day."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.extension_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    award = models.ForeignKey(Award, on_delete=models.PROTECT, related_name="extensions", verbose_name=_("award"))
    until = models.DateField(_("until"))
    reason = models.TextField(_("reason"), max_length=1000)
    state = models.CharField(_("state"), max_length=10, choices=STANDINGS, default=Standing.PENDING)
    asked_by_id = models.BigIntegerField(null=True)
    asked_at = models.DateTimeField(_("asked"))
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    decision_reason = models.CharField(_("why so decided"), max_length=400, blank=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-asked_at", "-pk"]
        verbose_name = _("extension request")
        verbose_name_plural = _("extension requests")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["award"], condition=Q(state=Standing.PENDING), name="one_extension_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return self.public_id


class Reclaim(models.Model):
    """Unused credit that goes back to the pot: proposed by a person or by the programme's rule, decided by another."""

    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    award = models.ForeignKey(Award, on_delete=models.PROTECT, related_name="reclaims", verbose_name=_("award"))
    amount = models.BigIntegerField(_("amount (micro-credits)"))
    reason = models.TextField(_("reason"), max_length=400)
    state = models.CharField(_("state"), max_length=10, choices=STANDINGS, default=Standing.PENDING)
    proposed_by_id = models.BigIntegerField(null=True)
    proposed_by = models.CharField(_("proposed by"), max_length=120)
    proposed_at = models.DateTimeField(_("proposed"))
    decided_by_id = models.BigIntegerField(null=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-proposed_at", "-pk"]
        verbose_name = _("reclaim")
        verbose_name_plural = _("reclaims")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="reclaim_positive"),
            models.CheckConstraint(condition=TWO_PERSONS, name="reclaim_by_two_persons"),
            models.UniqueConstraint(
                fields=["award"], condition=Q(state=Standing.PENDING), name="one_reclaim_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.award_id}: {self.amount}"


class FinalReport(models.Model):
    """What came of an award. ``figures`` come from the ledger and are frozen when the report is handed in."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.report_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    award = models.OneToOneField(Award, on_delete=models.PROTECT, related_name="report", verbose_name=_("award"))
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in ReportState], default=ReportState.DRAFT
    )
    figures = models.JSONField(_("figures"), default=dict)
    results = models.TextField(_("results"), max_length=6000, blank=True)
    publications = models.TextField(_("publications"), max_length=3000, blank=True)
    difficulties = models.TextField(_("difficulties"), max_length=3000, blank=True)
    submitted_at = models.DateTimeField(_("handed in"), null=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    decision_reason = models.CharField(_("why returned"), max_length=400, blank=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("final report")
        verbose_name_plural = _("final reports")

    def __str__(self) -> str:
        return self.public_id
