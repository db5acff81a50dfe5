# SPDX-License-Identifier: Apache-2.0
"""A programme: whose money, for whom, until when, and how it is judged."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from aion import ids
from marketplace.grants.querysets import ProgrammeQuerySet
from marketplace.grants.states import AidRegime, MoneySource, ProgrammeState

SOURCES = [
    (MoneySource.PRIVATE_PRIZE, _("Private prize")),
    (MoneySource.UNION, _("European Union")),
    (MoneySource.STATE, _("State")),
]
REGIMES = [(AidRegime.NONE, _("No aid")), (AidRegime.DE_MINIMIS, _("De minimis"))]


def _in_language(english: str, french: str) -> str:
    return french if (get_language() or "").startswith("fr") and french else english


class Programme(models.Model):
    """A pot of credits that is given away on application. Amounts are micro-credits."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.programme_id, editable=False)
    code = models.SlugField(_("code"), max_length=40, unique=True)
    name_en = models.CharField(_("name (English)"), max_length=120)
    name_fr = models.CharField(_("name (French)"), max_length=120)
    summary_en = models.TextField(_("summary (English)"), max_length=4000)
    summary_fr = models.TextField(_("summary (French)"), max_length=4000)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("run by")
    )
    funder = models.CharField(_("funder"), max_length=120)
    money_source = models.CharField(_("money source"), max_length=16, choices=SOURCES)
    aid_regime = models.CharField(_("state aid"), max_length=16, choices=REGIMES, default=AidRegime.NONE)
    aid_decided_by = models.CharField(_("who decided on state aid"), max_length=120, blank=True)
    pot = models.BigIntegerField(_("pot (micro-credits)"))
    committed = models.BigIntegerField(_("committed (micro-credits)"), default=0, editable=False)
    cap_per_award = models.BigIntegerField(_("most per award (micro-credits)"))
    opens_at = models.DateTimeField(_("opens"))
    closes_at = models.DateTimeField(_("closes"))
    zone = models.CharField(_("time zone"), max_length=40, default="Europe/Paris")
    decision_on = models.DateField(_("decision on"))
    lot_days = models.PositiveIntegerField(_("credits last (days)"), default=365)
    report_days = models.PositiveIntegerField(_("final report due (days after the end)"), default=90)
    min_reviews = models.PositiveSmallIntegerField(_("reviews each"), default=2)
    sku_codes = ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("only for"))
    site_codes = ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("only at"))
    min_level = models.PositiveSmallIntegerField(_("only from residency level"), default=0)
    ties_projects = models.BooleanField(_("credits only for the project applied for"), default=False)
    check_after_days = models.PositiveIntegerField(_("use is looked at after (days)"), default=180)
    min_used_percent = models.PositiveSmallIntegerField(_("used by then (%)"), default=0)
    rules = models.JSONField(_("eligibility rules"), default=list, blank=True)
    rules_version = models.PositiveIntegerField(_("version of the rules"), default=1)
    state = models.CharField(
        _("state"), max_length=12, choices=[(s, s) for s in ProgrammeState], default=ProgrammeState.DRAFT
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProgrammeQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-opens_at", "code"]
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(pot__gt=0),
                name="programme_pot_positive",
                violation_error_message=_("The pot must be above zero."),
            ),
            models.CheckConstraint(
                condition=Q(committed__gte=0, committed__lte=F("pot")),
                name="programme_pot_never_passed",
                violation_error_message=_("The awards would be more than the pot."),
            ),
            models.CheckConstraint(
                condition=Q(cap_per_award__gt=0, cap_per_award__lte=F("pot")),
                name="programme_cap_within_pot",
                violation_error_message=_("The most per award must be above zero and within the pot."),
            ),
            models.CheckConstraint(
                condition=Q(closes_at__gt=F("opens_at")),
                name="programme_closes_after_opening",
                violation_error_message=_("A call closes after it opens."),
            ),
            models.CheckConstraint(
                condition=(
                    Q(money_source=MoneySource.UNION)
                    | Q(money_source=MoneySource.STATE) & ~Q(aid_regime=AidRegime.NONE)
                    | Q(money_source=MoneySource.PRIVATE_PRIZE, aid_regime=AidRegime.NONE)
                ),
                name="programme_aid_follows_the_money",
                violation_error_message=_("State money needs an aid regime, and a private prize has none."),
            ),
            models.CheckConstraint(
                condition=Q(min_level__lte=5),
                name="programme_level_exists",
                violation_error_message=_("There is no such residency level."),
            ),
            models.CheckConstraint(
                condition=Q(min_used_percent__lte=100),
                name="programme_percent_of_use",
                violation_error_message=_("The least use is a share of at most 100 per cent."),
            ),
            models.CheckConstraint(
                condition=Q(lot_days__gt=0, min_reviews__gt=0),
                name="programme_terms_positive",
                violation_error_message=_("There must be at least one day to spend the credits, and one review."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Return the name in the present language."""
        return _in_language(self.name_en, self.name_fr)

    @property
    def summary(self) -> str:
        """Return the summary in the present language."""
        return _in_language(self.summary_en, self.summary_fr)

    @property
    def left(self) -> int:
        """Return what is still in the pot."""
        return self.pot - self.committed


class Criterion(models.Model):
    """What reviewers score, and how much it counts: the weights of a programme add up to 100."""

    programme = models.ForeignKey(Programme, on_delete=models.CASCADE, related_name="criteria")
    code = models.SlugField(_("code"), max_length=40)
    name_en = models.CharField(_("name (English)"), max_length=120)
    name_fr = models.CharField(_("name (French)"), max_length=120)
    weight = models.PositiveSmallIntegerField(_("weight (%)"))
    max_score = models.PositiveSmallIntegerField(_("highest score"), default=5)
    position = models.PositiveSmallIntegerField(_("position"), default=1)

    class Meta:
        ordering: ClassVar = ["position", "pk"]
        verbose_name = _("criterion")
        verbose_name_plural = _("criteria")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["programme", "code"], name="criterion_once"),
            models.CheckConstraint(
                condition=Q(weight__gt=0, weight__lte=100),
                name="criterion_weight",
                violation_error_message=_("A criterion weighs between 1 and 100 per cent."),
            ),
            models.CheckConstraint(
                condition=Q(max_score__gt=0, max_score__lte=100),
                name="criterion_max_score",
                violation_error_message=_("The highest score lies between 1 and 100."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Return the name in the present language."""
        return _in_language(self.name_en, self.name_fr)
