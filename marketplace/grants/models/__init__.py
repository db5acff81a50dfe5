# SPDX-License-Identifier: Apache-2.0
"""What a programme keeps."""

from marketplace.grants.models.application import (
    Application,
    ApplicationEvent,
    Attachment,
    EligibilityResult,
    Submission,
    WorkItem,
)
from marketplace.grants.models.programme import Criterion, Programme

__all__ = [
    "Application",
    "ApplicationEvent",
    "Attachment",
    "Criterion",
    "EligibilityResult",
    "Programme",
    "Submission",
    "WorkItem",
]
