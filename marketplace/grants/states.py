# SPDX-License-Identifier: Apache-2.0
"""States and kinds of grants, without Django."""

from collections.abc import Mapping
from enum import StrEnum


class ProgrammeState(StrEnum):
    """Where a call stands. Whether applicants may still submit is a question of time, not of state."""

    DRAFT = "draft"
    OPEN = "open"
    REVIEW = "review"
    PANEL = "panel"
    DECIDED = "decided"
    CLOSED = "closed"
    CANCELLED = "cancelled"


PROGRAMME_MOVES: Mapping[ProgrammeState, frozenset[ProgrammeState]] = {
    ProgrammeState.DRAFT: frozenset({ProgrammeState.OPEN, ProgrammeState.CANCELLED}),
    ProgrammeState.OPEN: frozenset({ProgrammeState.REVIEW, ProgrammeState.CANCELLED}),
    ProgrammeState.REVIEW: frozenset({ProgrammeState.PANEL}),
    ProgrammeState.PANEL: frozenset({ProgrammeState.DECIDED}),
    ProgrammeState.DECIDED: frozenset({ProgrammeState.CLOSED}),
}


class MoneySource(StrEnum):
    """Whose money it is: it decides whether a grant can be state aid."""

    PRIVATE_PRIZE = "private_prize"
    UNION = "union"
    STATE = "state"


class AidRegime(StrEnum):
    """The rule under which a grant is given; a person decides it, the software stores that decision."""

    NONE = "none"
    DE_MINIMIS = "de_minimis"


class ApplicationState(StrEnum):
    """An application from draft to decision."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    INELIGIBLE = "ineligible"
    ELIGIBLE = "eligible"
    IN_REVIEW = "in_review"
    RANKED = "ranked"
    AWARDED = "awarded"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


APPLICATION_MOVES: Mapping[ApplicationState, frozenset[ApplicationState]] = {
    ApplicationState.DRAFT: frozenset({ApplicationState.SUBMITTED, ApplicationState.WITHDRAWN}),
    ApplicationState.SUBMITTED: frozenset(
        {ApplicationState.INELIGIBLE, ApplicationState.ELIGIBLE, ApplicationState.WITHDRAWN}
    ),
    # Staff may let an application pass although a rule failed, with a reason; an applicant may mend and start again.
    ApplicationState.INELIGIBLE: frozenset({ApplicationState.ELIGIBLE, ApplicationState.WITHDRAWN}),
    # The check follows submission at once, so this is the state in which an applicant thinks again.
    ApplicationState.ELIGIBLE: frozenset({ApplicationState.IN_REVIEW, ApplicationState.WITHDRAWN}),
    ApplicationState.IN_REVIEW: frozenset({ApplicationState.RANKED}),
    ApplicationState.RANKED: frozenset({ApplicationState.AWARDED, ApplicationState.REFUSED}),
}


class DataClass(StrEnum):
    """What kind of data the work needs."""

    OPEN = "open"
    INTERNAL = "internal"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"


class Openness(StrEnum):
    """What becomes of the results."""

    OPEN = "open"
    PARTLY = "partly"
    CLOSED = "closed"


class AttachmentKind(StrEnum):
    """What a file is for."""

    CV = "cv"
    PLAN = "plan"
    LETTER = "letter"
    OTHER = "other"


class ReviewState(StrEnum):
    """A reviewer sees the content once independence is declared, and others' scores once the own ones are handed in."""

    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    SUBMITTED = "submitted"
    CONFLICT = "conflict"
    CANCELLED = "cancelled"


REVIEW_MOVES: Mapping[ReviewState, frozenset[ReviewState]] = {
    ReviewState.ASSIGNED: frozenset({ReviewState.ACCEPTED, ReviewState.CONFLICT, ReviewState.CANCELLED}),
    ReviewState.ACCEPTED: frozenset({ReviewState.SUBMITTED, ReviewState.CONFLICT, ReviewState.CANCELLED}),
}


class ConflictKind(StrEnum):
    """Why a reviewer may not judge an application."""

    SAME_ORGANISATION = "same_organisation"
    TEAM_MEMBER = "team_member"
    COOPERATION = "cooperation"
    FINANCIAL = "financial"
    PERSONAL = "personal"


class DecisionKind(StrEnum):
    """What the panel proposes."""

    AWARD = "award"
    REFUSE = "refuse"


class Standing(StrEnum):
    """Something that one person asks for and another decides."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class CommitmentKind(StrEnum):
    """Why the pot changed: an award commits, a reclaim gives back, and so does what expires unused."""

    AWARD = "award"
    RECLAIM = "reclaim"
    EXPIRY = "expiry"


class AwardState(StrEnum):
    """An award from its lot to the accepted report."""

    ACTIVE = "active"
    REPORTED = "reported"
    CLOSED = "closed"


AWARD_MOVES: Mapping[AwardState, frozenset[AwardState]] = {
    AwardState.ACTIVE: frozenset({AwardState.REPORTED}),
    AwardState.REPORTED: frozenset({AwardState.ACTIVE, AwardState.CLOSED}),
}


class ReportState(StrEnum):
    """A final report; one that staff return is a draft again, with their words."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ACCEPTED = "accepted"


class AidKind(StrEnum):
    """Whose aid a record is about: ours, or what the organisation says it got elsewhere."""

    OURS = "ours"
    DECLARED = "declared"


class AidEntryKind(StrEnum):
    """Why the history of an undertaking changed."""

    GRANT = "grant"
    DECLARED = "declared"
    MERGER = "merger"
    SPLIT = "split"
    WITHDRAWAL = "withdrawal"
