# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class ResidencyConfig(AppConfig):
    """aion.residency."""

    name = "aion.residency"
    label = "residency"
