# SPDX-License-Identifier: Apache-2.0
"""Drafts: starting one, saving a step of it, taking it back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import Forbidden, NotFound, Rejected
from aion.tenancy.models import Organisation, OrganisationState, User
from marketplace.errors import OrganisationFrozen
from marketplace.grants.audit import Action
from marketplace.grants.errors import AlreadyApplied, CallClosed, StaleRevision, WrongState
from marketplace.grants.estimator import OutOfBounds
from marketplace.grants.models import Application, Programme, WorkItem
from marketplace.grants.queries.calls import CLOSED, UPCOMING, phase
from marketplace.grants.queries.estimates import ItemCost, ItemWish, allowed_offers, cost_of
from marketplace.grants.services.content import ALL_FIELDS, MAX_ITEMS, STEPS, judged, text
from marketplace.grants.services.history import move, note
from marketplace.grants.states import ApplicationState
from marketplace.grants.words import ITEM_WORDS
from marketplace.queries import buyer_of


def require_open(programme: Programme, at: datetime) -> None:
    """Raise CallClosed unless ``programme`` takes applications at ``at``."""
    now = phase(programme, at)
    if now == UPCOMING:
        raise CallClosed(
            gettext("The call has not opened yet: come back then."), opens_at=programme.opens_at.isoformat()
        )
    if now == CLOSED:
        raise CallClosed(
            gettext(
                "The deadline of this call is past. Your draft is kept; look at the list of calls for the next one."
            ),
            closed_at=programme.closes_at.isoformat(),
        )


@transaction.atomic
def start_application(*, actor: Actor, programme: Programme, at: datetime) -> Application:
    """Start a draft for the actor's organisation.

    Raises CallClosed outside the call's dates, AlreadyApplied when the organisation has one, OrganisationFrozen.
    """
    actor.require(Scope.GRANTS_WRITE)
    organisation = Organisation.objects.visible_to(actor).first()
    if organisation is None:
        raise Forbidden(gettext("An application belongs to an organisation; act for one first."))
    if organisation.state != OrganisationState.ACTIVE:
        raise OrganisationFrozen(gettext("Your organisation is not active: it cannot apply. Ask support."))
    require_open(programme, at)
    try:
        with transaction.atomic():
            application = Application.objects.create(
                organisation=organisation,
                programme=programme,
                created_at=at,
                created_by_id=actor.user_id,
                updated_at=at,
                updated_by_id=actor.user_id,
            )
    except IntegrityError as error:
        raise AlreadyApplied(
            gettext("Your organisation has an application to this call: go on with that one.")
        ) from error
    note(actor=actor, application=application, came_from="", to=application.state, reason="", at=at)
    audit.record(actor=actor, action=Action.APPLICATION_STARTED, subject=application, at=at)
    return application


def find(actor: Actor, public_id: str, *, lock: bool = False) -> Application:
    """Return an application of the actor's organisation. Raises NotFound, alike for a stranger's."""
    rows = Application.objects.visible_to(actor)
    # A lock of the row alone: the programme is locked before, where it is locked at all.
    rows = rows.select_for_update(of=("self",)) if lock else rows
    found: Application | None = (
        rows.select_related("programme", "organisation", "project").filter(public_id=public_id).first()
    )
    if found is None:
        raise NotFound(gettext("There is no such application."))
    return found


def draft_of(actor: Actor, public_id: str) -> Application:
    """Return a locked draft. Raises NotFound, WrongState once it was submitted."""
    found = find(actor, public_id, lock=True)
    if found.state != ApplicationState.DRAFT:
        raise WrongState(gettext("It was submitted: its content does not change any more."), state=found.state)
    return found


@transaction.atomic
def save_step(
    *, actor: Actor, public_id: str, step: str, data: Mapping[str, Any], revision: int, at: datetime
) -> Application:
    """Save the fields of one step of a draft; of any step where ``step`` is empty.

    ``revision`` is the one that the person has seen: another one is a StaleRevision. Nothing has to be complete yet.
    Raises Rejected, which names the field, WrongState once submitted, NotFound. Saving goes on after the deadline.
    """
    actor.require(Scope.GRANTS_WRITE)
    application = draft_of(actor, public_id)
    allowed = STEPS[step] if step else ALL_FIELDS
    unknown = sorted(set(data) - allowed)
    if unknown:
        raise Rejected(gettext("There is no %(unknown)s here.") % {"unknown": unknown[0]}, field=unknown[0])
    values = judged(actor, application, data)
    if revision != application.revision:
        # A page that saves by itself may be a moment ahead of its own button: the same content is no conflict.
        if "items" not in data and all(getattr(application, name) == value for name, value in values.items()):
            return application
        raise StaleRevision(
            gettext(
                "The draft was changed by %(name)s since you opened it: reload the page, then enter your changes again."
            )
            % {"name": _who(application.updated_by_id)},
            revision=application.revision,
        )
    for name, value in values.items():
        setattr(application, name, value)
    if "items" in data:
        _write_items(application, _costs(actor, application, data["items"], at))
        values |= dict.fromkeys(("requested_amount", "milli_gpu_hours"))
    application.revision += 1
    application.updated_at = at
    application.updated_by_id = actor.user_id
    application.save(update_fields=[*values, "revision", "updated_at", "updated_by_id"])
    return application


def _who(user_id: int | None) -> str:
    person = User.objects.filter(pk=user_id).first() if user_id else None
    return str(person) if person is not None else gettext("somebody")


def item_wish(value: Any) -> ItemWish:
    """Return a work item as it was asked for. Raises Rejected for what is no work item."""
    numbers = ("gpu_hours", "params", "tokens", "mfu_bp")
    if not isinstance(value, Mapping) or set(value) - {"title", "sku_code", *numbers}:
        raise Rejected(
            gettext("An item has a title, a GPU, and GPU-hours or model size, tokens, utilisation."), field="items"
        )
    for name in numbers:
        one = value.get(name)
        if one is not None and (not isinstance(one, int) or isinstance(one, bool)):
            raise Rejected(gettext("%(name)s is a whole number.") % {"name": ITEM_WORDS[name]}, field="items")
    return ItemWish(
        title=text("items", value.get("title", ""), 120),
        sku_code=text("items", value.get("sku_code", ""), 40),
        **{name: value.get(name) for name in numbers},
    )


def _costs(actor: Actor, application: Application, value: Any, at: datetime) -> list[ItemCost]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MAX_ITEMS:
        raise Rejected(gettext("Write at most %(max_items)s items.") % {"max_items": MAX_ITEMS}, field="items")
    offers = allowed_offers(application.programme, at, buyer_of(actor))
    costs = []
    for position, one in enumerate(value, 1):
        wish = item_wish(one)
        if not wish.title:
            raise Rejected(
                gettext("Item %(position)s: give it a title.") % {"position": position},
                field="items",
                position=position,
                part="title",
            )
        try:
            costs.append(cost_of(wish, offers))
        except OutOfBounds as error:
            raise Rejected(
                gettext("Item %(position)s: %(error)s") % {"position": position, "error": gettext(str(error))},
                field="items",
                position=position,
                part=error.field,
            ) from error
    return costs


def _write_items(application: Application, costs: Sequence[ItemCost]) -> None:
    application.items.all().delete()
    WorkItem.objects.bulk_create(
        WorkItem(
            application=application,
            organisation_id=application.organisation_id,
            position=position,
            title=cost.wish.title,
            sku_code=cost.wish.sku_code,
            gpu_hours=cost.gpu_hours,
            params=cost.wish.params,
            tokens=cost.wish.tokens,
            mfu_bp=cost.wish.mfu_bp,
            flop=cost.flop,
            micro=cost.micro,
            watt_hours=cost.watt_hours,
            g_co2e=cost.g_co2e,
        )
        for position, cost in enumerate(costs, 1)
    )
    application.requested_amount = sum(cost.micro for cost in costs)
    application.milli_gpu_hours = 1000 * sum(cost.gpu_hours for cost in costs)


@transaction.atomic
def withdraw(*, actor: Actor, public_id: str, at: datetime) -> Application:
    """Take an application back before reviewers have it; the organisation may start again while the call is open.

    Raises WrongState once it is in review, NotFound.
    """
    actor.require(Scope.GRANTS_WRITE)
    application = find(actor, public_id, lock=True)
    if application.state == ApplicationState.WITHDRAWN:
        return application
    move(actor=actor, application=application, to=ApplicationState.WITHDRAWN, at=at, updated_at=at)
    audit.record(actor=actor, action=Action.APPLICATION_WITHDRAWN, subject=application, at=at)
    return application
