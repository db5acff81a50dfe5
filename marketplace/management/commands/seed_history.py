# SPDX-License-Identifier: Apache-2.0
"""`manage.py seed_history`: three weeks of work before today, for charts, statements and timelines."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from marketplace.replay.bar import Bar
from marketplace.replay.site import SiteGone
from marketplace.seed.history import History, HistoryFailed, summary


class Command(BaseCommand):
    """Live through the past three weeks in virtual time; a finished history is left as it is."""

    help = "Runs three weeks of the demo's own work in virtual time and returns to real time. Demo only."

    def handle(self, *_: Any, **__: Any) -> None:
        """Print one line and a progress bar on standard error. Raises CommandError outside of the demo."""
        if not (settings.LOCAL_MAILBOX and settings.VIRTUAL_CLOCK):
            raise CommandError("seed_history moves the clock: it runs in the local demo only.")
        bar = Bar()
        history = History(report=bar.show)
        if history.finished:
            return
        if not history.begun and history.has_other_work:
            self.stderr.write("The start-up has work of its own already: no history is put before it.")
            return
        self.stderr.write(f"Living through the last three weeks of the demo's start-up: {len(history.runs)} workloads.")
        try:
            endings = history.live()
        except (HistoryFailed, SiteGone) as error:
            bar.end()
            self.stderr.write(f"{error} Start the same command again: it goes on where it stopped.")
            sys.exit(1)
        bar.end()
        self.stderr.write(summary(endings))
