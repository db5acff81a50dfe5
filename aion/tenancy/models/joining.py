# SPDX-License-Identifier: Apache-2.0
"""How people come to an organisation, hand it over and are looked at by staff."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.tenancy.models.organisations import Organisation
from aion.tenancy.models.people import User
from aion.tenancy.querysets import OwnedQuerySet
from aion.tenancy.roles import Role


class InvitationState(models.TextChoices):
    """That an invitation has expired is a matter of time, not a state."""

    PENDING = "pending", _("Pending")
    ACCEPTED = "accepted", _("Accepted")
    REVOKED = "revoked", _("Revoked")


class TransferState(models.TextChoices):
    """Where an offer of ownership stands."""

    PENDING = "pending", _("Pending")
    ACCEPTED = "accepted", _("Accepted")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Invitation(models.Model):
    """An offer of a role to an address. Only the digest of its token is stored; the token itself goes by mail."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.invitation_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", verbose_name=_("invited by"))
    state = models.CharField(
        _("state"), max_length=10, choices=InvitationState.choices, default=InvitationState.PENDING
    )
    sent = models.PositiveSmallIntegerField(_("times sent"), default=1)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"))
    accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    accepted_at = models.DateTimeField(null=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints: ClassVar = [
            models.UniqueConstraint(
                "organisation", Lower("email"), condition=Q(state="pending"), name="one_open_invitation_per_address"
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", accepted_by__isnull=False, accepted_at__isnull=False)
                | (~Q(state="accepted") & Q(accepted_by=None, accepted_at=None)),
                name="accepted_invitation_says_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    def expired_at(self, at: datetime) -> bool:
        """Tell whether it is too late to accept it."""
        return self.expires_at <= at


class OwnershipTransfer(models.Model):
    """An owner's offer to hand the organisation over; the receiver accepts it."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.ownership_transfer_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="ownership_transfers")
    from_user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    to_user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=TransferState.choices, default=TransferState.PENDING)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = _("transfer of ownership")
        verbose_name_plural = _("transfers of ownership")
        constraints: ClassVar = [
            models.UniqueConstraint("organisation", condition=Q(state="pending"), name="one_open_transfer"),
            models.CheckConstraint(condition=~Q(from_user=models.F("to_user")), name="transfer_to_another_person"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Impersonation(models.Model):
    """A member of staff looks at the portal as a person does, for a stated reason and a short time; reading only."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.impersonation_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    staff = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", verbose_name=_("staff"))
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", verbose_name=_("person"))
    reason = models.CharField(_("reason"), max_length=200)
    started_at = models.DateTimeField(_("started"))
    ends_at = models.DateTimeField(_("ends"))
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-started_at", "-pk"]
        verbose_name = _("impersonation")
        verbose_name_plural = _("impersonations")

    def __str__(self) -> str:
        return self.public_id
