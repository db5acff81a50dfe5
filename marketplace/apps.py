# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from importlib import import_module

from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    """The marketplace package."""

    name = "marketplace"

    def ready(self) -> None:
        """Register what is told: a worker fans out events whose services it never imports."""
        import_module("aion.people.quota_event_types")
        import_module("marketplace.event_types")
        import_module("aion.people.event_types")
