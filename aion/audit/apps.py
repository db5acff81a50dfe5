# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """aion.audit."""

    name = "aion.audit"
    label = "audit"
