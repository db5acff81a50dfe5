# SPDX-License-Identifier: Apache-2.0
"""What the services of procurement check alike, and the next number of a series."""

from datetime import date, datetime

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from aion.actor import Actor
from aion.errors import Rejected
from aion.figures import plain_euros
from aion.horizon import require_near
from aion.money import MICRO_PER_CENT
from aion.tenancy.legal import registration_number
from aion.tenancy.models import LegalIdentity, RegistrationScheme
from billing.errors import InvalidAmount
from billing.procurement.states import Series

MOST_CENTS = 100_000_000_00
NEXT = """
INSERT INTO procurement_numberseries (series, year, last) VALUES (%s, %s, 1)
ON CONFLICT (series, year) DO UPDATE SET last = procurement_numberseries.last + 1 RETURNING last
"""


def take_number(series: Series, *, at: datetime) -> str:
    """Return the next number. Its row stays locked until the transaction ends, so that a rollback leaves no gap."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT, [series.value, at.year])
        (last,) = cursor.fetchone()
    return f"{series}-{at.year}-{last:05d}"


def wait_for_key(kind: str, organisation_id: int, key: str) -> None:
    """Let only one transaction at a time work on a key: the second finds what the first has made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{kind}:{organisation_id}:{key}"])


def above_limit(cents: int) -> bool:
    """Tell whether so much needs a second member of staff."""
    return cents * MICRO_PER_CENT > settings.FOUR_EYES_LIMIT_MICROCREDITS


def require_amount(cents: int, *, field: str = "amount_cents") -> None:
    """Refuse what is no amount of ours. Raises InvalidAmount."""
    if cents <= 0:
        raise InvalidAmount(_("The amount must be above zero."), field=field)
    if cents > MOST_CENTS:
        raise InvalidAmount(
            _("At most %(most)s euros at once: ask for several.") % {"most": plain_euros(MOST_CENTS)}, field=field
        )


def require_reason(reason: str) -> None:
    """Refuse an act without its reason. Raises Rejected."""
    if not reason.strip():
        raise Rejected(_("Write why: it goes on the record."), field="reason")


def require_person(actor: Actor) -> int:
    """Return the key of the person who acts. Raises Rejected for a machine."""
    if actor.user_id is None:
        raise Rejected(_("Only a person can do this."))
    return actor.user_id


def require_past(day: date, *, at: datetime, field: str) -> None:
    """Refuse a day that has not come, or is long gone. Raises Rejected."""
    require_near(at=at, **{field: day})
    if day > at.date():
        raise Rejected(_("This day lies in the future."), field=field)


def siret_of(number: str, *, organisation_id: int) -> str:
    """Return a SIRET in its stored form; without one, that of the organisation's legal details. Raises Rejected."""
    if not number.strip():
        own = LegalIdentity.objects.filter(
            organisation_id=organisation_id, registration_scheme=RegistrationScheme.SIRET
        ).first()
        return own.registration_number if own is not None else ""
    try:
        return registration_number(country="FR", scheme=RegistrationScheme.SIRET, number=number)
    except Rejected as error:
        raise Rejected(error.detail, field="siret") from error
