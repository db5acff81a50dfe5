# SPDX-License-Identifier: Apache-2.0
"""New versions of law: the one in force ends where the new one begins, and nothing that was written is changed."""

from datetime import date, datetime
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.utils.translation import gettext
from psycopg.types.range import DateRange

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Rejected
from aion.figures import day
from billing.invoicing.audit import Action
from billing.invoicing.errors import LawNotPossible
from billing.invoicing.models import Mention, Seller, VatRate, VatRule

Law = TypeVar("Law", VatRate, VatRule, Mention, Seller)
KEYS: dict[type[Any], str | None] = {VatRate: "territory", VatRule: "code", Mention: "code", Seller: None}


@transaction.atomic
def add_version(
    *, actor: Actor, model: type[Law], begins_on: date, values: dict[str, Any], reason: str, at: datetime
) -> Law:
    """Add the version of a rate, rule, mention or seller that begins on a day to come.

    The open version of the same key ends that day. Raises Rejected without reason or source, LawNotPossible for a day
    that has passed, or where another version contradicts it.
    """
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    if not str(values.get("source", "")).strip():
        raise Rejected(gettext("Say where the law says so."), field="source")
    if begins_on <= at.date():
        raise LawNotPossible(
            gettext("A version begins after today, %(day)s: documents of today follow the one in force.")
            % {"day": day(at.date())},
            field="begins_on",
        )
    key = KEYS[model]
    same = model.objects.filter(**{key: values[key]}) if key else model.objects.all()
    for row in same.select_for_update().filter(valid__endswith=None):
        if row.valid.lower >= begins_on:
            raise LawNotPossible(gettext("A later version is written down already."), field="begins_on")
        row.valid = DateRange(row.valid.lower, begins_on)
        row.save(update_fields=["valid"])
    try:
        with transaction.atomic():
            made: Law = model.objects.create(valid=DateRange(begins_on, None), recorded_by=actor.label, **values)
    except IntegrityError as error:
        raise LawNotPossible(gettext("This contradicts another rule that is in force then.")) from error
    audit.record(actor=actor, action=Action.LAW_ADDED, subject=made, at=at, reason=reason, changes={
        name: str(value) for name, value in values.items()
    })  # fmt: skip
    return made
