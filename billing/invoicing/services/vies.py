# SPDX-License-Identifier: Apache-2.0
"""Asking VIES: by a task, never while somebody waits; an answer counts for thirty days."""

from datetime import datetime, timedelta

from django.conf import settings

from aion.tenancy.models import LegalIdentity
from billing.invoicing.models import VatRate, ViesAnswer
from billing.invoicing.queries import rules
from billing.invoicing.services.vat import FRESH, check_number
from billing.invoicing.states import NumberState, Place
from billing.invoicing.vies import Vies
from billing.invoicing.vies.offline import OfflineVies
from billing.invoicing.vies.rest import RestVies

# Asked again before it runs out, so that nobody is charged as a consumer for a day; what is unavailable, each hour.
AHEAD = timedelta(days=2)
AGAIN = timedelta(hours=1)
BATCH = 100


def adapter(*, at: datetime) -> Vies:
    """Return the adapter that the settings choose."""
    if settings.VIES == "offline":
        return OfflineVies()
    seller = rules.seller_on(at.date())
    return RestVies(url=settings.VIES_URL, requester=seller.vat_number if seller else "")


def ask(*, number: str, at: datetime, vies: Vies) -> ViesAnswer:
    """Ask of one number and keep the answer, whatever it is."""
    answer = vies.ask(number)
    return ViesAnswer.objects.create(
        number=number,
        state=answer.state,
        consultation=answer.consultation,
        name=answer.name,
        source=answer.source,
        detail=answer.detail,
        asked_at=at,
    )


def ask_due(*, at: datetime, vies: Vies, limit: int = BATCH) -> int:
    """Ask of every number of another member state whose answer runs out or could not be had; return how many."""
    states = set(VatRate.objects.on(at.date()).filter(place=Place.EU).values_list("territory", flat=True))
    rows = LegalIdentity.objects.filter(country_id__in=states).exclude(vat_number="").order_by("pk")
    asked = 0
    for identity in rows.iterator():
        if asked >= limit:
            break
        if _due(identity, at):
            ask(number=identity.vat_number, at=at, vies=vies)
            asked += 1
    return asked


def ask_one(*, number: str, at: datetime, vies: Vies) -> ViesAnswer | None:
    """Ask of ``number`` unless there is an answer that counts; only of what some organisation has."""
    identity = LegalIdentity.objects.filter(vat_number=number).first() if number[:2].isalpha() else None
    return ask(number=number, at=at, vies=vies) if identity is not None and _due(identity, at) else None


def _due(identity: LegalIdentity, at: datetime) -> bool:
    if number_state(identity) != NumberState.UNKNOWN:
        return False
    last = ViesAnswer.objects.latest_of(identity.vat_number, since=at - FRESH, until=at)
    if last is None:
        return True
    return bool(last.asked_at <= at - (AGAIN if last.state == NumberState.UNAVAILABLE else FRESH - AHEAD))


def number_state(identity: LegalIdentity) -> NumberState:
    """Return what the check digits say of an identity's number."""
    return check_number(country=identity.country_id, number=identity.vat_number)[1]
