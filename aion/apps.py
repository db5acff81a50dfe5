# SPDX-License-Identifier: Apache-2.0
"""Puts our staff site in the place of Django's; apart from staff.py, which needs the models."""

from django.contrib.admin.apps import AdminConfig


class AionAdminConfig(AdminConfig):
    """The admin application with our site."""

    default_site = "aion.staff.AionAdminSite"

    def ready(self) -> None:
        """Teach the fields of forms what is asked of them all, before the admin looks for its forms."""
        from aion.web.typed import teach

        teach()
        super().ready()
