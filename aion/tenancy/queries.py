# SPDX-License-Identifier: Apache-2.0
"""Reads of people and memberships for the packages above."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from aion.actor import Actor
from aion.tenancy.models import (
    Invitation,
    InvitationState,
    LegalIdentity,
    Membership,
    Project,
    ProjectMember,
    QuotaRequest,
    TermsVersion,
    User,
)


def members(actor: Actor) -> QuerySet[Membership]:
    """Return the memberships of the actor's organisation with their people, by name."""
    return Membership.objects.visible_to(actor).select_related("user").order_by("user__name", "user__email", "pk")


def projects(actor: Actor) -> QuerySet[Project]:
    """Return the actor's projects, by name."""
    return Project.objects.visible_to(actor).order_by("name", "pk")


def project_members(actor: Actor, project: Project) -> QuerySet[ProjectMember]:
    """Return who is a member of a project, by name."""
    rows = ProjectMember.objects.visible_to(actor).filter(project=project).select_related("membership__user")
    return rows.order_by("membership__user__name", "pk")


def quota_requests(actor: Actor) -> QuerySet[QuotaRequest]:
    """Return the actor's requests for a higher quota, newest first."""
    return QuotaRequest.objects.visible_to(actor).select_related("project", "asked_by").order_by("-asked_at", "-pk")


def names_of(people: Iterable[int | None]) -> dict[int, str]:
    """Return a name or address for each id, in one query; people who left keep theirs."""
    wanted = {pk for pk in people if pk is not None}
    rows = User.objects.filter(pk__in=wanted).values_list("pk", "name", "email") if wanted else ()
    return {pk: name or email for pk, name, email in rows}


def invitations(actor: Actor) -> QuerySet[Invitation]:
    """Return the organisation's open invitations, newest first; an expired one stays until it is revoked."""
    open_ones = Invitation.objects.visible_to(actor).filter(state=InvitationState.PENDING)
    return open_ones.select_related("invited_by").order_by("-created_at", "-pk")


def legal_identity(actor: Actor) -> LegalIdentity | None:
    """Return who the actor's organisation is before the law, if it has said so."""
    found: LegalIdentity | None = LegalIdentity.objects.visible_to(actor).select_related("country").first()
    return found


def terms_in_force(at: datetime) -> list[TermsVersion]:
    """Return the newest version of each document that holds at ``at``."""
    held = TermsVersion.objects.filter(valid_from__lte=at).order_by("kind", "-valid_from", "-pk").distinct("kind")
    return list(held)


def terms_to_accept(organisation_id: int, at: datetime) -> list[TermsVersion]:
    """Return the versions in force that the organisation has not accepted."""
    accepted = TermsVersion.objects.filter(acceptances__organisation_id=organisation_id).values_list("pk", flat=True)
    done = set(accepted)
    return [one for one in terms_in_force(at) if one.pk not in done]
