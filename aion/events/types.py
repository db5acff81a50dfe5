# SPDX-License-Identifier: Apache-2.0
"""The registry of event types: what can happen, who hears of it and how it is written. Apps add their own."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from aion import figures
from aion.tenancy.roles import Role

OWNERS = frozenset({Role.OWNER, Role.ADMIN})
SPENDERS = OWNERS | {Role.BILLING}
BUILDERS = OWNERS | {Role.DEVELOPER}


@dataclass(frozen=True, slots=True)
class Family:
    """What a person chooses for: all types whose names begin alike. A quiet one must be asked for."""

    name: str
    title: Any
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class EventType:
    """One thing that can happen. ``text`` is written with the data; ``audience`` are the roles that are told.

    ``link`` is the page below the organisation's that a mail and a notification open, written with the data. A mail
    that is ``essential`` (a decision, a security matter) is sent whatever the person chose.
    """

    name: str
    family: str
    title: Any
    text: Any
    audience: frozenset[str]
    example: Mapping[str, Any] = field(default_factory=dict)
    mail: bool = False
    subscribable: bool = True
    link: str = "notifications/"
    essential: bool = False


FAMILIES: dict[str, Family] = {}
TYPES: dict[str, EventType] = {}


def register_families(*families: Family) -> None:
    """Add families. Raises ValueError for a name that is taken."""
    for family in families:
        if family.name in FAMILIES:
            raise ValueError(f"There is a family {family.name} already.")
        FAMILIES[family.name] = family


def register(*types: EventType) -> None:
    """Add event types. Raises ValueError for a name that is taken and for an unknown family."""
    for one in types:
        if one.name in TYPES:
            raise ValueError(f"There is an event type {one.name} already.")
        if one.family not in FAMILIES:
            raise ValueError(f"There is no family {one.family} for {one.name}.")
        TYPES[one.name] = one


def subscribable() -> list[EventType]:
    """Return the types that an endpoint may choose, by name."""
    return sorted((one for one in TYPES.values() if one.subscribable), key=lambda one: one.name)


def title_of(name: str) -> str:
    """Return a type's title in the present language; its name where an old row's type is gone."""
    return str(TYPES[name].title) if name in TYPES else name


def sentence(name: str, data: Mapping[str, Any]) -> str:
    """Return what happened as a sentence in the present language; a missing value is a dash, never an error."""
    if name not in TYPES:
        return name
    values: dict[str, str] = defaultdict(lambda: "–", _shown(data.items()))
    return str(TYPES[name].text) % values


def link_of(name: str, data: Mapping[str, Any]) -> str:
    """Return the page of an event, relative to its organisation's; the list of notifications where there is none."""
    known = TYPES.get(name)
    try:
        return str(known.link % data) if known else "notifications/"
    except KeyError:
        return "notifications/"


def _shown(items: Iterable[tuple[str, Any]]) -> dict[str, str]:
    shown: dict[str, str] = {}
    for key, value in items:
        if value is None or isinstance(value, (dict, list)):
            continue
        shown[key] = _words(key, value)
        if key.endswith("_microcredits") and isinstance(value, int):
            shown[key.removesuffix("_microcredits") + "_credits"] = figures.credits(value)
    return shown


def _words(key: str, value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return figures.number(Decimal(str(value)).normalize() if isinstance(value, float) else value)
    if isinstance(value, str) and key.endswith(("_at", "_on", "until")):
        return _date(value)
    if key == "state" and isinstance(value, str):
        # States are words of the catalogue already: the portal writes them in its tables.
        return gettext(value.replace("_", " ").capitalize())
    return str(Role(value).label) if key == "role" and value in Role else str(value)


def _date(value: str) -> str:
    """Write the day or the instant that ``value`` spells; as it stands where it spells neither."""
    try:
        return figures.day(date.fromisoformat(value))
    except ValueError:
        pass
    try:
        return figures.instant(datetime.fromisoformat(value))
    except ValueError:
        return value


register_families(
    Family("budget", _("Budgets and spend caps")),
    Family("workload", _("Workloads"), quiet=True),
    Family("credit", _("Credits")),
    Family("invoice", _("Invoices")),
    Family("webhook", _("Webhooks")),
    Family("quota", _("Quotas")),
)
_BUDGET = {
    "budget": "bud_5n8x2k4qw7m1v9ya",
    "name": "Research",
    "threshold_percent": 80,
    "spent_microcredits": 800_000_000,
    "limit_microcredits": 1_000_000_000,
    "period_ends_at": "2026-04-01T00:00:00Z",
}
_WORKLOAD = {"workload": "wl_8h2k4qw7m1v9ya5n", "name": "train-1", "state": "running", "reason": "", "milli_gpus": 8000}
_LOT = {
    "lot": "lot_7m1v9ya5n8x2k4qw",
    "label": "AI grant 2026",
    "origin": "grant",
    "amount_microcredits": 1_000_000_000,
    "expires_at": "2026-12-31T00:00:00Z",
}
register(
    EventType(
        "budget.threshold_reached",
        "budget",
        _("A budget reached a threshold"),
        _("%(name)s has used %(threshold_percent)s %% of its budget: %(spent_credits)s of %(limit_credits)s credits."),
        BUILDERS | SPENDERS,
        _BUDGET,
        mail=True,
    ),
    EventType(
        "budget.exceeded",
        "budget",
        _("A budget is used up"),
        _("%(name)s has used its budget of %(limit_credits)s credits: nothing new starts on it."),
        BUILDERS | SPENDERS,
        {**_BUDGET, "threshold_percent": 100, "spent_microcredits": 1_000_000_000},
        mail=True,
    ),
    EventType(
        "workload.running",
        "workload",
        _("A workload runs"),
        _("%(name)s is running."),
        BUILDERS,
        _WORKLOAD,
    ),
    EventType(
        "workload.preempted",
        "workload",
        _("A workload lost its place"),
        _("%(name)s was preempted by work on demand: it ends within two minutes, and starts again when there is room."),
        BUILDERS,
        {**_WORKLOAD, "state": "preempted", "reason": "preempted"},
        mail=True,
    ),
    EventType(
        "workload.ended",
        "workload",
        _("A workload ended"),
        _("%(name)s has ended: %(state)s."),
        BUILDERS,
        {**_WORKLOAD, "state": "failed", "reason": "exited_with_error"},
        mail=True,
    ),
    EventType(
        "credit.lot_issued",
        "credit",
        _("Credits were added"),
        _("%(amount_credits)s credits were added to your balance: %(label)s."),
        SPENDERS,
        _LOT,
        mail=True,
    ),
    EventType(
        "credit.lot_expiring",
        "credit",
        _("Credits expire soon"),
        _("%(remaining_credits)s credits of %(label)s expire on %(expires_at)s UTC."),
        SPENDERS,
        {**_LOT, "remaining_microcredits": 250_000_000},
        mail=True,
    ),
    EventType(
        "credit.lot_expired",
        "credit",
        _("Credits expired"),
        _("%(expired_credits)s credits of %(label)s have expired."),
        SPENDERS,
        {**_LOT, "expired_microcredits": 250_000_000},
    ),
    EventType(
        "credit.low",
        "credit",
        _("Credit runs low"),
        _("%(available_credits)s credits are left."),
        BUILDERS | SPENDERS,
        {"available_microcredits": 40_000_000, "runs_out_at": "2026-03-09T14:00:00Z"},
        mail=True,
    ),
    EventType(
        "invoice.issued",
        "invoice",
        _("An invoice was issued"),
        _("Invoice %(number)s over %(amount_credits)s euros was issued."),
        frozenset({Role.OWNER, Role.BILLING}),
        {"invoice": "doc_2k4qw7m1v9ya5n8x", "number": "AION-2026-000123", "amount_microcredits": 124_500_000},
        mail=True,
        link="invoices/%(invoice)s/",
    ),
    EventType(
        "webhook.disabled",
        "webhook",
        _("A webhook was switched off"),
        _("We no longer call %(url)s: %(reason)s"),
        OWNERS,
        {
            "endpoint": "whe_9ya5n8x2k4qw7m1v",
            "url": "https://hooks.example/aion",
            "reason": "The receiver answered 410 Gone.",
        },
        mail=True,
    ),
    EventType(
        "webhook.test",
        "webhook",
        _("A test"),
        _("A test of %(endpoint)s."),
        frozenset(),
        {"endpoint": "whe_9ya5n8x2k4qw7m1v"},
        subscribable=False,
    ),
)
