# SPDX-License-Identifier: Apache-2.0
"""What every resource uses: the clock, new ids, look-ups that refuse, and events."""

import copy
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.sandbox.errors import Missing
from billing.sandbox.store import Object, Store

API_VERSION = "2026-10-28.endive"
ALPHABET = string.ascii_letters + string.digits
PREFIXES = {
    "customer": "cus_",
    "checkout.session": "cs_test_",
    "payment_intent": "pi_",
    "setup_intent": "seti_",
    "payment_method": "pm_",
    "mandate": "mandate_",
    "charge": "ch_",
    "balance_transaction": "txn_",
    "refund": "re_",
    "dispute": "du_",
    "payout": "po_",
    "event": "evt_",
    "billing_portal.session": "bps_",
}
LACKS = {"balance_transaction": {"livemode"}, "refund": {"livemode"}, "mandate": {"created"}}
KINDS = {prefix: kind for kind, prefix in PREFIXES.items()} | {"py_": "charge"}


def kind_of(identity: str) -> str:
    """Return the kind of an object by its id, or nothing."""
    return next((kind for prefix, kind in KINDS.items() if identity.startswith(prefix)), "")


@dataclass(frozen=True)
class Request:
    """Who asked, as an event tells it."""

    id: str | None = None
    idempotency_key: str | None = None


class World:
    """The processor's account: its store, its clock and the address of its own pages."""

    def __init__(self, store: Store, base_url: str) -> None:
        """Serve ``store`` at ``base_url``."""
        self.store, self.base_url = store, base_url
        self.request = Request()

    def now(self) -> int:
        """Return the sandbox's time in seconds: the machine's, moved forward by the control."""
        return int(time.time()) + int(self.store.value("clock_offset", 0))

    def new_id(self, kind: str, prefix: str = "") -> str:
        """Return an id that nobody can guess."""
        return (prefix or PREFIXES[kind]) + "".join(secrets.choice(ALPHABET) for _ in range(24))

    def add(self, kind: str, fields: Mapping[str, Any], *, prefix: str = "") -> Object:
        """Make an object with its id, its name and its time."""
        base: Object = {"id": self.new_id(kind, prefix), "object": kind, "created": self.now(), "livemode": False}
        return self.store.add(
            kind, {name: base[name] for name in base if name not in LACKS.get(kind, ())} | dict(fields)
        )

    def get(self, kind: str, identity: str, *, param: str = "id") -> Object:
        """Return an object to read. Raises Missing."""
        obj = self.store.get(kind, identity)
        if obj is None:
            raise Missing(kind, identity, param=param)
        return obj

    def edit(self, kind: str, identity: str, *, param: str = "id") -> Object:
        """Return an object to change. Raises Missing."""
        self.get(kind, identity, param=param)
        return self.store.edit(kind, identity)

    def emit(self, name: str, obj: Object) -> Object:
        """Record that something happened to ``obj``, as it stands now, with the delivery that tells the product."""
        event = self.add(
            "event",
            {
                "api_version": API_VERSION,
                "data": {"object": copy.deepcopy(shown(obj))},
                "pending_webhooks": 1,
                "request": {"id": self.request.id, "idempotency_key": self.request.idempotency_key},
                "type": name,
            },
        )
        self.store.add("_delivery", {"id": event["id"], "type": name, "state": "pending", "copies": 0, "attempts": []})
        return event


def shown(obj: Object) -> Object:
    """Return what an answer shows of an object: names that begin with an underscore are the sandbox's own."""
    return {name: value for name, value in obj.items() if not name.startswith("_")}
