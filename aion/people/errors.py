# SPDX-License-Identifier: Apache-2.0
"""Why something between people and organisations is refused."""

from django.utils.translation import gettext_lazy as _

from aion.errors import Conflict, Forbidden


class RoleAboveOwn(Forbidden):
    """The role stands above the actor's own, or is held by somebody above."""

    code, title = "role_above_own", _("That role is above your own")


class AddressNotVerified(Forbidden):
    """The person has not shown that the address is theirs."""

    code, title = "address_not_verified", _("Confirm your e-mail address first")


class SecondFactorNeeded(Forbidden):
    """The role needs a second factor and the person has none."""

    code, title = "second_factor_needed", _("Set up a second factor first")


class InvitationUsed(Conflict):
    """It was accepted or revoked before."""

    code, title = "invitation_used", _("This invitation was used already")


class InvitationExpired(Conflict):
    """It is too late."""

    code, title = "invitation_expired", _("This invitation has expired")


class InvitationForAnother(Forbidden):
    """The invited address is not one of the person's."""

    code, title = "invitation_for_another", _("This invitation is for another address")


class SoleOwner(Conflict):
    """An organisation always has an owner."""

    code, title = "sole_owner", _("An organisation needs an owner")


class TransferOver(Conflict):
    """The offer was accepted, withdrawn or has expired."""

    code, title = "transfer_over", _("This offer of ownership is over")
