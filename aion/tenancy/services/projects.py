# SPDX-License-Identifier: Apache-2.0
"""Creating, changing and archiving projects, and who may start work in them."""

from collections.abc import Collection
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import Conflict, Forbidden, NotFound, Rejected
from aion.figures import gpus
from aion.residency.policy import BadPolicy, Policy
from aion.tenancy.audit import Action
from aion.tenancy.models import Membership, Organisation, Project, ProjectMember
from aion.tenancy.roles import scopes_of


def create_project(*, actor: Actor, name: str, residency_policy: str, milli_gpu_quota: int, at: datetime) -> Project:
    """Create a project in the actor's organisation.

    Raises Rejected for a bad name, policy or quota, Conflict for a name that is taken.
    """
    actor.require(Scope.PROJECTS_WRITE)
    organisation = Organisation.objects.visible_to(actor).first()
    if organisation is None:
        raise Forbidden(gettext("A project belongs to an organisation; act for one first."))
    slug = slugify(name)[:40].strip("-")
    if not slug:
        raise Rejected(gettext("Use at least one letter or digit in the name."), field="name")
    policy = policy_text(residency_policy)
    _check_quota(milli_gpu_quota, organisation)
    try:
        with transaction.atomic():
            project = Project.objects.create(
                organisation=organisation,
                name=name.strip(),
                slug=slug,
                residency_policy=policy,
                milli_gpu_quota=milli_gpu_quota,
            )
            audit.record(actor=actor, action=Action.PROJECT_CREATED, subject=project, at=at)
    except IntegrityError as error:
        raise Conflict(gettext("There is a project called %(slug)s already.") % {"slug": slug}, field="name") from error
    return project


@transaction.atomic
def update_project(
    *,
    actor: Actor,
    public_id: str,
    name: str | None = None,
    residency_policy: str | None = None,
    milli_gpu_quota: int | None = None,
    at: datetime,
) -> Project:
    """Change what is given; the short name stays, and a new policy or quota decides only what is launched from now on.

    Raises NotFound for a stranger's, Conflict for an archived one, Rejected for a bad name, policy or quota.
    """
    actor.require(Scope.PROJECTS_WRITE)
    project = _locked(actor, public_id)
    if project.archived_at is not None:
        raise Conflict(gettext("%(project)s is archived: reopen it before you change it.") % {"project": project.name})
    wish: dict[str, object] = {}
    if name is not None:
        if not slugify(name):
            raise Rejected(gettext("Use at least one letter or digit in the name."), field="name")
        wish["name"] = name.strip()
    if residency_policy is not None:
        wish["residency_policy"] = policy_text(residency_policy)
    if milli_gpu_quota is not None and milli_gpu_quota != project.milli_gpu_quota:
        _check_quota(milli_gpu_quota, project.organisation)
        wish["milli_gpu_quota"] = milli_gpu_quota
    changes = {key: [getattr(project, key), value] for key, value in wish.items() if getattr(project, key) != value}
    if changes:
        for key in changes:
            setattr(project, key, wish[key])
        project.save(update_fields=list(changes))
        audit.record(actor=actor, action=Action.PROJECT_CHANGED, subject=project, at=at, changes=changes)
    return project


@transaction.atomic
def set_members(*, actor: Actor, public_id: str, restricted: bool, members: Collection[int], at: datetime) -> Project:
    """Say who launches and stops work: everybody whose role allows it, or only the people ``members`` (by user id).

    Owners and administrators always may: they set the members. Raises NotFound for a stranger's project, Rejected for
    somebody who is no member of the organisation.
    """
    actor.require(Scope.PROJECTS_WRITE)
    project = _locked(actor, public_id)
    wanted = set(members)
    found = dict(Membership.objects.visible_to(actor).filter(user_id__in=wanted).values_list("user_id", "pk"))
    if wanted - set(found):
        raise Rejected(gettext("Choose people of your organisation: invite them to it first."), field="members")
    before = set(project.members.values_list("membership__user_id", flat=True))
    project.members.exclude(membership__in=found.values()).delete()
    ProjectMember.objects.bulk_create(
        [
            ProjectMember(organisation_id=project.organisation_id, project=project, membership_id=found[user_id])
            for user_id in sorted(wanted - before)
        ]
    )
    changes: dict[str, object] = {}
    if project.restricted != restricted:
        changes["restricted"] = [project.restricted, restricted]
        project.restricted = restricted
        project.save(update_fields=["restricted"])
    if before != wanted:
        changes["members"] = [sorted(before), sorted(wanted)]
    if changes:
        audit.record(actor=actor, action=Action.PROJECT_MEMBERS_SET, subject=project, at=at, changes=changes)
    return project


@transaction.atomic
def archive_project(*, actor: Actor, public_id: str, at: datetime) -> Project:
    """Start nothing new in a project; what runs runs to its end. Archiving twice changes nothing.

    Raises NotFound for a stranger's.
    """
    actor.require(Scope.PROJECTS_WRITE)
    project = _locked(actor, public_id)
    if project.archived_at is None:
        project.archived_at = at
        project.save(update_fields=["archived_at"])
        audit.record(actor=actor, action=Action.PROJECT_ARCHIVED, subject=project, at=at)
    return project


@transaction.atomic
def reopen_project(*, actor: Actor, public_id: str, at: datetime) -> Project:
    """Let work start again in an archived project. Raises NotFound for a stranger's."""
    actor.require(Scope.PROJECTS_WRITE)
    project = _locked(actor, public_id)
    if project.archived_at is not None:
        project.archived_at = None
        project.save(update_fields=["archived_at"])
        audit.record(actor=actor, action=Action.PROJECT_REOPENED, subject=project, at=at)
    return project


def require_open(project: Project) -> None:
    """Raise Conflict if ``project`` is archived."""
    if project.archived_at is not None:
        raise Conflict(
            gettext("%(project)s is archived: nothing new starts in it. Choose another project, or reopen it.")
            % {"project": project.name},
            field="project",
        )


def require_member(actor: Actor, project: Project) -> None:
    """Raise Forbidden if only others may launch and stop work of ``project``. Tasks of the platform always may."""
    if not project.restricted or actor.user_id is None or Scope.PROJECTS_WRITE in scopes_of(actor.role):
        return
    if not project.members.filter(membership__user_id=actor.user_id).exists():
        raise Forbidden(
            gettext("Only members of %(project)s launch and stop its work: ask an owner or administrator to add you.")
            % {"project": project.name},
            field="project",
        )


def _locked(actor: Actor, public_id: str) -> Project:
    project: Project | None = (
        Project.objects.visible_to(actor)
        .select_related("organisation")
        .select_for_update(no_key=True, of=("self",))
        .filter(public_id=public_id)
        .first()
    )
    if project is None:
        raise NotFound(gettext("There is no such project."))
    return project


def policy_text(text: str) -> str:
    """Return a residency policy as it is stored. Raises Rejected for one that there is not."""
    try:
        return str(Policy.parse(text))
    except BadPolicy as error:
        raise Rejected(gettext(error.text) % error.words, field="residency_policy") from error


def _check_quota(milli_gpus: int, organisation: Organisation) -> None:
    if not 0 < milli_gpus <= organisation.milli_gpu_quota:
        raise Rejected(
            gettext(
                "The quota must be above 0 and at most your organisation's %(gpu_quota)s GPUs. "
                "Ask for a higher one under Quotas."
            )
            % {"gpu_quota": gpus(organisation.milli_gpu_quota)},
            field="gpu_quota",
        )
