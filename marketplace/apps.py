# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    """The marketplace package."""

    name = "marketplace"

    def ready(self) -> None:
        """Make the events of people known: ``aion.people`` is no app, and a worker has not imported its services."""
        from aion.people import event_types  # noqa: F401
