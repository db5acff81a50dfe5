# SPDX-License-Identifier: Apache-2.0
"""The sandbox's own controls, JSON under ``/_sandbox/``: what in the real world time, banks, payers and bad luck do."""

import re
from collections.abc import Callable
from typing import Any

from billing.sandbox import checkout, clockwork, disputes, money
from billing.sandbox.acts import authenticate
from billing.sandbox.cards import BY_NAME
from billing.sandbox.delivery import HEALTHY, Deliverer
from billing.sandbox.errors import Invalid, NoSuchAddress
from billing.sandbox.resources import render
from billing.sandbox.store import Object
from billing.sandbox.world import World, kind_of

Body = dict[str, Any]
FAULT: Body = {"path": "", "method": "", "times": 1, "fault": "error", "effect": False, "status": 500, "seconds": 30.0}


class Control:
    """Answers the controls."""

    def __init__(self, world: World, deliverer: Deliverer) -> None:
        """Control ``world`` and its webhooks."""
        self.world, self.deliverer = world, deliverer
        self.answers: dict[str, Callable[[Body], Any]] = {
            "clock": self.clock,
            "webhooks": self.webhooks,
            "deliveries": self.deliveries,
            "deliveries/again": self.again,
            "deliveries/hurry": self.hurry,
            "deliveries/wait": self.wait,
            "faults": self.faults,
            "settle": lambda body: self.settle(body, "succeed"),
            "fail": lambda body: self.settle(body, "fail"),
            "pay": self.pay,
            "authenticate": self.authenticate,
            "disputes/open": self.open_dispute,
            "disputes/win": lambda body: self.close_dispute(body, won=True),
            "disputes/lose": lambda body: self.close_dispute(body, won=False),
            "payouts": self.pay_out,
        }

    def answer(self, path: str, body: Body) -> Any:
        """Do what a path under ``/_sandbox/`` says. Raises ApiError."""
        name = path.removeprefix("/_sandbox/").strip("/")
        if name not in self.answers:
            raise NoSuchAddress(f"No such control: {name}. There are {', '.join(sorted(self.answers))}.")
        try:
            return self.answers[name](body)
        except KeyError as error:
            raise Invalid(f"Missing: {error}") from error

    def clock(self, body: Body) -> Body:
        """Tell the time; ``advance`` moves it forward by seconds, and what falls due happens."""
        seconds = body.get("advance", 0)
        if not isinstance(seconds, int) or seconds < 0:
            raise Invalid("The clock advances by a whole number of seconds and never goes back.", param="advance")
        store, done = self.world.store, 0
        if seconds:
            with store.transaction():
                store.set_value("clock_offset", store.value("clock_offset", 0) + seconds)
            done = clockwork.run_due(self.world)
        return {"now": self.world.now(), "offset": store.value("clock_offset", 0), "done": done}

    def webhooks(self, body: Body) -> Body:
        """Set what goes wrong with deliveries; a ``reset`` first makes all well."""
        unknown = set(body) - set(HEALTHY) - {"reset"}
        if unknown:
            raise Invalid(f"Unknown: {', '.join(sorted(unknown))}. There are {', '.join(HEALTHY)}.")
        store = self.world.store
        with store.transaction():
            before = HEALTHY if body.pop("reset", False) else self.deliverer.faults()
            for name, value in body.items():
                if not isinstance(value, (int, float)) or value < (name == "reorder"):
                    raise Invalid(f"{name} must be a number like {HEALTHY[name]!r}.", param=name)
            store.set_value("webhook_faults", before | body)
        self.deliverer.changed_faults(list(body))
        return self.deliverer.faults()

    def deliveries(self, body: Body) -> Body:
        """List the deliveries, the newest first, each with its attempts; ``state`` and ``type`` filter them."""
        with self.world.store.lock:
            found = [
                one
                for one in self.world.store.newest("_delivery")
                if body.get("state", one["state"]) == one["state"] and body.get("type", one["type"]) == one["type"]
            ]
        return {"deliveries": found[: int(body.get("limit", 1_000))], "total": len(found)}

    def again(self, body: Body) -> Body:
        """Deliver an event once more."""
        self.world.get("event", body["event"], param="event")
        self.deliverer.again(body["event"])
        return {"event": body["event"]}

    def hurry(self, body: Body) -> Body:
        """Try at once what waits for a retry, a delay or company."""
        self.deliverer.hurry()
        return {}

    def wait(self, body: Body) -> Body:
        """Wait until nothing is left to deliver; ``left`` says how much is after ``seconds``."""
        return {"left": self.deliverer.wait(float(body.get("seconds", 10)))}

    def faults(self, body: Body) -> Body:
        """Let the next ``times`` calls whose path matches go wrong; an empty body lists, ``reset`` clears."""
        store = self.world.store
        with store.transaction():
            faults = [] if body.get("reset") else store.value("api_faults", [])
            if "path" in body:
                fault = FAULT | body
                if set(fault) != set(FAULT) or fault["fault"] not in {"error", "hang", "cut"}:
                    raise Invalid(f"A fault has {', '.join(FAULT)}; it is an error, a hang or a cut.")
                try:
                    re.compile(fault["path"])
                except re.error as error:
                    raise Invalid(f"path is no regular expression: {error}", param="path") from error
                faults.append(fault)
            store.set_value("api_faults", faults)
        return {"faults": faults}

    def settle(self, body: Body, outcome: str) -> Object:
        """Let the bank answer about a debit (``pi_…``) or a refund (``re_…``) now."""
        with self.world.store.transaction():
            clockwork.settle(self.world, body["id"], outcome=outcome)
            return self._show(body["id"])

    def pay(self, body: Body) -> Object:
        """Do on a session's page what a payer does, without a browser: ``card`` by its name, or ``iban``."""
        data: Body = {"type": "card", "card": {"token": f"tok_{body.get('card', 'visa')}"}}
        if "iban" in body:
            data = {"type": "sepa_debit", "sepa_debit": {"iban": body["iban"]}}
        elif body.get("card", "visa") not in BY_NAME:
            raise Invalid(f"There is no such card; there are {', '.join(BY_NAME)}.", param="card")
        data["billing_details"] = {"name": "Test Payer", "email": body.get("email")}
        with self.world.store.transaction():
            session = self.world.edit("checkout.session", body["session"], param="session")
            checkout.pay(self.world, session, data)
            return self._show(body["session"])

    def authenticate(self, body: Body) -> Object:
        """Do on the issuer's page what the holder does: pass, or fail with ``passed`` false."""
        with self.world.store.transaction():
            authenticate(self.world, body["id"], passed=bool(body.get("passed", True)))
            return self._show(body["id"])

    def open_dispute(self, body: Body) -> Object:
        """Let the payer dispute a charge."""
        with self.world.store.transaction():
            charge = self.world.edit("charge", body["charge"], param="charge")
            reason = body.get("reason", "fraudulent")
            dispute = disputes.open_dispute(self.world, charge, amount=body.get("amount"), reason=reason)
            return self._show(dispute["id"])

    def close_dispute(self, body: Body, *, won: bool) -> Object:
        """Let the bank decide a dispute."""
        with self.world.store.transaction():
            dispute = self.world.edit("dispute", body["dispute"], param="dispute")
            disputes.close_dispute(self.world, dispute, won=won)
            return self._show(dispute["id"])

    def pay_out(self, body: Body) -> Object:
        """Send everything available to the bank; with ``pending`` also what is not yet."""
        with self.world.store.transaction():
            return self._show(money.pay_out(self.world, pending_too=bool(body.get("pending")))["id"])

    def _show(self, identity: str) -> Object:
        return render(self.world, self.world.get(kind_of(identity), identity))
