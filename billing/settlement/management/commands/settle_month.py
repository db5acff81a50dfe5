# SPDX-License-Identifier: Apache-2.0
"""`manage.py settle_month 2026-05`: write the month's settlements."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aion import clock
from aion.actor import system
from aion.errors import DomainError
from billing.services.statements import month_of
from billing.settlement.services.settling import settle_month


class Command(BaseCommand):
    """Settle one month; started again it goes on where it was stopped."""

    help = "Writes the month's settlement of every operator with an agreed share. Again, it changes nothing."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the month."""
        parser.add_argument("month", help="as 2026-05")

    def handle(self, *_: Any, month: str, **__: Any) -> None:
        """Say what happened; exit 1 with a sentence when the month cannot be settled."""
        try:
            done = settle_month(actor=system("settle_month"), month=month_of(month), at=clock.now())
        except ValueError as error:
            raise CommandError(f"{month} is no month: write it as 2026-05.") from error
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{month} is settled: {done.settled} settlements written now, {done.already} stood already.")
        if done.unagreed:
            self.stdout.write(f"No share is agreed for: {', '.join(done.unagreed)}.")
