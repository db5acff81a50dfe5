# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """aion.web."""

    name = "aion.web"
    label = "web"
