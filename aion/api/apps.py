# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """aion.api."""

    name = "aion.api"
    label = "api"
