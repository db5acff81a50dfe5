# SPDX-License-Identifier: Apache-2.0
"""Django application."""

from django.apps import AppConfig


class ClustersConfig(AppConfig):
    """The clusters package; brings its own rules to the reconciler and its sites to billing."""

    name = "clusters"

    def ready(self) -> None:
        """Register what billing cannot know of."""
        from billing import reconcile
        from billing.places import READERS
        from clusters.checks import CHECKS
        from clusters.queries import places

        reconcile.EXTRA_CHECKS.update(CHECKS)
        READERS[:] = [places]
