# SPDX-License-Identifier: Apache-2.0
"""Projects."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.models.organisations import Membership, Organisation
from aion.tenancy.querysets import OwnedQuerySet, ProjectQuerySet


class Project(models.Model):
    """Where work and spend are grouped: one Kubernetes namespace per project and pool."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.project_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(_("name"), max_length=80)
    slug = models.SlugField(_("short name"), max_length=40)
    residency_policy = models.CharField(_("residency policy"), max_length=80, default="EU_RESIDENT")
    programme_code = models.SlugField(
        _("programme"),
        max_length=40,
        blank=True,
        help_text=_("The grant programme that the work belongs to; credits tied to a programme pay only for its work."),
    )
    milli_gpu_quota = models.PositiveBigIntegerField(_("quota (milli-GPUs at one time)"), default=64_000)
    restricted = models.BooleanField(
        _("members only"),
        default=False,
        help_text=_("Only its members launch and stop work; owners and administrators always may."),
    )
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("project")
        verbose_name_plural = _("projects")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "slug"], name="project_slug_once"),
        ]

    def __str__(self) -> str:
        return self.name


class ProjectMember(models.Model):
    """A member of the organisation who may launch and stop work of a restricted project."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="members")
    # Who leaves the organisation leaves its projects: a return gives nothing back by itself.
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="+")

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("project member")
        verbose_name_plural = _("project members")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "membership"], name="project_member_once"),
        ]

    def __str__(self) -> str:
        return f"{self.project} · {self.membership}"
