# SPDX-License-Identifier: Apache-2.0
"""What is known for certain of a person: the addresses they confirmed, and whether they have a second factor."""

from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from aion.people.errors import AddressNotVerified, SecondFactorNeeded
from aion.tenancy.models import User
from aion.tenancy.roles import NEEDS_SECOND_FACTOR

# Recovery codes only help who has lost the other one.
REAL = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_address(user: User, address: str) -> bool:
    """Tell whether ``user`` has confirmed ``address``."""
    return bool(EmailAddress.objects.filter(user=user, email__iexact=address, verified=True).exists())


def require_verified(user: User) -> None:
    """Raise AddressNotVerified unless the person has confirmed the own address."""
    if not has_address(user, user.email):
        raise AddressNotVerified(
            _("Have a code sent on the page of your e-mail addresses (Account) and type it there, then try again.")
        )


def factors_of(user: Any) -> QuerySet[Any]:
    """Return the authenticator apps and passkeys of a person, or of the outer query's rows."""
    return cast("QuerySet[Any]", Authenticator.objects.filter(user=user, type__in=REAL))


def require_second_factor(user: User, role: str, *, has_one: bool | None = None) -> None:
    """Raise SecondFactorNeeded when ``role`` needs a second factor and the person has none.

    ``has_one`` is the answer where the caller has read it already.
    """
    if role not in NEEDS_SECOND_FACTOR:
        return
    if not (factors_of(user).exists() if has_one is None else has_one):
        raise SecondFactorNeeded(
            _("Owners and billing sign in with a second factor: set up an authenticator app or a passkey first.")
        )
