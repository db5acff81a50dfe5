# SPDX-License-Identifier: Apache-2.0
"""Puts our staff site in the place of Django's; apart from staff.py, which needs the models."""

from django.contrib.admin.apps import AdminConfig
from django.db.models.constraints import BaseConstraint
from django.utils.translation import gettext_lazy as _

NOT_TOGETHER = _("These values do not go together, or one of them cannot be.")


class AionAdminConfig(AdminConfig):
    """The admin application with our site."""

    default_site = "aion.staff.AionAdminSite"

    def import_models(self) -> None:
        """Give constraints without words of their own some, before any is made: a constraint's name helps nobody."""
        BaseConstraint.default_violation_error_message = NOT_TOGETHER
        super().import_models()

    def ready(self) -> None:
        """Teach the fields of forms what is asked of them all, before the admin looks for its forms."""
        from aion.web.typed import teach

        teach()
        super().ready()
