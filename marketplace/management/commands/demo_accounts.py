# SPDX-License-Identifier: Apache-2.0
"""`manage.py demo_accounts`: start a little work and print who can sign in."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from aion import clock
from aion.actor import system
from aion.errors import DomainError
from aion.tenancy.models import Membership, Organisation, Project, User
from aion.tenancy.roles import NEEDS_SECOND_FACTOR, Role
from clusters import queries as clusters
from marketplace.models import Offer, Order
from marketplace.seed.grants import JUDGES, PROMO_CODE
from marketplace.seed.people import PASSWORD, PEOPLE, STAFF, TOTP_SECRET
from marketplace.seed.procurement import BUYERS
from marketplace.services.orders import Request, place_order

WORK = (
    ("llama-fr-sft", "h100-sxm", 8, 24, "language-models"),
    ("esm-fold-sweep", "mi300x", 4, 12, "language-models"),
    ("cohort-embeddings", "h200-sxm", 2, 8, "health-data"),
)


class Command(BaseCommand):
    """Return to real time, keep a few workloads running and print the accounts."""

    help = "Starts the demo's own workloads where none run, and prints one account per kind of user. Demo only."

    def handle(self, *_: Any, **__: Any) -> None:
        """Print to standard output."""
        if not settings.LOCAL_MAILBOX:
            raise CommandError("demo_accounts prints a known password: it runs in the local demo only.")
        clock.release()
        self._work()
        self._read_access_to_helios()
        say = self.stdout.write
        say("")
        say(f"Sign in at {settings.BASE_URL}/accounts/login/   password of all: {PASSWORD}")
        for person in (*PEOPLE, *JUDGES, *BUYERS):
            factor = "  with TOTP" if person.role in NEEDS_SECOND_FACTOR else ""
            say(f"  {person.kind:<16} {person.email:<24} {person.role} of {person.organisation}{factor}")
        for kind, email, _name in STAFF:
            say(f"  {kind:<16} {email:<24} {settings.BASE_URL}/admin/  with TOTP")
        say(f"  secret of every TOTP (for an authenticator app, or oathtool --totp -b): {TOTP_SECRET}")
        say(f"  promo code for 100 credits, once for each organisation: {PROMO_CODE}")
        say(f"  mailbox of the demo: {settings.BASE_URL}/mailbox/")
        say("  The auditor and the researcher can also read a tenant of the replayed month (switch at the top left).")

    def _work(self) -> None:
        now = clock.now()
        organisation = Organisation.objects.get(slug="atelier-lumen")
        if clusters.active_count(organisation.pk):
            return
        actor = system("demo", organisation_id=organisation.pk)
        for name, sku, gpus, hours, project in WORK:
            request = Request(
                project_id=Project.objects.get(organisation=organisation, slug=project).public_id,
                offer_id=Offer.objects.on_sale().filter(sku__code=sku)[0].public_id,
                name=name,
                image="registry.aion.example/library/pytorch:2.9-cuda13",
                command=("python", "train.py"),
                milli_gpus=gpus * 1000,
                max_seconds=int(timedelta(hours=hours).total_seconds()),
            )
            try:
                place_order(actor=actor, request=request, at=now)
            except DomainError as error:
                self.stderr.write(f"{name} was not launched: {error.detail}")

    def _read_access_to_helios(self) -> None:
        tenant = Order.objects.filter(organisation__slug__startswith="helios-").order_by("pk").first()
        if tenant is None:
            return
        for email in ("anna@audit.example", "marta@climat.example"):
            Membership.objects.get_or_create(
                user=User.objects.get(email=email),
                organisation=tenant.organisation,
                defaults={"role": Role.VIEWER},
            )
