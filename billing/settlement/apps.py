# SPDX-License-Identifier: Apache-2.0
"""The app of settlement."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SettlementConfig(AppConfig):
    """What the consortium owes the operators whose GPUs were used."""

    name = "billing.settlement"
    label = "settlement"
    verbose_name = _("Settlement")

    def ready(self) -> None:
        """Register the event types and the rules that the reconciler proves."""
        from billing import reconcile
        from billing.settlement import event_types  # noqa: F401
        from billing.settlement.checks import CHECKS

        reconcile.EXTRA_CHECKS.update(CHECKS)
