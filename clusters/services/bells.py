# SPDX-License-Identifier: Apache-2.0
"""Watches that only ring. They know no database: what they hear is looked up by a pass over the whole cluster."""

import random
import threading
import time
from contextlib import closing
from dataclasses import dataclass

import structlog

from clusters.errors import ClusterUnavailable, HistoryExpired, RefusedByCluster
from clusters.kube.gateway import ClusterGateway, Watched

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a watcher waits for what, in seconds.

    ``watch`` is short, since only its end tells a dead connection from a quiet cluster.
    """

    debounce: float = 0.3
    first_pause: float = 0.5
    longest_pause: float = 30.0
    watch: int = 60
    discover: float = 30.0
    lead: float = 5.0
    quiet: float = 1.0


class BackOff:
    """Pauses that double with each failure, each shortened at random so that clusters do not come back in step."""

    def __init__(self, pace: Pace) -> None:
        """Start without failures."""
        self.pace, self.failures = pace, 0

    def next(self) -> float:
        """Count a failure and return the pause after it, in seconds."""
        top = min(self.pace.longest_pause, self.pace.first_pause * 2.0 ** min(self.failures, 16))
        self.failures += 1
        return top * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret

    def reset(self) -> None:
        """Forget failures after a success."""
        self.failures = 0


class Bell(threading.Thread):
    """Sets ``rung`` whenever something of one kind changes in a cluster, or may have changed unheard."""

    def __init__(
        self,
        *,
        gateway: ClusterGateway,
        kind: Watched,
        cluster: str,
        rung: threading.Event,
        hush: threading.Event,
        pace: Pace,
    ) -> None:
        """Prepare; ``hush`` ends it, at the latest when the running watch does."""
        super().__init__(name=f"bell-{cluster}-{kind}", daemon=True)
        self.gateway, self.kind, self.cluster = gateway, kind, cluster
        self.rung, self.hush, self.pace = rung, hush, pace
        self.back_off = BackOff(pace)

    def run(self) -> None:
        """Listen until hushed."""
        while not self.hush.is_set():
            try:
                self._listen()
            except HistoryExpired:
                # Listing again loses no time; a cluster that expires what it has just listed is ill like any other.
                ill, pause = self.back_off.failures > 0, self.back_off.next()
                self.hush.wait(pause if ill else 0.0)
            except (ClusterUnavailable, RefusedByCluster) as error:
                log.warning("watch lost", cluster=self.cluster, kind=self.kind, why=error.detail)
                self.hush.wait(self.back_off.next())
            except Exception:  # a bell that dies of a surprise would leave the cluster to the sweep for good
                log.exception("watch failed", cluster=self.cluster, kind=self.kind)
                self.hush.wait(self.back_off.next())

    def _listen(self) -> None:
        version = self.gateway.version(self.kind)
        # A version from before a fault is never resumed: after a restored etcd it would lie in the future.
        self.rung.set()
        while not self.hush.is_set():
            began, heard = time.monotonic(), False
            with closing(self.gateway.watch(self.kind, since=version, seconds=self.pace.watch)) as changes:
                for change in changes:
                    if self.hush.is_set():
                        return
                    version, heard = change.version or version, True
                    self.back_off.reset()
                    if not change.bookmark:
                        self.rung.set()
            if not heard and time.monotonic() - began < self.pace.watch / 2:
                raise ClusterUnavailable("The watch ended before its time.")
            self.back_off.reset()
