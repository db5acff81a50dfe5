# SPDX-License-Identifier: Apache-2.0
"""`manage.py drop_usage_month 2026-05 --yes`: drop the usage records of a closed month."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aion.errors import DomainError
from billing.services.partitions import drop_month
from billing.services.statements import month_of


class Command(BaseCommand):
    """Drop one month's records: the oldest, closed and proved first."""

    help = "Drops the usage records of the oldest closed month for good. Statements, roll-ups and intervals stay."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the month and the consent."""
        parser.add_argument("month", help="as 2026-05")
        parser.add_argument("--yes", action="store_true", help="drop them: it cannot be undone")

    def handle(self, *_: Any, month: str, yes: bool, **__: Any) -> None:
        """Say what happened; exit 1 with a sentence when the month must stay."""
        if not yes:
            raise CommandError(
                f"Nothing was dropped. The records of {month} would be gone for good: repeat with --yes."
            )
        try:
            drop_month(month=month_of(month))
        except ValueError as error:
            raise CommandError(f"{month} is no month: write it as 2026-05.") from error
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"The usage records of {month} are dropped; statements and roll-ups stay.")
