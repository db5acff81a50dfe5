# SPDX-License-Identifier: Apache-2.0
"""Which processor this installation speaks to."""

from functools import cache

from django.conf import settings

from billing.purchases.payments.gateway import Gateway
from billing.purchases.payments.stripe_gateway import StripeGateway


def configured() -> bool:
    """Tell whether this installation can take card payments and direct debits."""
    return bool(settings.STRIPE_SECRET_KEY)


@cache
def gateway() -> Gateway:
    """Return the processor's gateway, one for the process."""
    return StripeGateway(
        key=settings.STRIPE_SECRET_KEY,
        secrets=tuple(settings.STRIPE_WEBHOOK_SECRETS),
        base=settings.STRIPE_API_BASE,
    )
