# SPDX-License-Identifier: Apache-2.0
"""The app of grants."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GrantsConfig(AppConfig):
    """Programmes from call to final report."""

    name = "marketplace.grants"
    label = "grants"
    verbose_name = _("Grants")
