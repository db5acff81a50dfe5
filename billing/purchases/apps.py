# SPDX-License-Identifier: Apache-2.0
"""The app of purchases."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PurchasesConfig(AppConfig):
    """Credit that is bought: by card, direct debit or transfer, and what can happen to such a payment."""

    name = "billing.purchases"
    label = "purchases"
    verbose_name = _("Purchases")

    def ready(self) -> None:
        """Register the event types, so that every process can tell of them."""
        from billing.purchases import event_types  # noqa: F401
