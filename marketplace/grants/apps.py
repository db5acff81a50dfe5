# SPDX-License-Identifier: Apache-2.0
"""The app of grants."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GrantsConfig(AppConfig):
    """Programmes from call to final report."""

    name = "marketplace.grants"
    label = "grants"
    verbose_name = _("Grants")

    def ready(self) -> None:
        """Register the event types, so that every process can tell of them, and what others cannot know of."""
        from billing.programmes import READERS
        from marketplace.grants import event_types  # noqa: F401
        from marketplace.grants.queries.calls import names
        from marketplace.grants.services.erasure import forget_in_teams
        from marketplace.services.erasure import FORGETTERS

        READERS[:] = [names]
        FORGETTERS.append(forget_in_teams)
