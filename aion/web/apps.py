# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """aion.web."""

    name = "aion.web"
    label = "web"

    def ready(self) -> None:
        """Register what stands in addresses, before any URL is read."""
        from django.urls import register_converter

        from aion.web.converters import PublicIdConverter, TokenConverter

        register_converter(PublicIdConverter, "public_id")
        register_converter(TokenConverter, "token")
