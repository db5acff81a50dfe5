# SPDX-License-Identifier: Apache-2.0
"""Reads of people and memberships for the packages above."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from aion.actor import Actor
from aion.tenancy.models import (
    Invitation,
    InvitationState,
    LegalIdentity,
    Membership,
    Organisation,
    Project,
    ProjectMember,
    Quota,
    QuotaRequest,
    TermsAcceptance,
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


def quotas_in_force(organisation_id: int | None, at: datetime) -> list[Quota]:
    """Return what an organisation and its projects have at ``at`` beyond their standing quotas."""
    rows = Quota.objects.in_force_at(at).filter(organisation_id=organisation_id or 0)
    return list(rows.order_by("sku_code", "pk"))


def quota_of(*, standing: int, quotas: Iterable[Quota], project_id: int | None, sku_code: str = "") -> int:
    """Return how many milli-GPUs of one SKU (empty: of any) may work at one time: the most that holds.

    ``standing`` is the quota of the project ``project_id``, or of the organisation for None.
    """
    fitting = (one for one in quotas if one.project_id == project_id and one.sku_code in {"", sku_code})
    return max([standing, *(one.milli_gpus for one in fitting)])


def launch_quota(*, project: Project, organisation: Organisation, sku_code: str, at: datetime) -> int:
    """Return how many milli-GPUs of a SKU a project may take at one time: its own quota and its organisation's."""
    quotas = quotas_in_force(organisation.pk, at)
    return min(
        quota_of(standing=project.milli_gpu_quota, quotas=quotas, project_id=project.pk, sku_code=sku_code),
        quota_of(standing=organisation.milli_gpu_quota, quotas=quotas, project_id=None, sku_code=sku_code),
    )


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
    return list(_newest_terms(at))


def terms_to_accept(organisation_id: int, at: datetime) -> list[TermsVersion]:
    """Return the versions in force that the organisation has not accepted."""
    done = TermsAcceptance.objects.filter(organisation_id=organisation_id, terms=OuterRef("pk"))
    return [one for one in _newest_terms(at).annotate(accepted=Exists(done)) if not one.accepted]


def _newest_terms(at: datetime) -> QuerySet[Any]:
    held = TermsVersion.objects.filter(valid_from__lte=at)
    return held.order_by("kind", "-valid_from", "-pk").distinct("kind")
