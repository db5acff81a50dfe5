# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    """The marketplace package."""

    name = "marketplace"
