# SPDX-License-Identifier: Apache-2.0
"""`manage.py expire_lots`: post what is left on lots whose grace is over."""

from typing import Any

from django.core.management.base import BaseCommand

from aion import clock
from billing.services.expiry import expire_lots


class Command(BaseCommand):
    """Expire what is due; the worker does the same each quarter of an hour."""

    help = "Moves what is left on lots that expired more than 72 hours ago to breakage. Again, it changes nothing."

    def handle(self, *_: Any, **__: Any) -> None:
        """Say how many."""
        count = expire_lots(at=clock.now())
        self.stdout.write(f"{count} lots expired." if count != 1 else "1 lot expired.")
