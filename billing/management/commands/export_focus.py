# SPDX-License-Identifier: Apache-2.0
"""`manage.py export_focus`: the usage export of one organisation and month into a file."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aion.actor import system
from aion.tenancy.models import Organisation
from billing import export
from billing.export.focus import check_csv
from billing.services.statements import month_of


class Command(BaseCommand):
    """Write the file in pieces; a broken run leaves none behind."""

    help = "Writes the usage export (FOCUS columns) of one organisation and month."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the organisation, the month and the file."""
        parser.add_argument("--organisation", required=True, help="its address (slug) or id")
        parser.add_argument("--month", required=True, help="as 2026-05")
        parser.add_argument("--format", choices=export.FORMATS, default="csv")
        parser.add_argument("--out", required=True, type=Path, help="the file to write")
        parser.add_argument("--check", action="store_true", help="check the CSV against FOCUS 1.2; exit 1 if it fails")

    def handle(
        self, *_: Any, organisation: str, month: str, format: str, out: Path, check: bool = False, **__: Any
    ) -> None:
        """Exit 1 when there is no such month or organisation, the file cannot be written or does not pass the check."""
        if check and format != "csv":
            raise CommandError("Only CSV is checked.")
        try:
            period = export.month_period(month_of(month))
        except ValueError as error:
            raise CommandError(f"{month} is no month: write it as 2026-05.") from error
        field = "public_id" if organisation.startswith("org_") else "slug"
        found = Organisation.objects.filter(**{field: organisation}).first()
        if found is None:
            raise CommandError(f"There is no organisation {organisation!r}.")
        actor = system("export_focus", organisation_id=found.pk)
        unfinished = out.with_name(f"{out.name}.part")
        written = 0
        try:
            with unfinished.open("wb") as file:
                for piece in export.export_pieces(actor, period=period, form=format):
                    written += file.write(piece)
            unfinished.replace(out)
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        finally:
            unfinished.unlink(missing_ok=True)
        self.stdout.write(f"{out}: {written} bytes.")
        if check:
            with out.open(encoding="utf-8", newline="") as file:
                wrong = check_csv(file)
            if wrong:
                raise CommandError("\n".join(wrong))
            self.stdout.write("It is as FOCUS 1.2 asks for.")
