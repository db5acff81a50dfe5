# SPDX-License-Identifier: Apache-2.0
"""API of purchases."""

from typing import Any

from billing.purchases.api.payments import AutoRechargeViewSet, PaymentViewSet


def register(router: Any) -> None:
    """Add the resources of purchases."""
    router.register("payments", PaymentViewSet, basename="payment")
    router.register("auto-recharge", AutoRechargeViewSet, basename="auto_recharge")
