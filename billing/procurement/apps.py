# SPDX-License-Identifier: Apache-2.0
"""The app of procurement."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProcurementConfig(AppConfig):
    """Quotes, framework agreements and purchase orders of public and other buyers."""

    name = "billing.procurement"
    label = "procurement"
    verbose_name = _("Quotes and orders")

    def ready(self) -> None:
        """Register the event types, so that every process can tell of them."""
        from billing.procurement import event_types  # noqa: F401
