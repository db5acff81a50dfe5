# SPDX-License-Identifier: Apache-2.0
"""Agreeing with an operator on its share: one person proposes, another agrees, and then it stands."""

from datetime import date, datetime

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Rejected
from aion.horizon import require_near
from aion.tenancy.models import Organisation, OrganisationKind
from billing.services.requests import lock_pending, require_second
from billing.settlement.audit import Action
from billing.settlement.errors import ShareNotPossible, SharesOverlap
from billing.settlement.models import SettlementStatement, ShareAgreement
from billing.settlement.states import WHOLE
from billing.states import RequestState


def require_person(actor: Actor) -> int:
    """Return the person behind ``actor``. Raises Rejected where there is none."""
    if actor.user_id is None:
        raise Rejected(gettext("Only a person can decide this."))
    return actor.user_id


def require_reason(reason: str) -> None:
    """Refuse an act without a reason. Raises Rejected."""
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")


@transaction.atomic
def propose_share(
    *,
    actor: Actor,
    organisation: Organisation,
    share_basis_points: int,
    first_month: date,
    end_month: date | None,
    reason: str,
    at: datetime,
) -> ShareAgreement:
    """Propose an operator's share of usage from ``first_month`` on, until ``end_month`` begins or for good.

    Raises ShareNotPossible with the field that is wrong, SharesOverlap, Rejected without a reason or a person.
    """
    person = require_person(actor)
    require_reason(reason)
    require_near(at=at, first_month=first_month, end_month=end_month)
    if organisation.kind != OrganisationKind.MEMBER:
        raise ShareNotPossible(gettext("Only a member of the consortium operates sites."), field="organisation")
    if not 0 <= share_basis_points <= WHOLE:
        raise ShareNotPossible(gettext("A share lies between 0 and 100 %."), field="share")
    for field, day in (("first_month", first_month), ("end_month", end_month)):
        if day is not None and day.day != 1:
            raise ShareNotPossible(gettext("A share begins and ends with a month: choose its first day."), field=field)
    if end_month is not None and end_month <= first_month:
        raise ShareNotPossible(gettext("A share ends after it begins."), field="end_month")
    valid = DateRange(first_month, end_month)
    _require_free(organisation.pk, valid)
    agreement = ShareAgreement.objects.create(
        organisation=organisation,
        share_basis_points=share_basis_points,
        valid=valid,
        reason=reason,
        requested_by_id=person,
        requested_by=actor.label,
        requested_at=at,
    )
    changes = {"share_basis_points": share_basis_points, "from": str(first_month), "until": str(end_month or "")}
    audit.record(
        actor=actor, action=Action.SHARE_PROPOSED, subject=agreement, organisation_id=organisation.pk, at=at,
        reason=reason, changes=changes,
    )  # fmt: skip
    return agreement


@transaction.atomic
def agree_share(*, actor: Actor, public_id: str, at: datetime) -> ShareAgreement:
    """Agree as the second person; an open share that began earlier ends on the day this one begins.

    Raises NotFound when none waits, FourEyesNeeded for who proposed it, SharesOverlap.
    """
    agreement = _locked(public_id)
    require_second(
        actor, agreement.requested_by_id, gettext("You proposed this share: another member of staff must agree.")
    )
    # One at a time for an operator: of two that would overlap, the second then sees the first.
    list(Organisation.objects.select_for_update(no_key=True).filter(pk=agreement.organisation_id))
    open_one = _require_free(agreement.organisation_id, agreement.valid)
    if open_one is not None:
        ShareAgreement.objects.filter(pk=open_one.pk).update(
            valid=DateRange(open_one.valid.lower, agreement.valid.lower)
        )
        audit.record(
            actor=actor, action=Action.SHARE_ENDED, subject=open_one, organisation_id=agreement.organisation_id,
            at=at, reason=agreement.reason, changes={"until": str(agreement.valid.lower)},
        )  # fmt: skip
    _decide(agreement, RequestState.APPROVED, actor, at)
    audit.record(
        actor=actor, action=Action.SHARE_AGREED, subject=agreement, organisation_id=agreement.organisation_id, at=at
    )
    return agreement


@transaction.atomic
def reject_share(*, actor: Actor, public_id: str, reason: str, at: datetime) -> ShareAgreement:
    """Refuse a proposal, or withdraw one's own. Raises NotFound, Rejected without a reason."""
    require_reason(reason)
    agreement = _locked(public_id)
    _decide(agreement, RequestState.REJECTED, actor, at)
    audit.record(
        actor=actor, action=Action.SHARE_REJECTED, subject=agreement, organisation_id=agreement.organisation_id,
        at=at, reason=reason,
    )  # fmt: skip
    return agreement


def _locked(public_id: str) -> ShareAgreement:
    found: ShareAgreement = lock_pending(
        ShareAgreement.objects.select_related("organisation").filter(public_id=public_id),
        missing=gettext("No such share waits for a decision."),
    )
    return found


def _decide(agreement: ShareAgreement, state: RequestState, actor: Actor, at: datetime) -> None:
    agreement.state = state
    agreement.decided_by_id, agreement.decided_by, agreement.decided_at = actor.user_id, actor.label, at
    agreement.save(update_fields=["state", "decided_by_id", "decided_by", "decided_at"])


def _require_free(organisation_id: int, valid: DateRange) -> ShareAgreement | None:
    """Return the open share that this one would end; refuse any other overlap and months that are settled."""
    last = SettlementStatement.objects.live().filter(organisation_id=organisation_id).order_by("-month").first()
    known = ShareAgreement.objects.agreed().filter(organisation_id=organisation_id)
    if last is not None and valid.lower <= last.month and known.exists():
        raise SharesOverlap(
            gettext("%(month)s is settled already: a share begins after it.") % {"month": f"{last.month:%Y-%m}"},
            field="first_month",
        )
    found = list(known.filter(valid__overlap=valid))
    open_one = next((one for one in found if one.valid.upper is None and one.valid.lower < valid.lower), None)
    if any(one is not open_one for one in found):
        raise SharesOverlap(gettext("Another share is agreed for part of this time."), field="first_month")
    return open_one
