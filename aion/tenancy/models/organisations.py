# SPDX-License-Identifier: Apache-2.0
"""Organisations and the roles that people have in them."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.models.people import User
from aion.tenancy.querysets import OrganisationQuerySet, OwnedQuerySet
from aion.tenancy.roles import Role


class OrganisationKind(models.TextChoices):
    """What kind of body it is; decides prices and which papers it needs."""

    STARTUP = "startup", _("Start-up")
    COMPANY = "company", _("Company")
    RESEARCH = "research", _("Research")
    PUBLIC = "public", _("Public body")
    MEMBER = "member", _("Consortium member")


class OrganisationState(models.TextChoices):
    """Frozen: nothing new starts, running work drains. Closed: for good; its books stay readable."""

    ACTIVE = "active", _("Active")
    FROZEN = "frozen", _("Frozen")
    CLOSED = "closed", _("Closed")


class Organisation(models.Model):
    """A tenant: the paying body, or a member of the consortium that operates pools."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.organisation_id, editable=False)
    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("address"), max_length=40, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=OrganisationKind.choices)
    country = models.ForeignKey(
        "residency.Territory", on_delete=models.PROTECT, verbose_name=_("country"), related_name="+"
    )
    state = models.CharField(
        _("state"), max_length=8, choices=OrganisationState.choices, default=OrganisationState.ACTIVE
    )
    frozen_reason = models.CharField(_("why frozen"), max_length=200, blank=True)
    milli_gpu_quota = models.PositiveBigIntegerField(_("quota (milli-GPUs at one time)"), default=64_000)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(_("closed"), null=True, editable=False)

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")

    def __str__(self) -> str:
        return self.name

    @property
    def organisation_id(self) -> int:
        """Return the own key, so that an organisation is owned like every other row."""
        return self.pk


class Membership(models.Model):
    """A person's role in an organisation."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.member_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["organisation__name"]
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "organisation"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.role}"
