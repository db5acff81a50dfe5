# SPDX-License-Identifier: Apache-2.0
"""Reviews and awards over the API."""

from rest_framework.routers import SimpleRouter

from billing.api.vouchers import RedemptionViewSet


def register(router: SimpleRouter) -> None:
    """Add this part's resources."""
    router.register("promo-redemptions", RedemptionViewSet, basename="promo_redemption")
