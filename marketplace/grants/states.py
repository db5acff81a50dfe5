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
