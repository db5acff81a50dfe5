# SPDX-License-Identifier: Apache-2.0
"""`manage.py export_fec --year 2026`: the accounting entries file of a year."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aion import clock
from aion.actor import system
from aion.errors import DomainError
from billing.settlement.services import fec


class Command(BaseCommand):
    """Write the file in pieces; a broken run leaves none behind."""

    help = "Writes the French accounting entries file (FEC) of one year."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the year and the folder."""
        parser.add_argument("--year", required=True, type=int)
        parser.add_argument("--out", type=Path, default=Path(), help="the folder to write to")

    def handle(self, *_: Any, year: int, out: Path, **__: Any) -> None:
        """Exit 1 for a year that has no books, and when the file cannot be written."""
        target = out / fec.file_name(year)
        unfinished = target.with_name(f"{target.name}.part")
        try:
            with unfinished.open("wb") as file:
                for piece in fec.export_fec(actor=system("export_fec"), year=year, at=clock.now()):
                    file.write(piece)
            unfinished.replace(target)
        except DomainError as error:
            raise CommandError(error.detail) from error
        except OSError as error:
            raise CommandError(f"{target} cannot be written: {error.strerror}.") from error
        finally:
            unfinished.unlink(missing_ok=True)
        self.stdout.write(str(target))
