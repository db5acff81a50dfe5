# SPDX-License-Identifier: Apache-2.0
"""Asking for a higher quota, and deciding on it."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import Conflict, Forbidden, NotFound, Rejected
from aion.events.services.emission import emit
from aion.people import quota_event_types  # noqa: F401 - registers what is emitted here
from aion.tenancy.audit import Action
from aion.tenancy.models import Organisation, Project, QuotaRequest, QuotaState

MAX_MILLI_GPUS = 1_000_000_000
MAX_REASON = 500
MAX_DECISION = 200


def request_quota(*, actor: Actor, milli_gpus: int, reason: str, project_id: str = "", at: datetime) -> QuotaRequest:
    """Ask staff for ``milli_gpus`` at one time, for the organisation or for the project ``project_id``.

    Raises NotFound for a stranger's project, Rejected for no reason or for not more than there is, Conflict while an
    earlier request waits.
    """
    actor.require(Scope.QUOTAS_WRITE)
    organisation = Organisation.objects.visible_to(actor).first()
    if organisation is None:
        raise Forbidden(gettext("A quota belongs to an organisation; act for one first."))
    project = _project(actor, project_id)
    present = organisation.milli_gpu_quota if project is None else project.milli_gpu_quota
    if not present < milli_gpus <= MAX_MILLI_GPUS:
        raise Rejected(
            gettext("Ask for more than the present %(present)s GPUs, and for at most %(most)s.")
            % {"present": f"{present / 1000:g}", "most": f"{MAX_MILLI_GPUS // 1000:,}"},
            field="gpus",
        )
    if not 1 <= len(reason.strip()) <= MAX_REASON:
        raise Rejected(
            gettext("Write what the GPUs are for, in up to %(most)s characters.") % {"most": MAX_REASON}, field="reason"
        )
    try:
        with transaction.atomic():
            request = QuotaRequest.objects.create(
                organisation=organisation,
                project=project,
                milli_gpus_before=present,
                milli_gpus=milli_gpus,
                reason=reason.strip(),
                asked_by_id=actor.user_id,
                asked_at=at,
            )
            audit.record(
                actor=actor,
                action=Action.QUOTA_REQUESTED,
                subject=request,
                at=at,
                changes={"milli_gpus": [present, milli_gpus]},
            )
    except IntegrityError as error:
        raise Conflict(gettext("A request waits for a decision already: withdraw it before you ask anew.")) from error
    return request


@transaction.atomic
def withdraw_quota(*, actor: Actor, public_id: str, at: datetime) -> QuotaRequest:
    """Take a request back. Raises NotFound for a stranger's, Conflict for one that was decided."""
    actor.require(Scope.QUOTAS_WRITE)
    request = _pending(QuotaRequest.objects.visible_to(actor).filter(public_id=public_id).first())
    _close(request, actor, QuotaState.WITHDRAWN, "", at)
    audit.record(actor=actor, action=Action.QUOTA_WITHDRAWN, subject=request, at=at)
    return request


@transaction.atomic
def decide_quota(*, actor: Actor, public_id: str, approve: bool, reason: str, at: datetime) -> QuotaRequest:
    """Grant or refuse a request, with a reason that the organisation reads.

    A quota that is higher by now stays; a project's grant raises its organisation's quota as far as needed. For staff:
    the request is found whoever's it is. Raises Rejected without a reason, NotFound, Conflict once decided.
    """
    if not 1 <= len(reason.strip()) <= MAX_DECISION:
        raise Rejected(
            gettext("Write why, in up to %(most)s characters: the organisation reads it.") % {"most": MAX_DECISION},
            field="reason",
        )
    request = _pending(QuotaRequest.objects.filter(public_id=public_id).first())
    _close(request, actor, QuotaState.APPROVED if approve else QuotaState.REJECTED, reason.strip(), at)
    if approve:
        _raise_quota(request)
    audit.record(
        actor=actor,
        action=Action.QUOTA_APPROVED if approve else Action.QUOTA_REJECTED,
        subject=request,
        at=at,
        reason=reason.strip(),
        changes={"milli_gpus": [request.milli_gpus_before, request.milli_gpus]},
    )
    emit(
        organisation_id=request.organisation_id,
        type="quota.decided",
        data={
            "request": request.public_id,
            "subject": request.project.name if request.project else request.organisation.name,
            "state": request.state,
            "gpus": request.milli_gpus / 1000,
            "reason": request.decision_reason,
        },
        key=f"quota:{request.public_id}",
        at=at,
    )
    return request


def _project(actor: Actor, public_id: str) -> Project | None:
    if not public_id:
        return None
    project: Project | None = Project.objects.visible_to(actor).filter(public_id=public_id).first()
    if project is None:
        raise NotFound(gettext("There is no such project."), field="project")
    return project


def _pending(request: QuotaRequest | None) -> QuotaRequest:
    if request is None:
        raise NotFound(gettext("There is no such request."))
    if request.state != QuotaState.PENDING:
        raise Conflict(
            gettext("This request is decided or withdrawn already: %(state)s.")
            % {"state": request.get_state_display()},
            state=request.state,
        )
    return request


def _close(request: QuotaRequest, actor: Actor, state: QuotaState, reason: str, at: datetime) -> None:
    """Move a request that waits; of two at the same moment the second is refused."""
    moved = QuotaRequest.objects.filter(pk=request.pk, state=QuotaState.PENDING).update(
        state=state, decision_reason=reason, decided_by_id=actor.user_id, decided_at=at
    )
    request.refresh_from_db()
    if not moved:
        raise Conflict(
            gettext("This request is decided or withdrawn already: %(state)s.")
            % {"state": request.get_state_display()},
            state=request.state,
        )


def _raise_quota(request: QuotaRequest) -> None:
    wanted = request.milli_gpus
    Organisation.objects.filter(pk=request.organisation_id, milli_gpu_quota__lt=wanted).update(milli_gpu_quota=wanted)
    if request.project_id is not None:
        Project.objects.filter(pk=request.project_id, milli_gpu_quota__lt=wanted).update(milli_gpu_quota=wanted)
