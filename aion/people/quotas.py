# SPDX-License-Identifier: Apache-2.0
"""Asking for a higher quota, and deciding on it."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from aion.actor import Actor, Scope, system
from aion.audit import services as audit
from aion.errors import Conflict, Forbidden, NotFound, Rejected
from aion.events.services.emission import emit
from aion.figures import gpus
from aion.people import quota_event_types  # noqa: F401 - registers what is emitted here
from aion.tenancy.audit import Action
from aion.tenancy.models import Organisation, Project, Quota, QuotaRequest, QuotaState
from aion.tenancy.models.quotas import MAX_MILLI_GPUS
from aion.tenancy.queries import quota_of, quotas_in_force

MAX_REASON = 500
MAX_DECISION = 200
FURTHEST = timedelta(days=731)


def request_quota(
    *,
    actor: Actor,
    milli_gpus: int,
    reason: str,
    project_id: str = "",
    sku_code: str = "",
    until: datetime | None = None,
    at: datetime,
) -> QuotaRequest:
    """Ask staff for ``milli_gpus`` at one time, for the organisation or for the project ``project_id``.

    With ``sku_code`` for that SKU alone, with ``until`` only up to then. Raises NotFound for a stranger's project,
    Rejected for no reason, for not more than there is or for a date that is past or too far, Conflict while an earlier
    request waits.
    """
    actor.require(Scope.QUOTAS_WRITE)
    organisation = Organisation.objects.visible_to(actor).first()
    if organisation is None:
        raise Forbidden(gettext("A quota belongs to an organisation; act for one first."))
    project = _project(actor, project_id)
    owner = organisation if project is None else project
    present = quota_of(
        standing=owner.milli_gpu_quota,
        quotas=quotas_in_force(organisation.pk, at),
        project_id=None if project is None else project.pk,
        sku_code=sku_code,
    )
    if not present < milli_gpus <= MAX_MILLI_GPUS:
        raise Rejected(
            gettext("Ask for more than the present %(present)s GPUs, and for at most %(most)s.")
            % {"present": gpus(present), "most": gpus(MAX_MILLI_GPUS)},
            field="gpus",
        )
    if not 1 <= len(reason.strip()) <= MAX_REASON:
        raise Rejected(
            gettext("Write what the GPUs are for, in up to %(most)s characters.") % {"most": MAX_REASON}, field="reason"
        )
    if until is not None and not at < until <= at + FURTHEST:
        raise Rejected(gettext("Choose a day in the future, within two years."), field="until")
    try:
        with transaction.atomic():
            request = QuotaRequest.objects.create(
                organisation=organisation,
                project=project,
                milli_gpus_before=present,
                milli_gpus=milli_gpus,
                sku_code=sku_code,
                until=until,
                reason=reason.strip(),
                asked_by_id=actor.user_id,
                asked_at=at,
            )
            audit.record(
                actor=actor,
                action=Action.QUOTA_REQUESTED,
                subject=request,
                at=at,
                changes={"milli_gpus": [present, milli_gpus], **_terms(request)},
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

    A quota that is higher by now stays; a project's grant raises its organisation's quota as far as needed. What is
    asked for one SKU or until a date leaves the standing quotas as they are and ends by its date alone. For staff: the
    request is found whoever's it is. Raises Rejected without a reason, NotFound, Conflict once decided or once its
    date has passed.
    """
    if not 1 <= len(reason.strip()) <= MAX_DECISION:
        raise Rejected(
            gettext("Write why, in up to %(most)s characters: the organisation reads it.") % {"most": MAX_DECISION},
            field="reason",
        )
    request = _pending(QuotaRequest.objects.filter(public_id=public_id).first())
    if approve and request.until is not None and request.until <= at:
        raise Conflict(gettext("Its last day has passed: reject it."))
    _close(request, actor, QuotaState.APPROVED if approve else QuotaState.REJECTED, reason.strip(), at)
    if approve and (request.sku_code or request.until):
        _add_quotas(request, at)
    elif approve:
        _raise_quota(request)
    audit.record(
        actor=actor,
        action=Action.QUOTA_APPROVED if approve else Action.QUOTA_REJECTED,
        subject=request,
        at=at,
        reason=reason.strip(),
        changes={"milli_gpus": [request.milli_gpus_before, request.milli_gpus], **_terms(request)},
    )
    emit(
        organisation_id=request.organisation_id,
        type="quota.decided",
        data={
            "request": request.public_id,
            "subject": subject_of(request),
            "sku": request.sku_code,
            "until": request.until,
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


def _add_quotas(request: QuotaRequest, at: datetime) -> None:
    """Give what was asked for beside the standing quotas; a project's also to its organisation where that has less."""
    quotas = quotas_in_force(request.organisation_id, at)
    owners: dict[int | None, int] = {None: request.organisation.milli_gpu_quota}
    if request.project is not None:
        owners[request.project_id] = request.project.milli_gpu_quota
    for project_id, standing in owners.items():
        # An organisation that has as much until an earlier day needs it until this one.
        lasting = [one for one in quotas if one.until is None or (request.until and one.until >= request.until)]
        have = quota_of(standing=standing, quotas=lasting, project_id=project_id, sku_code=request.sku_code)
        if have < request.milli_gpus:
            Quota.objects.create(
                organisation_id=request.organisation_id,
                project_id=project_id,
                request=request,
                sku_code=request.sku_code,
                milli_gpus=request.milli_gpus,
                since=at,
                until=request.until,
            )


@transaction.atomic
def end_quota(*, actor: Actor, public_id: str, reason: str, at: datetime) -> Quota:
    """End a quota now; what runs goes on, and nothing new starts beyond what is left. For staff.

    Raises Rejected without a reason, NotFound, Conflict for one that is over.
    """
    if not 1 <= len(reason.strip()) <= MAX_DECISION:
        raise Rejected(gettext("Write why: it goes on the record."), field="reason")
    quota: Quota | None = Quota.objects.select_for_update(of=("self",)).filter(public_id=public_id).first()
    if quota is None:
        raise NotFound(gettext("There is no such quota."))
    if quota.until is not None and quota.until <= at:
        raise Conflict(gettext("It is over already."))
    Quota.objects.filter(pk=quota.pk).update(until=at)
    quota.refresh_from_db()
    _end(quota, actor, reason.strip(), at)
    return quota


def end_quotas(*, at: datetime) -> int:
    """Tell organisations of quotas that are over; return how many. They ended by their date, whenever this runs."""
    count = 0
    for pk in list(Quota.objects.filter(ended_at=None, until__lte=at).values_list("pk", flat=True)):
        with transaction.atomic():
            quota = Quota.objects.select_for_update(of=("self",)).filter(pk=pk, ended_at=None).first()
            if quota is not None:
                _end(quota, system("quotas"), "", at)
                count += 1
    return count


def _end(quota: Quota, actor: Actor, reason: str, at: datetime) -> None:
    Quota.objects.filter(pk=quota.pk).update(ended_at=at)
    quota.refresh_from_db()
    audit.record(
        actor=actor, action=Action.QUOTA_ENDED, subject=quota, at=at, reason=reason,
        changes={"milli_gpus": quota.milli_gpus, "sku": quota.sku_code},
    )  # fmt: skip
    emit(
        organisation_id=quota.organisation_id,
        type="quota.ended",
        data={
            "quota": quota.public_id,
            "subject": subject_of(quota),
            "sku": quota.sku_code,
            "gpus": quota.milli_gpus / 1000,
            "reason": reason,
        },
        key=f"quota.ended:{quota.public_id}",
        at=at,
    )


def subject_of(row: QuotaRequest | Quota) -> str:
    """Return whose quota it is, by name."""
    return str(row.project.name if row.project else row.organisation.name)


def _terms(request: QuotaRequest) -> dict[str, str]:
    said = {"sku": request.sku_code, "until": request.until.isoformat() if request.until else ""}
    return {name: value for name, value in said.items() if value}
