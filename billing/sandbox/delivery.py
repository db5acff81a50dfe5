# SPDX-License-Identifier: Apache-2.0
"""Webhooks: each event is posted, signed, to one address until that answers 2xx; in no promised order."""

import hashlib
import heapq
import hmac
import http.client
import json
import random
import threading
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from billing.sandbox.store import Object, Store
from billing.sandbox.world import shown

HANDS = 6
TIME_OUT = 10.0
STALE = 600  # seconds; receivers accept five minutes
HEALTHY: dict[str, Any] = {
    "drop": 0,
    "duplicate": 0,
    "copies": 1,
    "bad_signature": 0,
    "stale": 0,
    "delay": 0.0,
    "reorder": 1,
    "paused": False,
    "retry_seconds": 0.5,
    "retry_most": 60.0,
    "seed": 0,
}


def signature(payload: bytes, secret: str, at: int) -> str:
    """Return the header that proves who sent ``payload`` at ``at``."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class Deliverer:
    """Posts what waits, from threads of its own; its queue is rebuilt from the store after a kill."""

    def __init__(self, store: Store, url: str, secret: str) -> None:
        """Deliver the events of ``store`` to ``url``; without one they wait for ever."""
        self.store, self.url, self.secret = store, url, secret
        self.changed = threading.Condition()
        self.queue: list[tuple[float, float, str]] = []  # due, a random tie-break, event
        self.held: list[str] = []
        self.busy = 0
        self.stopped = False
        self.known: set[str] = set()
        self.dice = random.Random()
        store.after_commit.append(self.look)
        self.look()
        for number in range(HANDS if url else 0):
            threading.Thread(target=self._work, name=f"webhooks-{number}", daemon=True).start()

    def faults(self) -> dict[str, Any]:
        """Return what goes wrong on purpose."""
        return HEALTHY | dict(self.store.value("webhook_faults", {}))

    def look(self) -> None:
        """Queue the deliveries that are new in the store."""
        with self.store.lock:
            deliveries = self.store.objects.get("_delivery", {})
            if len(deliveries) == len(self.known):
                return
            fresh = []
            for identity in reversed(deliveries):
                if identity in self.known:
                    break
                fresh.append(identity)
            self.known.update(fresh)
            pending = [one for one in reversed(fresh) if deliveries[one]["state"] == "pending"]
            faults = self.faults()
        with self.changed:
            self.held += pending
            if len(self.held) >= faults["reorder"]:
                self._release(faults)
            self.changed.notify_all()

    def _release(self, faults: dict[str, Any]) -> None:
        """Let go of what was held back, in another order where that is wanted."""
        if faults["reorder"] > 1:
            self.dice.shuffle(self.held)
        now = time.monotonic() + faults["delay"]
        for place, identity in enumerate(self.held):
            heapq.heappush(self.queue, (now + place * 1e-6, self.dice.random(), identity))
        self.held.clear()

    def again(self, identity: str) -> None:
        """Deliver an event once more, delivered or not."""
        with self.changed:
            heapq.heappush(self.queue, (time.monotonic(), self.dice.random(), identity))
            self.changed.notify_all()

    def hurry(self) -> None:
        """Try everything that waits at once: back-off, delays and held-back ones."""
        with self.changed:
            self._release(self.faults() | {"delay": 0.0})
            self.queue = [(0.0, self.dice.random(), identity) for _, _, identity in self.queue]
            heapq.heapify(self.queue)
            self.changed.notify_all()

    def wait(self, seconds: float) -> int:
        """Wait until nothing is left to deliver, and return how many are."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while (self.queue or self.held or self.busy) and time.monotonic() < deadline:
                self.changed.wait(max(0.0, deadline - time.monotonic()))
            return len(self.queue) + len(self.held) + self.busy

    def changed_faults(self, names: Iterable[str]) -> None:
        """Notice that faults were set: sleepers look again, a smaller window lets go, a seed starts the dice anew."""
        faults = self.faults()
        with self.changed:
            if "seed" in names:
                self.dice = random.Random(faults["seed"])
            if len(self.held) >= faults["reorder"]:
                self._release(faults)
            self.changed.notify_all()

    def stop(self) -> None:
        """End the threads."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()

    def _work(self) -> None:
        while True:
            with self.changed:
                while not self.stopped and (not self.queue or self._pause() > 0):
                    self.changed.wait(self._pause() if self.queue else None)
                if self.stopped:
                    return
                _, _, identity = heapq.heappop(self.queue)
                self.busy += 1
            try:
                self._deliver(identity)
            finally:
                with self.changed:
                    self.busy -= 1
                    self.changed.notify_all()

    def _pause(self) -> float:
        if self.faults()["paused"]:
            return 3_600.0
        return self.queue[0][0] - time.monotonic()

    def _take(self, *names: str) -> dict[str, bool]:
        """Use up one of each counted fault that is set."""
        taken = {}
        with self.store.transaction():
            faults = self.faults()
            for name in names:
                taken[name] = faults[name] > 0
                if taken[name]:
                    faults[name] -= 1
            if any(taken.values()):
                self.store.set_value("webhook_faults", faults)
        return taken

    def _deliver(self, identity: str) -> None:
        with self.store.lock:
            payload = json.dumps(shown(self.store.objects["event"][identity]), indent=2).encode()
        if self._take("drop")["drop"]:
            self._note(identity, {"outcome": "dropped"}, state="dropped")
            return
        taken = self._take("duplicate", "bad_signature", "stale")
        for _ in range(1 + (self.faults()["copies"] if taken["duplicate"] else 0)):
            status, error = self._post(payload, forged=taken["bad_signature"], stale=taken["stale"])
            delivered = 200 <= status < 300
            attempt: Object = {"outcome": "delivered" if delivered else "refused", "status": status, "error": error}
            attempt |= {name: True for name in ("bad_signature", "stale") if taken[name]}
            tries = self._note(identity, attempt, state="delivered" if delivered else "")
        if not delivered:
            faults = self.faults()
            pause = min(faults["retry_most"], faults["retry_seconds"] * 2 ** min(tries - 1, 20))
            with self.changed:
                heapq.heappush(self.queue, (time.monotonic() + pause, self.dice.random(), identity))

    def _note(self, identity: str, attempt: Object, *, state: str) -> int:
        with self.store.transaction():
            delivery = self.store.edit("_delivery", identity)
            delivery["attempts"].append(attempt | {"at": time.time()})
            delivery["state"] = state or delivery["state"]
            return len(delivery["attempts"])

    def _post(self, payload: bytes, *, forged: bool, stale: bool) -> tuple[int, str]:
        """Post once. http.client, not urllib: no proxy of the environment stands between two of this machine."""
        parts = urlsplit(self.url)
        secret = "whsec_somebody_else" if forged else self.secret
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(payload, secret, int(time.time()) - (STALE if stale else 0)),
        }
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIME_OUT)
        try:
            connection.request("POST", parts.path or "/", payload, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, ""
        except (OSError, http.client.HTTPException) as error:
            return 0, f"{type(error).__name__}: {error}"
        finally:
            connection.close()
