# SPDX-License-Identifier: Apache-2.0
"""`manage.py seed_demo`: the consortium, one account per kind of user, the calls, and what lies on desks."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from aion import clock, env
from marketplace.seed.consortium import seed_consortium
from marketplace.seed.desk import seed_desks
from marketplace.seed.grants import seed_grants
from marketplace.seed.people import seed_people
from marketplace.seed.procurement import seed_procurement
from marketplace.seed.purchases import seed_purchases

# Prices and credits must be older than the history that is lived through with them.
KNOWN_FOR = timedelta(days=60)


class Command(BaseCommand):
    """Seed the demo; running it again adds nothing."""

    help = "Makes the consortium, its sites, pools and prices, and one account per kind of user. Demo only."

    def handle(self, *_: Any, **__: Any) -> None:
        """Refuse where mail is real: the accounts have a known password."""
        if not settings.LOCAL_MAILBOX:
            raise CommandError("seed_demo makes accounts with a known password: it runs in the local demo only.")
        # A replay that was interrupted still holds the clock: the demo's people do not live in its time.
        now = clock.machine_now()
        seed_consortium(site_url=env.text("AION_SITE_URL"), at=now - KNOWN_FOR)
        seed_people(since=now - KNOWN_FOR, at=now)
        seed_grants(at=now)
        seed_desks(at=now)
        seed_procurement(at=now)
        seed_purchases(at=now)
        self.stdout.write("The consortium, its people and its calls are there.")
