# SPDX-License-Identifier: Apache-2.0
"""What is known of an applicant. Every eligibility rule reads it from here, and nowhere else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aion.tenancy.models import LegalIdentity, Organisation
from aion.tenancy.queries import terms_to_accept
from marketplace.grants.eligibility import Facts, Result, check, rules_of
from marketplace.grants.models import Application
from marketplace.grants.queries.awards import overdue_reports
from marketplace.grants.states import ApplicationState


@dataclass(frozen=True, slots=True)
class Known:
    """What other parts of the product keep about an applicant. None is not known yet, and fails the rule that asks."""

    size: str | None = None
    founded_on: date | None = None
    identity_complete: bool | None = None
    vat_valid: bool | None = None
    terms_accepted: bool | None = None
    overdue_reports: int = 0


def _identity(organisation: Organisation, at: datetime) -> Mapping[str, Any]:
    accepted = {"terms_accepted": not terms_to_accept(organisation.pk, at)}
    identity = LegalIdentity.objects.filter(organisation=organisation).first()
    if identity is None:
        return accepted
    # A VAT number is checked before it is stored.
    return {
        **accepted,
        "size": identity.size,
        "founded_on": identity.founded_on,
        "identity_complete": True,
        "vat_valid": bool(identity.vat_number),
    }


def _reports(organisation: Organisation, at: datetime) -> Mapping[str, Any]:
    return {"overdue_reports": overdue_reports(organisation.pk, at)}


# A part that keeps such facts adds its reader: organisation and instant to some of the fields above.
READERS: list[Callable[[Organisation, datetime], Mapping[str, Any]]] = [_identity, _reports]


def known_of(organisation: Organisation, at: datetime) -> Known:
    """Return all that is known of an organisation at ``at``."""
    found: dict[str, Any] = {}
    for reader in READERS:
        found |= reader(organisation, at)
    return Known(**found)


def facts_of(application: Application, at: datetime) -> Facts:
    """Return what the programme's rules are checked on at ``at``; the day is the one in the programme's time zone."""
    organisation = application.organisation
    known = known_of(organisation, at)
    others = (
        Application.objects.filter(organisation=organisation, programme=application.programme_id)
        .exclude(state=ApplicationState.WITHDRAWN)
        .exclude(pk=application.pk)
    )
    return Facts(
        on=at.astimezone(ZoneInfo(application.programme.zone)).date(),
        kind=organisation.kind,
        country=organisation.country_id,
        size=known.size,
        founded_on=known.founded_on,
        identity_complete=known.identity_complete,
        vat_valid=known.vat_valid,
        terms_accepted=known.terms_accepted,
        overdue_reports=known.overdue_reports,
        other_applications=others.count(),
        amount=application.requested_amount,
        attachment_kinds=frozenset(application.attachments.values_list("kind", flat=True)),
        attestations=frozenset(application.attestations),
    )


def eligibility_now(application: Application, at: datetime) -> tuple[Result, ...]:
    """Return how the programme's rules come out for the application at ``at``."""
    return check(rules_of(application.programme.rules), facts_of(application, at))
