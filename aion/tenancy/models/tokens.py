# SPDX-License-Identifier: Apache-2.0
"""Keys of the REST API."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.models.organisations import Organisation
from aion.tenancy.models.people import User
from aion.tenancy.querysets import TokenQuerySet


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
