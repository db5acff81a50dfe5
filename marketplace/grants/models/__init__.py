# SPDX-License-Identifier: Apache-2.0
"""What a programme keeps."""

from marketplace.grants.models.aid import (
    AidEntry,
    AidRecord,
    AidRule,
    ExcludedSector,
    PublicHoliday,
    Undertaking,
    UndertakingLink,
)
from marketplace.grants.models.application import (
    Application,
    ApplicationEvent,
    Attachment,
    EligibilityResult,
    Submission,
    WorkItem,
)
from marketplace.grants.models.award import Award, Commitment, Decision, ExtensionRequest, FinalReport, Reclaim
from marketplace.grants.models.programme import Criterion, Programme
from marketplace.grants.models.review import Appointment, ReviewAssignment, Score

__all__ = [
    "AidEntry",
    "AidRecord",
    "AidRule",
    "Application",
    "ApplicationEvent",
    "Appointment",
    "Attachment",
    "Award",
    "Commitment",
    "Criterion",
    "Decision",
    "EligibilityResult",
    "ExcludedSector",
    "ExtensionRequest",
    "FinalReport",
    "Programme",
    "PublicHoliday",
    "Reclaim",
    "ReviewAssignment",
    "Score",
    "Submission",
    "Undertaking",
    "UndertakingLink",
    "WorkItem",
]
