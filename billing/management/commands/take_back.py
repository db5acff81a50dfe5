# SPDX-License-Identifier: Apache-2.0
"""`manage.py take_back tr_…`: two members of staff reverse a grant or purchase above the four-eyes limit."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aion import clock
from aion.actor import Actor, Scope, Via
from aion.errors import DomainError
from aion.tenancy.models import User
from billing.services.takebacks import take_back


class Command(BaseCommand):
    """Reverse one transfer on the word of two people, both on the record."""

    help = "Reverses a grant or purchase of any size on the word of two members of staff."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the transfer, the two people and why."""
        parser.add_argument("transfer", help="as tr_…")
        parser.add_argument("--asked-by", required=True, help="e-mail of the member of staff who asks")
        parser.add_argument("--approved-by", required=True, help="e-mail of another one who agrees")
        parser.add_argument("--reason", required=True)

    def handle(self, *_: Any, transfer: str, asked_by: str, approved_by: str, reason: str, **__: Any) -> None:
        """Say what happened; exit 1 with a sentence on a refusal."""
        first, second = (self._staff(email) for email in (asked_by, approved_by))
        if first == second:
            raise CommandError("The two must be different people.")
        actor = Actor(first.pk, None, "staff", frozenset(Scope), Via.COMMAND, first.email)
        try:
            made = take_back(actor=actor, public_id=transfer, reason=reason, second=second.email, at=clock.now())
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{transfer} is reversed by {made.public_id}.")

    def _staff(self, email: str) -> User:
        person = User.objects.filter(email__iexact=email, is_staff=True, is_active=True).first()
        if person is None:
            raise CommandError(f"{email} is no active member of staff.")
        return person
