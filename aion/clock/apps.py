# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class ClockConfig(AppConfig):
    """aion.clock."""

    name = "aion.clock"
    label = "clock"
