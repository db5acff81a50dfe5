# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class ClustersConfig(AppConfig):
    """The clusters package; brings its own rules to the reconciler."""

    name = "clusters"

    def ready(self) -> None:
        """Register the checks that billing cannot know of."""
        from billing import reconcile
        from clusters.checks import CHECKS

        reconcile.EXTRA_CHECKS.update(CHECKS)
