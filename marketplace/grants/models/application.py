# SPDX-License-Identifier: Apache-2.0
"""An application: what an organisation asks of a programme, with its files, its check and its history."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.querysets import OwnedQuerySet
from aion.web.uploads import MAX_FILE_BYTES
from marketplace.grants.models.programme import Programme
from marketplace.grants.querysets import ApplicationQuerySet
from marketplace.grants.states import ApplicationState, AttachmentKind, DataClass, Openness

DATA_CLASSES = [
    (DataClass.OPEN, _("Open data")),
    (DataClass.INTERNAL, _("Internal data")),
    (DataClass.PERSONAL, _("Personal data")),
    (DataClass.SENSITIVE, _("Sensitive personal data (health, biometrics)")),
]
OPENNESS = [
    (Openness.OPEN, _("Results and code are published")),
    (Openness.PARTLY, _("Results are published, code is not")),
    (Openness.CLOSED, _("Nothing is published")),
]
ATTACHMENT_KINDS = [
    (AttachmentKind.CV, _("CV")),
    (AttachmentKind.PLAN, _("Work plan")),
    (AttachmentKind.LETTER, _("Letter of support")),
    (AttachmentKind.OTHER, _("Other")),
]


class Application(models.Model):
    """One organisation's application to one programme. Its content is fixed once submitted."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.application_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="applications", verbose_name=_("programme")
    )
    project = models.ForeignKey(
        "tenancy.Project", on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("project")
    )
    state = models.CharField(
        _("state"), max_length=12, choices=[(s, s) for s in ApplicationState], default=ApplicationState.DRAFT
    )
    revision = models.PositiveIntegerField(_("revision"), default=1)
    title = models.CharField(_("title"), max_length=160, blank=True)
    abstract = models.TextField(_("abstract"), max_length=3000, blank=True)
    work_plan = models.TextField(_("work plan"), max_length=12_000, blank=True)
    data_class = models.CharField(_("data"), max_length=12, choices=DATA_CLASSES, blank=True)
    openness = models.CharField(_("openness"), max_length=12, choices=OPENNESS, blank=True)
    ethics = models.TextField(_("ethics"), max_length=3000, blank=True)
    acknowledgement = models.BooleanField(_("names the programme in publications"), default=False)
    # Keys of what the applicant has declared to be true; a rule of kind ``attestation`` asks for one.
    attestations = models.JSONField(_("declarations"), default=list, blank=True)
    # De minimis aid of the last three years as the applicant declares it; empty is not declared yet.
    declared_aid = models.BigIntegerField(_("aid declared (micro-credits)"), null=True, blank=True)
    team = models.JSONField(_("team"), default=list, blank=True)
    partners = models.JSONField(_("partners"), default=list, blank=True)
    requested_amount = models.BigIntegerField(_("amount asked for (micro-credits)"), default=0)
    milli_gpu_hours = models.BigIntegerField(_("asked for (thousandths of a GPU-hour)"), default=0)
    created_at = models.DateTimeField(_("started"))
    created_by_id = models.BigIntegerField(null=True)
    updated_at = models.DateTimeField(_("changed"))
    updated_by_id = models.BigIntegerField(null=True)
    submitted_at = models.DateTimeField(_("submitted"), null=True)
    submitted_by_id = models.BigIntegerField(null=True)

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-updated_at", "-pk"]
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        indexes: ClassVar = [models.Index(fields=["programme", "state"], name="application_by_programme")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["programme", "organisation"],
                condition=~Q(state=ApplicationState.WITHDRAWN),
                name="one_application_per_call",
            ),
            models.CheckConstraint(
                condition=Q(requested_amount__gte=0, milli_gpu_hours__gte=0), name="application_amounts"
            ),
            models.CheckConstraint(
                condition=Q(state__in=(ApplicationState.DRAFT, ApplicationState.WITHDRAWN))
                | Q(submitted_at__isnull=False),
                name="application_submitted_has_its_instant",
            ),
            models.CheckConstraint(
                condition=Q(declared_aid=None) | Q(declared_aid__gte=0), name="application_declared_aid"
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.public_id


class WorkItem(models.Model):
    """One piece of the work plan with what it takes: GPU-hours, euros, energy, emissions."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="items")
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(_("position"))
    title = models.CharField(_("title"), max_length=120)
    sku_code = models.CharField(_("GPU"), max_length=40)
    gpu_hours = models.PositiveBigIntegerField(_("GPU-hours"))
    params = models.BigIntegerField(_("model size (parameters)"), null=True, blank=True)
    tokens = models.BigIntegerField(_("tokens"), null=True, blank=True)
    mfu_bp = models.PositiveIntegerField(_("utilisation of peak (basis points)"), null=True, blank=True)
    flop = models.DecimalField(_("FLOP"), max_digits=40, decimal_places=0, null=True, blank=True)
    micro = models.BigIntegerField(_("cost (micro-credits)"))
    watt_hours = models.BigIntegerField(_("energy (Wh)"))
    g_co2e = models.BigIntegerField(_("emissions (gCO2e)"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["position"]
        verbose_name = _("work item")
        verbose_name_plural = _("work items")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "position"], name="work_item_once"),
            models.CheckConstraint(
                condition=Q(gpu_hours__gt=0, micro__gte=0, watt_hours__gte=0, g_co2e__gte=0), name="work_item_amounts"
            ),
        ]

    def __str__(self) -> str:
        return self.title


def _place(instance: Any, _name: str) -> str:
    # The applicant's own name of the file never becomes a path.
    return f"grants/{instance.application.public_id}/{instance.public_id}"


class Attachment(models.Model):
    """A file of an application. Served only as a download."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.attachment_id, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="attachments")
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=8, choices=ATTACHMENT_KINDS)
    name = models.CharField(_("name"), max_length=120)
    media_type = models.CharField(_("type"), max_length=40)
    size = models.PositiveIntegerField(_("size (bytes)"))
    sha256 = models.CharField("SHA-256", max_length=64)
    file = models.FileField(_("file"), upload_to=_place, max_length=120)
    uploaded_by_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(_("uploaded"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["at", "pk"]
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(size__gt=0, size__lte=MAX_FILE_BYTES), name="attachment_size")
        ]

    def __str__(self) -> str:
        return self.name


class Submission(models.Model):
    """What was submitted, as it was then. Append-only; holds no e-mail address, since it outlives an erasure.

    Only the name of an erased person is taken out of it. ``sha256`` stays that of the content as it was submitted.
    """

    application = models.OneToOneField(Application, on_delete=models.PROTECT, related_name="submission")
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    content = models.JSONField(_("content"))
    sha256 = models.CharField("SHA-256", max_length=64)
    at = models.DateTimeField(_("submitted"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at"]
        verbose_name = _("submission")
        verbose_name_plural = _("submissions")

    def __str__(self) -> str:
        return f"{self.application_id} {self.sha256[:12]}"


class EligibilityResult(models.Model):
    """One rule as it was checked, with what it was checked on. Append-only."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="eligibility")
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    rule_id = models.CharField(_("rule"), max_length=60)
    rule_version = models.PositiveIntegerField(_("version"))
    passed = models.BooleanField(_("passed"))
    reason = models.TextField(_("reason"))
    evidence = models.JSONField(_("evidence"), default=dict)
    at = models.DateTimeField(_("checked"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("eligibility result")
        verbose_name_plural = _("eligibility results")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "rule_id"], name="eligibility_checked_once")
        ]

    def __str__(self) -> str:
        return self.rule_id


class ApplicationEvent(models.Model):
    """A move of an application: who, when, why. Append-only; the label is a role, so that nobody's address stays."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="history")
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    from_state = models.CharField(_("from"), max_length=12, blank=True)
    to_state = models.CharField(_("to"), max_length=12)
    user_id = models.BigIntegerField(null=True)
    actor_label = models.CharField(_("who"), max_length=120)
    reason = models.TextField(_("reason"), blank=True)
    at = models.DateTimeField(_("when"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["at", "pk"]
        verbose_name = _("event of an application")
        verbose_name_plural = _("events of applications")

    def __str__(self) -> str:
        return f"{self.from_state} → {self.to_state}"
