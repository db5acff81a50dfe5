# SPDX-License-Identifier: Apache-2.0
"""Names of the acts of grants in the audit log."""

from enum import StrEnum


class Action(StrEnum):
    """What can happen to programmes and applications."""

    PROGRAMME_CREATED = "programme.created"
    PROGRAMME_CHANGED = "programme.changed"
    PROGRAMME_PUBLISHED = "programme.published"
    PROGRAMME_MOVED = "programme.moved"
    PROGRAMME_CANCELLED = "programme.cancelled"
    DEADLINE_MOVED = "programme.deadline_moved"
    APPLICATION_STARTED = "application.started"
    APPLICATION_SUBMITTED = "application.submitted"
    APPLICATION_WITHDRAWN = "application.withdrawn"
    APPLICATION_LET_PASS = "application.let_pass"  # noqa: S105 - an act, no secret
    FILE_ATTACHED = "application.file_attached"
    FILE_REMOVED = "application.file_removed"
    REVIEWER_APPOINTED = "reviewer.appointed"
    APPOINTMENT_ENDED = "reviewer.appointment_ended"
    REVIEW_ASSIGNED = "review.assigned"
    REVIEW_DECLARED = "review.declared"
    REVIEW_SUBMITTED = "review.submitted"
    REVIEW_CANCELLED = "review.cancelled"
    DECISION_PROPOSED = "decision.proposed"
    DECISION_APPROVED = "decision.approved"
    DECISION_REJECTED = "decision.rejected"
    EXTENSION_ASKED = "award.extension_asked"
    EXTENSION_DECIDED = "award.extension_decided"
    RECLAIM_PROPOSED = "award.reclaim_proposed"
    RECLAIM_DECIDED = "award.reclaim_decided"
    EXPIRY_RETURNED = "award.expiry_returned"
    REPORT_SUBMITTED = "report.submitted"
    REPORT_DECIDED = "report.decided"
    AID_GRANTED = "aid.granted"
    AID_REGISTERED = "aid.registered"
    UNDERTAKING_MERGED = "undertaking.merged"
    UNDERTAKING_SPLIT = "undertaking.split"
    UNDERTAKING_LINKED = "undertaking.linked"
