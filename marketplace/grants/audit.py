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
