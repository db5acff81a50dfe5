# SPDX-License-Identifier: Apache-2.0
"""Who reviews for a programme: appointed by staff, until the appointment is ended."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Rejected
from aion.events.services.emission import emit
from aion.tenancy.models import Membership, User
from aion.tenancy.roles import Role
from marketplace.grants.audit import Action
from marketplace.grants.errors import ReviewerNotPossible, WrongState
from marketplace.grants.models import Appointment, Programme, ReviewAssignment
from marketplace.grants.services.programmes import programme_told
from marketplace.grants.states import ProgrammeState, ReviewState

BEFORE_THE_PANEL = (ProgrammeState.DRAFT, ProgrammeState.OPEN, ProgrammeState.REVIEW)


@transaction.atomic
def appoint(*, actor: Actor, programme: Programme, reviewer: User, at: datetime) -> Appointment:
    """Let a reviewer of the organisation that runs ``programme`` review for it, and tell that person.

    Raises ReviewerNotPossible for who is no reviewer there or is appointed already, WrongState once the panel began.
    """
    found = Programme.objects.select_for_update(no_key=True).select_related("organisation").get(pk=programme.pk)
    if found.state not in BEFORE_THE_PANEL:
        raise WrongState(gettext("The panel has begun: nobody is appointed any more."), state=found.state)
    if not Membership.objects.filter(organisation_id=found.organisation_id, user=reviewer, role=Role.REVIEWER).exists():
        raise ReviewerNotPossible(
            gettext("%(reviewer)s is no reviewer of %(organisation)s: invite the person in that role first.")
            % {"reviewer": reviewer, "organisation": found.organisation},
            field="reviewer",
        )
    if Appointment.objects.filter(programme=found, reviewer=reviewer, ended_at=None).exists():
        raise ReviewerNotPossible(
            gettext("%(reviewer)s is appointed to this programme already.") % {"reviewer": reviewer}, field="reviewer"
        )
    made = Appointment.objects.create(
        organisation_id=found.organisation_id,
        programme=found,
        reviewer=reviewer,
        appointed_by=actor.label,
        appointed_at=at,
    )
    audit.record(
        actor=actor,
        action=Action.REVIEWER_APPOINTED,
        subject=made,
        at=at,
        changes={"reviewer": reviewer.pk, "programme": found.public_id},
    )
    emit(
        organisation_id=found.organisation_id,
        type="grant.reviewer_appointed",
        data=programme_told(found),
        key=f"appointment:{made.pk}",
        at=at,
        recipient=reviewer.pk,
    )
    return made


@transaction.atomic
def end_appointment(*, actor: Actor, appointment: Appointment, reason: str, at: datetime) -> int:
    """End an appointment: the person sees nothing of the programme any more, and open reviews are taken back.

    What was handed in still counts. Returns how many reviews were taken back. Raises Rejected without a reason,
    WrongState the second time.
    """
    if not reason.strip():
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    found = Appointment.objects.select_for_update().get(pk=appointment.pk)
    if found.ended_at is not None:
        raise WrongState(gettext("This appointment has ended already."))
    found.ended_by, found.ended_at = actor.label, at
    found.save(update_fields=["ended_by", "ended_at"])
    open_ones = ReviewAssignment.objects.filter(application__programme=found.programme_id, reviewer=found.reviewer_id)
    taken_back: int = open_ones.move(ReviewState.CANCELLED)
    audit.record(
        actor=actor,
        action=Action.APPOINTMENT_ENDED,
        subject=found,
        at=at,
        reason=reason,
        changes={"reviews_taken_back": taken_back},
    )
    return taken_back
