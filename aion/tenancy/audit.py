# SPDX-License-Identifier: Apache-2.0
"""Names of tenancy's acts in the audit log."""

from enum import StrEnum


class Action(StrEnum):
    """What can happen to people, organisations and keys."""

    ORGANISATION_CREATED = "organisation.created"
    ORGANISATION_FROZEN = "organisation.frozen"
    ORGANISATION_UNFROZEN = "organisation.unfrozen"
    PROJECT_CREATED = "project.created"
    PROJECT_CHANGED = "project.changed"
    PROJECT_MEMBERS_SET = "project.members_set"
    PROJECT_ARCHIVED = "project.archived"
    PROJECT_REOPENED = "project.reopened"
    QUOTA_REQUESTED = "quota.requested"
    QUOTA_WITHDRAWN = "quota.withdrawn"
    QUOTA_APPROVED = "quota.approved"
    QUOTA_REJECTED = "quota.rejected"
    TOKEN_CREATED = "token.created"  # noqa: S105 - the name of an act
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    MEMBER_ADDED = "member.added"
