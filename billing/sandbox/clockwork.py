# SPDX-License-Identifier: Apache-2.0
"""What happens by itself as time goes by: debits settle, refunds arrive, sessions expire."""

from billing.sandbox import checkout, intents, refunds
from billing.sandbox.world import World, kind_of


def run_due(world: World) -> int:
    """Do everything whose time has come, the earliest first, each for itself, and return how much that was."""
    store = world.store
    with store.lock:
        now = world.now()
        due = [entry for entry in store.newest("_due") if not entry["done"] and entry["at"] <= now]
        for entry in sorted(due, key=lambda one: int(one["at"])):
            with store.transaction():
                settle(world, entry["id"], outcome=entry["outcome"])
        late = [
            one["id"]
            for one in store.newest("checkout.session")
            if one["status"] == "open" and one["expires_at"] <= now
        ]
        for identity in reversed(late):
            with store.transaction():
                checkout.expire(world, world.edit("checkout.session", identity), {})
        return len(due) + len(late)


def settle(world: World, identity: str, *, outcome: str) -> None:
    """Let a bank answer about a debit or a refund. Raises ApiError when it has answered before."""
    if kind_of(identity) == "refund":
        refunds.finish(world, world.edit("refund", identity), outcome=outcome)
        return
    intent = intents.settle(world, world.edit("payment_intent", identity), outcome=outcome)
    checkout.after(world, intent)


def is_due(world: World) -> bool:
    """Tell whether anything is to be done, without a transaction."""
    with world.store.lock:
        now = world.now()
        waiting = (entry["at"] for entry in world.store.newest("_due") if not entry["done"])
        open_ones = (s["expires_at"] for s in world.store.newest("checkout.session") if s["status"] == "open")
        return any(at <= now for at in waiting) or any(at <= now for at in open_ones)
