# SPDX-License-Identifier: Apache-2.0
"""The watcher: hears that a cluster changed and runs the reconciler's own pass over it within a second (ADR 4)."""

import threading
import time
from collections.abc import Callable
from datetime import datetime

import structlog
from django.db import DatabaseError, InterfaceError, connection

from clusters.errors import ClusterUnavailable, RefusedByCluster
from clusters.kube.gateway import Watched
from clusters.models import Cluster
from clusters.services.bells import BackOff, Bell, Pace
from clusters.services.provisioning import gateway_of
from clusters.services.reconcile import reconcile_and_settle

log = structlog.get_logger(__name__)
PACE = Pace()
LEAVE_SECONDS = 1.5
# Another key than the reconciler's: watching a cluster must not keep the sweep from looking at it.
LEAD = "SELECT pg_try_advisory_lock(hashtext('aion.watch'), %s)"


class ClusterWatch(threading.Thread):
    """One cluster's watch with a database connection of its own, while no other process watches it."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        now: Callable[[], datetime],
        quiet: Callable[[], bool],
        pace: Pace = PACE,
    ) -> None:
        """Prepare; nothing happens while ``quiet()`` is true."""
        super().__init__(name=f"watch-{cluster.code}", daemon=True)
        self.cluster, self.now, self.quiet, self.pace = cluster, now, quiet, pace
        self.rung, self.stopped = threading.Event(), threading.Event()
        self.back_off = BackOff(pace)

    def stop(self) -> None:
        """Ask it to end."""
        self.stopped.set()
        self.rung.set()

    def run(self) -> None:
        """Lead and follow the cluster until stopped."""
        while not self.stopped.is_set():
            try:
                pause = self._follow() if self._lead() else self.pace.lead
            except (DatabaseError, InterfaceError) as error:
                log.warning("watcher lost its database", cluster=self.cluster.code, why=type(error).__name__)
                pause = self.back_off.next()
            except Exception:  # a surprise in one cluster must not end the watching of it for good
                log.exception("watcher failed", cluster=self.cluster.code)
                pause = self.back_off.next()
            finally:
                # The lock goes with the connection; one that broke may have lost it already.
                connection.close()
            self.stopped.wait(pause)

    def _lead(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(LEAD, [self.cluster.pk])
            return bool(cursor.fetchone()[0])

    def _follow(self) -> float:
        """Run a pass for every ring. Returns how long to rest, in seconds, once it is stopped."""
        hush, gateway = threading.Event(), gateway_of(self.cluster)
        for kind in Watched:
            Bell(
                gateway=gateway, kind=kind, cluster=self.cluster.code, rung=self.rung, hush=hush, pace=self.pace
            ).start()
        try:
            # What happened before the lock was ours rang somebody else's bell, or nobody's.
            self.rung.set()
            rest_until = 0.0
            while not self.stopped.is_set():
                self.rung.wait()
                self.stopped.wait(max(self.pace.debounce, rest_until - time.monotonic()))
                if self.stopped.is_set():
                    break
                # Cleared before the pass looks: what rings during it is looked at again.
                self.rung.clear()
                began = time.monotonic()
                self._pass()
                rest_until = time.monotonic() + 2 * (time.monotonic() - began)
        finally:
            hush.set()
        return 0.0

    def _pass(self) -> None:
        if self.quiet():
            self.rung.set()
            self.stopped.wait(self.pace.quiet)
            return
        try:
            reconcile_and_settle(cluster=self.cluster, at=self.now())
        except (ClusterUnavailable, RefusedByCluster):
            self.rung.set()
            self.stopped.wait(self.back_off.next())
        else:
            self.back_off.reset()


class Watcher:
    """Watches every connected cluster, those connected later too, but no cluster while a replay drives time."""

    def __init__(self, *, now: Callable[[], datetime], quiet: Callable[[], bool], pace: Pace = PACE) -> None:
        """Prepare; ``quiet()`` tells whether to keep still."""
        self.now, self.quiet, self.pace = now, quiet, pace
        self.watches: dict[tuple[int, str, str, str], ClusterWatch] = {}
        self.discover_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Watch until ``stop`` is set, then leave within two seconds; a pass that takes longer is rolled back."""
        try:
            while not stop.is_set():
                try:
                    self._step()
                except (DatabaseError, InterfaceError) as error:
                    log.warning("watcher lost its database", why=type(error).__name__)
                    connection.close()
                stop.wait(self.pace.quiet)
        finally:
            connection.close()
            self._leave()

    def _step(self) -> None:
        if self.quiet():
            self._keep({})
            self.discover_at = 0.0
        elif time.monotonic() >= self.discover_at:
            found = Cluster.objects.filter(enabled=True).select_related("site")
            # A cluster whose address or credential changed is another one to watch.
            self._keep({(c.pk, c.api_url, c.ca_pem, c.credential_ref): c for c in found})
            self.discover_at = time.monotonic() + self.pace.discover

    def _keep(self, wanted: dict[tuple[int, str, str, str], Cluster]) -> None:
        for key in list(self.watches):
            if key not in wanted:
                self.watches.pop(key).stop()
        for key, cluster in wanted.items():
            if key not in self.watches or not self.watches[key].is_alive():
                watch = ClusterWatch(cluster=cluster, now=self.now, quiet=self.quiet, pace=self.pace)
                self.watches[key] = watch
                watch.start()

    def _leave(self) -> None:
        watches = list(self.watches.values())
        self._keep({})
        deadline = time.monotonic() + LEAVE_SECONDS
        for watch in watches:
            watch.join(max(0.0, deadline - time.monotonic()))
