# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class TenancyConfig(AppConfig):
    """aion.tenancy."""

    name = "aion.tenancy"
    label = "tenancy"
