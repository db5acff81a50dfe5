# SPDX-License-Identifier: Apache-2.0
"""The final report: the applicant writes what came of it, the ledger says what it took."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import Rejected
from aion.events.services.emission import emit
from aion.figures import number
from marketplace.grants.audit import Action
from marketplace.grants.errors import ReportNotPossible
from marketplace.grants.models import Award, FinalReport
from marketplace.grants.queries.awards import draw_down
from marketplace.grants.services.awards import award_told, find
from marketplace.grants.states import AwardState, ReportState

LIMITS = {"results": 6000, "publications": 3000, "difficulties": 3000}
OPEN = (ReportState.DRAFT, ReportState.RETURNED)
REMINDED_DAYS = (30, 7)


@transaction.atomic
def save_report(*, actor: Actor, public_id: str, results: str, publications: str, difficulties: str) -> FinalReport:
    """Keep a draft of an award's report. Raises NotFound, ReportNotPossible once handed in, Rejected for long texts."""
    actor.require(Scope.GRANTS_WRITE)
    award = find(actor, public_id, lock=True)
    texts = {"results": results, "publications": publications, "difficulties": difficulties}
    for name, text in texts.items():
        if len(text) > LIMITS[name]:
            raise Rejected(gettext("Use at most %(limit)s characters.") % {"limit": number(LIMITS[name])}, field=name)
    report, _made = FinalReport.objects.get_or_create(award=award, defaults={"organisation_id": award.organisation_id})
    if report.state not in OPEN:
        raise ReportNotPossible(gettext("This report was handed in: it cannot be changed."), state=report.state)
    for name, text in texts.items():
        setattr(report, name, text.strip())
    report.save(update_fields=list(texts))
    return report


@transaction.atomic
def submit_report(*, actor: Actor, public_id: str, at: datetime) -> FinalReport:
    """Hand the report in with the figures of this moment, which stay.

    Raises NotFound, ReportNotPossible the second time or while credit is held for running work, Rejected without
    results.
    """
    actor.require(Scope.GRANTS_WRITE)
    award = find(actor, public_id, lock=True)
    report: FinalReport | None = FinalReport.objects.select_for_update().filter(award=award).first()
    if report is None or not report.results:
        raise Rejected(gettext("Write what came of the work first."), field="results")
    if report.state not in OPEN:
        raise ReportNotPossible(gettext("This report was handed in already."), state=report.state)
    if award.lot.held:
        raise ReportNotPossible(gettext("Work still runs on these credits: hand in once it has ended."))
    report.state, report.submitted_at = ReportState.SUBMITTED, at
    report.figures = {
        "granted_microcredits": award.amount,
        **draw_down(award).figures(),
    }
    report.save(update_fields=["state", "submitted_at", "figures"])
    Award.objects.filter(pk=award.pk).move(AwardState.REPORTED)
    audit.record(actor=actor, action=Action.REPORT_SUBMITTED, subject=report, at=at, changes=report.figures)
    return report


@transaction.atomic
def decide_report(*, actor: Actor, report: FinalReport, accept: bool, reason: str, at: datetime) -> FinalReport:
    """Accept a report, or return it with what is to change. Raises ReportNotPossible unless it was handed in."""
    if not accept and not reason.strip():
        raise Rejected(gettext("Write what is to change: the applicant reads it."), field="reason")
    found: FinalReport = (
        FinalReport.objects.select_for_update(of=("self",))
        .select_related("award__programme", "award__application")
        .get(pk=report.pk)
    )
    if found.state != ReportState.SUBMITTED:
        raise ReportNotPossible(gettext("Only a report that was handed in is decided."), state=found.state)
    found.state = ReportState.ACCEPTED if accept else ReportState.RETURNED
    found.decided_by, found.decided_at, found.decision_reason = actor.label, at, reason.strip()[:400]
    found.save(update_fields=["state", "decided_by", "decided_at", "decision_reason"])
    Award.objects.filter(pk=found.award_id).move(AwardState.CLOSED if accept else AwardState.ACTIVE)
    audit.record(
        actor=actor, action=Action.REPORT_DECIDED, subject=found, at=at, reason=reason, changes={"state": found.state}
    )
    emit(
        organisation_id=found.organisation_id,
        type=f"grant.report_{found.state}",
        data={**award_told(found.award), "amount_microcredits": found.award.amount, "reason": found.decision_reason},
        key=f"report:{found.pk}:{found.state}:{at.isoformat()}",
        at=at,
    )
    return found


def remind_of_reports(*, at: datetime) -> int:
    """Tell organisations of reports that are due in a month and in a week, or overdue; each once. Returns how many."""
    told = 0
    rows = Award.objects.filter(state=AwardState.ACTIVE, expires_at__lte=at).select_related("programme", "application")
    for award in rows.filter(report_due_on__lte=at.date() + timedelta(days=max(REMINDED_DAYS))).order_by("pk"):
        left = (award.report_due_on - at.date()).days
        step = "overdue" if left < 0 else str(min(days for days in REMINDED_DAYS if left <= days))
        told += _remind(award, step, at)
    return told


@transaction.atomic
def _remind(award: Award, step: str, at: datetime) -> bool:
    event = emit(
        organisation_id=award.organisation_id,
        type="grant.report_due",
        data={**award_told(award), "amount_microcredits": award.amount, "due_on": str(award.report_due_on)},
        key=f"award:{award.pk}:report:{step}:{award.report_due_on}",
        at=at,
    )
    return event is not None
