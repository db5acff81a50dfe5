# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """The billing package."""

    name = "billing"
