# SPDX-License-Identifier: Apache-2.0
"""`manage.py export_focus`: the usage export of one organisation and month into a file."""

import argparse
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aion.actor import system
from aion.tenancy.models import Organisation
from billing import export


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no month: write 2026-05") from None


class Command(BaseCommand):
    """Write the file in pieces; a broken run leaves none behind."""

    help = "Writes the usage export (FOCUS columns) of one organisation and month."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the organisation, the month and the file."""
        parser.add_argument("--organisation", required=True, help="its address (slug) or id")
        parser.add_argument("--month", required=True, type=_month, help="2026-05")
        parser.add_argument("--format", choices=export.FORMATS, default="csv")
        parser.add_argument("--out", required=True, type=Path, help="the file to write")

    def handle(self, *_: Any, organisation: str, month: date, format: str, out: Path, **__: Any) -> None:
        """Exit 1 when there is no such organisation or the file cannot be written."""
        field = "public_id" if organisation.startswith("org_") else "slug"
        found = Organisation.objects.filter(**{field: organisation}).first()
        if found is None:
            raise CommandError(f"There is no organisation {organisation!r}.")
        actor = system("export_focus", organisation_id=found.pk)
        unfinished = out.with_name(f"{out.name}.part")
        written = 0
        try:
            with unfinished.open("wb") as file:
                for piece in export.export_pieces(actor, period=export.month_period(month), form=format):
                    written += file.write(piece)
            unfinished.replace(out)
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        finally:
            unfinished.unlink(missing_ok=True)
        self.stdout.write(f"{out}: {written} bytes.")
