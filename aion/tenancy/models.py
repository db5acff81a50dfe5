# SPDX-License-Identifier: Apache-2.0
"""People, organisations, projects and API tokens."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.querysets import OrganisationQuerySet, OwnedQuerySet, TokenQuerySet
from aion.tenancy.roles import Role


class UserManager(BaseUserManager["User"]):
    """Creates people by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a person. Raises ValueError without an address."""
        if not email:
            raise ValueError("A person needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a member of consortium staff with every permission."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Signs in by e-mail; acts for one organisation at a time."""

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    theme = models.CharField(_("theme"), max_length=8, default="system")
    is_staff = models.BooleanField(_("consortium staff"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("joined"), auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        """Return what the staff admin calls the person."""
        return str(self)

    def get_short_name(self) -> str:
        """Return what a page greets the person with."""
        return self.name or self.email.split("@", 1)[0]


class OrganisationKind(models.TextChoices):
    """What kind of body it is; decides prices and which papers it needs."""

    STARTUP = "startup", _("Start-up")
    COMPANY = "company", _("Company")
    RESEARCH = "research", _("Research")
    PUBLIC = "public", _("Public body")
    MEMBER = "member", _("Consortium member")


class OrganisationState(models.TextChoices):
    """Frozen: nothing new starts, running work drains."""

    ACTIVE = "active", _("Active")
    FROZEN = "frozen", _("Frozen")


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
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("project")
        verbose_name_plural = _("projects")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "slug"], name="project_slug_once"),
        ]

    def __str__(self) -> str:
        return self.name


class ApiToken(models.Model):
    """A key of the REST API. Only its SHA-256 is stored; the key itself is shown once."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.token_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="tokens")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("starts with"), max_length=16)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("rights"), default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(_("expires"), null=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
