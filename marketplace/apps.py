# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    """The marketplace package."""

    name = "marketplace"

    def ready(self) -> None:
        """Register the marketplace's event types."""
        from marketplace import event_types  # noqa: F401
