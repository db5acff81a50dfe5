# SPDX-License-Identifier: Apache-2.0
"""`manage.py watch_clusters`: bring what happens in the clusters to the customers within a second."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from aion import clock
from clusters.services.watching import Watcher


class Command(BaseCommand):
    """Watch every connected cluster until SIGTERM or SIGINT."""

    help = "Watches every connected cluster and reconciles it when something of ours changes there. Runs until stopped."

    def handle(self, *_: Any, **__: Any) -> None:
        """Watch until told to stop; several of these processes share the clusters."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Set from a thread: the wait that the signal interrupts may hold the event's own lock.
            signal.signal(number, lambda *_: threading.Thread(target=stop.set).start())
        Watcher(now=clock.now, quiet=lambda: clock.virtual_now() is not None).run(stop)
