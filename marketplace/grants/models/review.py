# SPDX-License-Identifier: Apache-2.0
"""Who judges an application, whether that person may, and with which scores."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.querysets import OwnedQuerySet
from marketplace.grants.models.application import Application
from marketplace.grants.models.programme import Criterion, Programme
from marketplace.grants.querysets import ReviewQuerySet, ScoreQuerySet
from marketplace.grants.states import ConflictKind, ReviewState

CONFLICTS = [
    (ConflictKind.SAME_ORGANISATION, _("I belong to the applicant's organisation or a partner's")),
    (ConflictKind.TEAM_MEMBER, _("I am a member of the team")),
    (ConflictKind.COOPERATION, _("I have worked with the team in the last three years")),
    (ConflictKind.FINANCIAL, _("I have a financial interest")),
    (ConflictKind.PERSONAL, _("I am close to somebody of the team")),
]


class Appointment(models.Model):
    """That a person reviews for a programme, until it is ended. Without one nothing of the programme is seen."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.appointment_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="appointments", verbose_name=_("programme")
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("reviewer")
    )
    appointed_by = models.CharField(_("appointed by"), max_length=120)
    appointed_at = models.DateTimeField(_("appointed"))
    ended_by = models.CharField(_("ended by"), max_length=120, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-appointed_at", "-pk"]
        verbose_name = _("appointment of a reviewer")
        verbose_name_plural = _("appointments of reviewers")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["programme", "reviewer"], condition=Q(ended_at=None), name="appointed_once_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return self.public_id


class ReviewAssignment(models.Model):
    """One reviewer for one application. It belongs to the organisation that runs the programme."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.review_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="reviews", verbose_name=_("application")
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("reviewer")
    )
    state = models.CharField(
        _("state"), max_length=10, choices=[(s, s) for s in ReviewState], default=ReviewState.ASSIGNED
    )
    due_at = models.DateTimeField(_("due"))
    assigned_at = models.DateTimeField(_("assigned"))
    conflict_kind = models.CharField(_("conflict of interest"), max_length=20, choices=CONFLICTS, blank=True)
    conflict_text = models.CharField(_("in words"), max_length=400, blank=True)
    declared_at = models.DateTimeField(_("declared"), null=True)
    overall_comment = models.TextField(_("overall comment"), max_length=4000, blank=True)
    submitted_at = models.DateTimeField(_("handed in"), null=True)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["due_at", "pk"]
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        indexes: ClassVar = [models.Index(fields=["reviewer", "state"], name="reviews_of_a_person")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "reviewer"], name="reviewer_once_an_application"),
            models.CheckConstraint(
                condition=~Q(state=ReviewState.SUBMITTED) | Q(submitted_at__isnull=False),
                name="review_handed_in_has_its_instant",
            ),
            models.CheckConstraint(
                condition=~Q(state=ReviewState.CONFLICT) | ~Q(conflict_kind=""), name="conflict_has_its_kind"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class Score(models.Model):
    """One criterion of one review. A trigger keeps it within its range, and fixed once handed in."""

    assignment = models.ForeignKey(ReviewAssignment, on_delete=models.PROTECT, related_name="scores")
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="+")
    value = models.PositiveSmallIntegerField(_("score"))
    comment = models.TextField(_("comment"), max_length=2000, blank=True)

    objects = ScoreQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["criterion__position", "pk"]
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["assignment", "criterion"], name="one_score_per_criterion")
        ]

    def __str__(self) -> str:
        return f"{self.criterion_id}: {self.value}"
