# SPDX-License-Identifier: Apache-2.0
"""The table of what is served: for each kind its address, parameters, filters and acts. One generic layer reads it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from billing.sandbox import checkout, customers, disputes, intents, money, refunds, setups
from billing.sandbox import params as p
from billing.sandbox.cards import METHOD, make_method
from billing.sandbox.errors import Invalid, NoSuchAddress
from billing.sandbox.store import Object
from billing.sandbox.world import World, kind_of, shown

Make = Callable[[World, p.Params], Object]
Change = Callable[[World, Object, p.Params], Object]


@dataclass(frozen=True)
class Act:
    """Something one does to an object by POST: its parameters and what happens."""

    spec: p.Spec
    run: Change


@dataclass(frozen=True)
class Resource:
    """A kind of object."""

    kind: str
    path: str
    create: p.Spec | None = None
    make: Make | None = None
    update: Act | None = None
    acts: Mapping[str, Act] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)  # parameter: the name of the field it must equal
    listed: bool = True


RESOURCES = (
    Resource(
        "customer",
        "customers",
        create=customers.CREATE,
        make=customers.make_customer,
        update=Act(customers.CREATE, customers.update_customer),
        filters={"email": "email"},
    ),
    Resource(
        "checkout.session",
        "checkout/sessions",
        create=checkout.CREATE,
        make=checkout.make_session,
        acts={"expire": Act({}, checkout.expire)},
        filters={"payment_intent": "payment_intent", "customer": "customer", "status": "status"},
    ),
    Resource(
        "payment_intent",
        "payment_intents",
        create=intents.CREATE,
        make=intents.make_intent,
        update=Act(intents.UPDATE, intents.update_intent),
        acts={
            "confirm": Act(intents.CONFIRM, intents.confirm_intent),
            "cancel": Act(intents.CANCEL, intents.cancel_intent),
        },
        filters={"customer": "customer"},
    ),
    Resource(
        "setup_intent",
        "setup_intents",
        create=setups.CREATE,
        make=setups.make_setup,
        acts={
            "confirm": Act(setups.CONFIRM, setups.confirm_setup),
            "cancel": Act(intents.CANCEL, setups.cancel_setup),
        },
        filters={"customer": "customer", "payment_method": "payment_method"},
    ),
    Resource(
        "payment_method",
        "payment_methods",
        create=METHOD,
        make=make_method,
        update=Act(customers.UPDATE_METHOD, customers.update_method),
        acts={"attach": Act(customers.ATTACH, customers.attach), "detach": Act({}, customers.detach)},
        filters={"customer": "customer", "type": "type", "allow_redisplay": "allow_redisplay"},
    ),
    Resource(
        "billing_portal.session",
        "billing_portal/sessions",
        create=customers.PORTAL,
        make=customers.make_portal,
        listed=False,
    ),
    Resource(
        "charge",
        "charges",
        update=Act({"metadata": p.metadata, "description": p.clearable}, money.write_charge),
        filters={"payment_intent": "payment_intent", "customer": "customer"},
    ),
    Resource(
        "refund",
        "refunds",
        create=refunds.CREATE,
        make=refunds.make_refund,
        update=Act({"metadata": p.metadata}, refunds.update_refund),
        filters={"charge": "charge", "payment_intent": "payment_intent"},
    ),
    Resource(
        "dispute",
        "disputes",
        update=Act(disputes.UPDATE, disputes.answer),
        acts={"close": Act({}, disputes.accept)},
        filters={"charge": "charge", "payment_intent": "payment_intent"},
    ),
    Resource("payout", "payouts", filters={"status": "status"}),
    Resource(
        "balance_transaction",
        "balance_transactions",
        filters={"payout": "_payout", "source": "source", "type": "type", "currency": "currency"},
    ),
    Resource("event", "events", filters={"type": "type"}),
    Resource("mandate", "mandates", listed=False),
)
BY_PATH = {resource.path: resource for resource in RESOURCES}
ROUTE = re.compile(
    r"^/v1/(?P<path>checkout/sessions|billing_portal/sessions|[a-z_]+)(?:/(?P<id>[A-Za-z0-9_]+))?(?:/(?P<act>[a-z_]+))?$"
)
RANGE = {name: p.integer(0, 99_999_999_999) for name in ("gt", "gte", "lt", "lte")}
COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda one, other: one > other,
    "gte": lambda one, other: one >= other,
    "lt": lambda one, other: one < other,
    "lte": lambda one, other: one <= other,
}
EXPAND = {"expand": p.list_of(p.text)}
PAGE: p.Spec = {
    "limit": p.integer(1, 100),
    "starting_after": p.text,
    "ending_before": p.text,
    "created": lambda value, path: (
        p.check(RANGE, value, path)
        if isinstance(value, dict)
        else dict.fromkeys(("gte", "lte"), RANGE["gt"](value, path))
    ),
}


def serve(world: World, method: str, path: str, given: p.Params) -> Object:
    """Answer a request. Raises ApiError."""
    expand = EXPAND["expand"](given.pop("expand", ""), "expand")
    answer = _answer(world, method, path, given)
    if answer.get("object") != "list":
        answer = render(world, answer)
    for wanted in expand:
        _expand(world, answer, wanted.split("."), wanted)
    return answer


def _answer(world: World, method: str, path: str, given: p.Params) -> Object:
    match = ROUTE.match(path)
    resource = BY_PATH.get(match["path"]) if match else None
    if path == "/v1/balance" and method == "GET":
        return money.balance(world)
    if match is not None and resource is not None:
        identity, act = match["id"], match["act"]
        if identity is None:
            if method == "GET" and resource.listed:
                return list_of(world, resource, path, given)
            if method == "POST" and resource.create is not None and resource.make is not None:
                return resource.make(world, p.check(resource.create, given))
        elif act is None:
            if method == "GET":
                p.check({}, given)
                return world.get(resource.kind, identity)
            if method == "POST" and resource.update is not None:
                return _update(world, resource.update, world.edit(resource.kind, identity), given)
        elif method == "POST" and act in resource.acts:
            return _act(world, resource, identity, act, given)
        elif method == "GET":
            return _nested(world, path, resource, (identity, act), given)
    raise NoSuchAddress(f"Unrecognized request URL ({method}: {path}).")


def _update(world: World, act: Act, obj: Object, given: p.Params) -> Object:
    """Change an object; metadata is merged key by key, and an empty value takes its key away."""
    values = p.check(act.spec, given)
    if "metadata" in values:
        merged = obj["metadata"] | values["metadata"] if values["metadata"] else {}
        values["metadata"] = {key: value for key, value in merged.items() if value}
    return act.run(world, obj, values)


def _act(world: World, resource: Resource, identity: str, name: str, given: p.Params) -> Object:
    act = resource.acts[name]
    if resource.kind == "payment_method":
        obj = customers.method_by_id(world, identity)
    else:
        obj = world.edit(resource.kind, identity)
    return act.run(world, obj, p.check(act.spec, given))


def _nested(world: World, path: str, resource: Resource, place: tuple[str, str], given: p.Params) -> Object:
    """Answer the lists that hang below an object."""
    identity, name = place
    if (resource.kind, name) == ("customer", "payment_methods"):
        world.get("customer", identity)
        return list_of(world, BY_PATH["payment_methods"], path, given | {"customer": identity})
    if (resource.kind, name) == ("charge", "refunds"):
        world.get("charge", identity)
        return list_of(world, BY_PATH["refunds"], path, given | {"charge": identity})
    if (resource.kind, name) == ("checkout.session", "line_items"):
        return page(checkout.lines_of(world.get("checkout.session", identity)), path, p.check(PAGE, given))
    raise NoSuchAddress(f"Unrecognized request URL (GET: {path}).")


def list_of(world: World, resource: Resource, path: str, given: p.Params) -> Object:
    """Answer a list, the newest first."""
    spec: dict[str, Any] = {**PAGE, **dict.fromkeys(resource.filters, p.text)}
    if resource.kind == "event":
        spec |= {"types": p.list_of(p.text), "delivery_success": p.boolean}
    values = p.check(spec, given)
    for name in ("starting_after", "ending_before"):
        if name in values:
            world.get(resource.kind, values[name], param=name)
    if resource.kind == "payment_method" and "customer" not in values:
        return page([], path, values)
    for name in ("customer", "payment_intent", "charge", "payout"):
        if name in values and name in resource.filters:
            world.get(name, values[name], param=name)
    found = (obj for obj in world.store.newest(resource.kind) if _wanted(world, resource, obj, values))
    return page(found, path, values, show=lambda obj: render(world, obj))


def _wanted(world: World, resource: Resource, obj: Object, values: p.Params) -> bool:
    for name, own in resource.filters.items():
        if name in values and not _equals(obj[own], values[name]):
            return False
    if "types" in values and not any(_equals(obj["type"], wanted) for wanted in values["types"]):
        return False
    if "delivery_success" in values and (_pending(world, obj) == 0) != values["delivery_success"]:
        return False
    return all(COMPARE[name](obj["created"], bound) for name, bound in values.get("created", {}).items())


def _equals(value: Any, wanted: str) -> bool:
    """Tell whether a field is what a filter says; ``charge.*`` means all types of that group."""
    return value == wanted or (wanted.endswith(".*") and isinstance(value, str) and value.startswith(wanted[:-1]))


def page(found: Any, path: str, values: p.Params, show: Callable[[Object], Object] = shown) -> Object:
    """Return one page of what was found, newest first."""
    limit = values.get("limit", 10)
    if "ending_before" in values:
        before = []
        for obj in found:
            if obj["id"] == values["ending_before"]:
                break
            before.append(obj)
        chosen, more = before[-limit:], len(before) > limit
    else:
        chosen, more, waiting = [], False, values.get("starting_after")
        for obj in found:
            if waiting:
                waiting = None if obj["id"] == waiting else waiting
                continue
            if len(chosen) == limit:
                more = True
                break
            chosen.append(obj)
    return {"object": "list", "data": [show(obj) for obj in chosen], "has_more": more, "url": path}


def _pending(world: World, event: Object) -> int:
    delivery = world.store.get("_delivery", event["id"])
    return int(delivery is not None and delivery["state"] == "pending")


def render(world: World, obj: Object) -> Object:
    """Return an object as an answer shows it."""
    if obj["object"] == "balance_transaction":
        obj = money.render_line(world, obj)
    elif obj["object"] == "event":
        obj = obj | {"pending_webhooks": _pending(world, obj)}
    return shown(obj)


def _expand(world: World, holder: Any, steps: list[str], whole: str) -> None:
    """Put the object in the place of its id, along a path such as ``data.latest_charge``."""
    name, rest = steps[0], steps[1:]
    if isinstance(holder, list):
        for entry in holder:
            _expand(world, entry, steps, whole)
        return
    if not isinstance(holder, dict):
        return
    identity = holder.get("id", "")
    if name == "line_items" and kind_of(identity) == "checkout.session":
        lines = checkout.lines_of(world.get("checkout.session", identity))
        holder[name] = page(lines, f"/v1/checkout/sessions/{identity}/line_items", {"limit": 100})
    elif name == "refunds" and kind_of(identity) == "charge":
        holder[name] = list_of(world, BY_PATH["refunds"], f"/v1/charges/{identity}/refunds", {"charge": identity})
    elif name not in holder:
        raise Invalid(f"This property cannot be expanded ({whole}).", param="expand")
    value = holder[name]
    if isinstance(value, str):
        kind = kind_of(value)
        if not kind:
            raise Invalid(f"This property cannot be expanded ({whole}).", param="expand")
        value = holder[name] = render(world, world.get(kind, value))
    if rest and value is not None:
        _expand(world, value, rest, whole)
