# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """aion.events."""

    name = "aion.events"
    label = "events"
