# SPDX-License-Identifier: Apache-2.0
"""What staff do for people who lost a device or see a stranger in their account: end a session, take a factor away."""

from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from aion.actor import Actor
from aion.audit import services as audit
from aion.events.services.emission import emit
from aion.people import event_types  # noqa: F401 - registers what is emitted here
from aion.people.verified import factors_of
from aion.tenancy.audit import Action
from aion.tenancy.models import Membership, User


@transaction.atomic
def end_session(*, actor: Actor, session: Any, at: datetime, reason: str) -> None:
    """Sign a browser out. What the record keeps is the person, not the address it came from."""
    person = session.user
    session.end()
    audit.record(actor=actor, action=Action.SESSION_ENDED, subject=person, at=at, reason=reason)


@transaction.atomic
def remove_factor(*, actor: Actor, authenticator: Any, at: datetime, reason: str) -> None:
    """Take a second factor away and sign the person out everywhere; the person is told in each organisation.

    Recovery codes go with the last factor: alone they would open the account without one.
    """
    person: User = authenticator.user
    kind = authenticator.type
    authenticator.delete()
    if not factors_of(person).exists():
        Authenticator.objects.filter(user=person).delete()
    for session in UserSession.objects.filter(user=person):
        session.end()
    event = audit.record(
        actor=actor, action=Action.FACTOR_REMOVED, subject=person, at=at, reason=reason, changes={"type": [kind, None]}
    )
    for membership in Membership.objects.filter(user=person).select_related("organisation"):
        emit(
            organisation_id=membership.organisation_id,
            type="organisation.second_factor_removed",
            data={"member": membership.public_id, "organisation": membership.organisation.name},
            key=f"factor:{membership.public_id}:{event.pk}",
            at=at,
            recipient=person.pk,
        )
