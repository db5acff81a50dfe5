# SPDX-License-Identifier: Apache-2.0
"""`manage.py close_month 2026-05`: write the month's statements."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aion import clock
from aion.actor import system
from aion.errors import DomainError
from billing.services.statements import close_month, month_of


class Command(BaseCommand):
    """Close one month; started again it goes on where it was stopped."""

    help = "Writes the month's statement of every organisation that used something. Again, it changes nothing."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the month."""
        parser.add_argument("month", help="as 2026-05")

    def handle(self, *_: Any, month: str, **__: Any) -> None:
        """Say what happened; exit 1 with a sentence when the month cannot be closed."""
        try:
            done = close_month(actor=system("close_month"), month=month_of(month), at=clock.now())
        except ValueError as error:
            raise CommandError(f"{month} is no month: write it as 2026-05.") from error
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{month} is closed: {done.closed} statements written now, {done.already} stood already.")
