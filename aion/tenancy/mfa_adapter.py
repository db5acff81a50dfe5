# SPDX-License-Identifier: Apache-2.0
"""What AION changes about django-allauth's second factors."""

from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.utils.translation import gettext_lazy as _

from aion.tenancy.allauth_adapter import NAME
from aion.tenancy.models import Membership
from aion.tenancy.roles import NEEDS_SECOND_FACTOR


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """The last factor of a person whose role needs one stays: add another first, then take this one away."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": _("Your role needs a second factor: add another one before you remove this."),
    }

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Name the product where a device lists its passkeys; the domain stays the one of the request."""
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": NAME}

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        """Refuse the last authenticator app or passkey of owners, billing and staff; recovery codes do not count."""
        user = authenticator.user
        needed = user.is_staff or Membership.objects.filter(user=user, role__in=NEEDS_SECOND_FACTOR).exists()
        if not needed or authenticator.type == Authenticator.Type.RECOVERY_CODES:
            return True
        others = Authenticator.objects.filter(user=user).exclude(pk=authenticator.pk)
        return bool(others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())
