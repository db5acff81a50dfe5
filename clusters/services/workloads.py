# SPDX-License-Identifier: Apache-2.0
"""Creating, moving and stopping workloads."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.events.services.emission import emit
from aion.queue import nudge
from aion.residency import services as residency
from aion.residency.models import ResidencyDecision
from aion.residency.policy import Policy, decide
from aion.tenancy.services.projects import require_member
from billing import queries as billing
from billing.services import holds
from clusters.audit import Action
from clusters.errors import ResidencyViolation, WrongState
from clusters.kube.manifests import GRACE_SECONDS
from clusters.models import Pool, Workload, WorkloadEvent
from clusters.observe import stopped_as
from clusters.services import capacity
from clusters.states import TERMINAL, Reason, WorkloadState


def require_residency(
    *, pool: Pool, policy: str, organisation_id: int, subject: str, gate: str, at: datetime
) -> ResidencyDecision:
    """Decide and record whether ``policy`` allows the pool's site. Raises ResidencyViolation with all failing rules."""
    site = pool.cluster.site
    facts = site.facts()
    decision = decide(Policy.parse(policy), facts)
    if not decision.allowed:
        raise ResidencyViolation(
            gettext(
                "The policy %(policy)s does not allow %(site)s: %(reasons)s. "
                "Choose another site or change the project's policy."
            )
            % {"policy": policy, "site": site.name, "reasons": ", ".join(decision.failing)},
            reasons=list(decision.failing),
            site=site.code,
        )
    return residency.record_decision(
        decision=decision, facts=facts, organisation_id=organisation_id, subject=subject, gate=gate, at=at
    )


def create_workload(*, actor: Actor, at: datetime, **fields: Any) -> Workload:
    """Write the row; a task provisions it after commit. Call it inside the order's transaction.

    Raises CapacityNotAvailable for work on demand that would take what is reserved.
    """
    workload = Workload.objects.create(created_by=actor.label, member_id=actor.user_id, queued_at=at, **fields)
    # Once the row stands: its foreign key holds the pool against a confirmation at the same moment.
    capacity.require_unreserved(workload=workload, at=at)
    WorkloadEvent.objects.create(
        organisation_id=workload.organisation_id, workload=workload, at=at, state=WorkloadState.QUEUED
    )
    nudge("clusters.provision_workload", workload_id=workload.pk)
    return workload


def move(
    *,
    workload: Workload,
    to: WorkloadState,
    at: datetime,
    reason: str = "",
    message: str = "",
    **fields: Any,
) -> bool:
    """Move a workload by one conditional UPDATE and write its timeline; False when it had moved on."""
    moved = Workload.objects.filter(pk=workload.pk).move(to, reason=reason, message=message[:300], **fields)
    if moved:
        WorkloadEvent.objects.create(
            organisation_id=workload.organisation_id,
            workload_id=workload.pk,
            at=at,
            state=to,
            reason=reason,
            message=message[:300],
        )
        _announce(workload=workload, to=to, reason=reason, at=at)
    return bool(moved)


def _announce(*, workload: Workload, to: WorkloadState, reason: str, at: datetime) -> None:
    """Emit what organisations follow: that it runs (again, after a preemption), lost its place, and ended."""
    if to not in {WorkloadState.RUNNING, WorkloadState.PREEMPTED} and to not in TERMINAL:
        return
    ended = to in TERMINAL
    type = "workload.ended" if ended else f"workload.{to.value}"
    emit(
        organisation_id=workload.organisation_id,
        type=type,
        data={
            "workload": workload.public_id,
            "name": workload.name,
            "state": to.value,
            "reason": str(reason),
            "milli_gpus": workload.milli_gpus,
            "at": at,
        },
        key=f"{type}:{workload.public_id}" if ended else f"{type}:{workload.public_id}:{at.isoformat()}",
        at=at,
    )


def explain(*, workload: Workload, reason: str, message: str, at: datetime) -> None:
    """Write why a workload still waits; repeats of the same reason are not written again."""
    if (workload.reason, workload.message) == (reason, message[:300]):
        return
    Workload.objects.filter(pk=workload.pk).update(reason=reason, message=message[:300])
    WorkloadEvent.objects.create(
        organisation_id=workload.organisation_id,
        workload_id=workload.pk,
        at=at,
        state=workload.state,
        reason=reason,
        message=message[:300],
    )


@transaction.atomic
def request_stop(*, actor: Actor, public_id: str, at: datetime, reason: Reason = Reason.STOPPED_BY_USER) -> Workload:
    """Stop a workload: what no cluster knows yet ends at once, the rest with its grace period.

    Stopping twice changes nothing. Raises NotFound for a stranger's, Forbidden for a project that is for others only,
    WrongState for one that has ended.
    """
    actor.require(Scope.WORKLOADS_WRITE)
    workload: Workload | None = (
        Workload.objects.visible_to(actor).select_for_update(no_key=True).filter(public_id=public_id).first()
    )
    if workload is None:
        raise NotFound(gettext("There is no such workload."))
    require_member(actor, workload.project)
    if workload.is_terminal:
        raise WrongState(
            gettext("%(workload_name)s has ended already (%(workload_state)s).")
            % {"workload_name": workload.name, "workload_state": workload.state},
            state=workload.state,
        )
    if workload.stop_requested_at is None:
        _stop(workload=workload, reason=reason, at=at)
        audit.record(
            actor=actor,
            action=Action.WORKLOAD_STOP_REQUESTED,
            subject=workload,
            at=at,
            changes={"reason": reason},
        )
    workload.refresh_from_db()
    return workload


def _stop(*, workload: Workload, reason: Reason, at: datetime) -> None:
    Workload.objects.filter(pk=workload.pk).update(stop_requested_at=at, stop_reason=reason)
    if workload.provisioned_at is None and workload.attempts == 0:
        move(workload=workload, to=stopped_as(reason), at=at, reason=reason, ended_at=at)
        release(workload=workload, at=at)
        Workload.objects.filter(pk=workload.pk).update(settled_at=at, cleaned_at=at)
    else:
        move(workload=workload, to=WorkloadState.STOPPING, at=at, reason=reason)
        nudge("clusters.stop_workload", workload_id=workload.pk)


def release(*, workload: Workload, at: datetime) -> None:
    """Give back what is left of a workload's own hold; one on a reservation has none."""
    if workload.hold_id is not None:
        holds.release_hold(hold_id=workload.hold_id, at=at)


@transaction.atomic
def end_used_up(*, public_id: str, at: datetime) -> None:
    """End a preempted workload that has no time left to start again in; one that ends or has ended stays as it is."""
    row = (
        Workload.objects.active()
        .filter(public_id=public_id, stop_requested_at=None)
        .select_for_update(of=("self",), no_key=True)
        .first()
    )
    if row is not None:
        _stop(workload=row, reason=Reason.MAX_DURATION_EXCEEDED, at=at)


@transaction.atomic
def lengthen(*, workload: Workload, max_seconds: int, at: datetime) -> None:
    """Give a workload until ``max_seconds`` after its start; the next look at its cluster tells the Jobs.

    Raises WrongState for one that ends or has ended, Rejected beyond the end of its reservation, CapacityNotAvailable
    where others have reserved. Call it in the transaction that extends its hold.
    """
    rows = Workload.objects.active().filter(pk=workload.pk, stop_requested_at=None, max_seconds=workload.max_seconds)
    if not rows.update(max_seconds=max_seconds):
        raise WrongState(
            gettext("%(workload_name)s is ending, has ended or was just extended.") % {"workload_name": workload.name},
            state=workload.state,
        )
    workload.max_seconds = max_seconds
    until = (workload.started_at or at) + timedelta(seconds=max_seconds)
    if workload.reservation is not None and until > workload.reservation.ends_at:
        raise Rejected(
            gettext("Its reservation ends on %(end)s UTC: it cannot run longer than that.")
            % {"end": f"{workload.reservation.ends_at:%Y-%m-%d %H:%M}"},
            field="extra_seconds",
        )
    capacity.hold_pool(workload.pool_id)
    capacity.require_unreserved(workload=workload, at=at)
    nudge("clusters.reconcile_all")


@transaction.atomic
def drain_budgets(*, at: datetime) -> Sequence[int]:
    """Stop the work of budgets whose drain step was reached, once its notice is over; level-triggered."""
    holds_ = billing.drained_hold_ids(at=at, noticed_before=at - settings.BUDGET_DRAIN_NOTICE)
    if not holds_:
        return []
    rows = (
        Workload.objects.active()
        .filter(hold_id__in=holds_, stop_requested_at=None)
        .select_for_update(of=("self",), skip_locked=True)
    )
    stopped = []
    for workload in rows:
        _stop(workload=workload, reason=Reason.BUDGET_EXCEEDED, at=at)
        stopped.append(workload.pk)
    return stopped


@transaction.atomic
def drain_reservations(*, at: datetime) -> Sequence[int]:
    """Stop what runs on a reservation so early that its grace period ends with the window; level-triggered."""
    rows = (
        Workload.objects.active()
        .filter(reservation__ends_at__lte=at + timedelta(seconds=GRACE_SECONDS), stop_requested_at=None)
        .select_for_update(of=("self",), skip_locked=True)
    )
    stopped = []
    for workload in rows:
        _stop(workload=workload, reason=Reason.MAX_DURATION_EXCEEDED, at=at)
        stopped.append(workload.pk)
    return stopped


@transaction.atomic
def drain_frozen(*, at: datetime) -> Sequence[int]:
    """Stop the work of frozen organisations; level-triggered, so that a lost message changes nothing."""
    rows = (
        Workload.objects.active()
        .filter(organisation__state="frozen", stop_requested_at=None)
        .select_for_update(of=("self",), skip_locked=True)
    )
    stopped = []
    for workload in rows:
        _stop(workload=workload, reason=Reason.ORGANISATION_FROZEN, at=at)
        stopped.append(workload.pk)
    return stopped
