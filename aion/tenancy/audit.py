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
    QUOTA_ENDED = "quota.ended"
    QUOTA_APPROVED = "quota.approved"
    QUOTA_REJECTED = "quota.rejected"
    TOKEN_CREATED = "token.created"  # noqa: S105 - the name of an act
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    MEMBER_ADDED = "member.added"
    MEMBER_ROLE_CHANGED = "member.role_changed"
    MEMBER_REMOVED = "member.removed"
    MEMBER_LEFT = "member.left"
    IDENTITY_SET = "organisation.identity_set"
    TERMS_PUBLISHED = "terms.published"
    TERMS_ACCEPTED = "organisation.terms_accepted"
    ORGANISATION_CLOSED = "organisation.closed"
    INVITATION_SENT = "invitation.sent"
    INVITATION_REVOKED = "invitation.revoked"
    INVITATION_ACCEPTED = "invitation.accepted"
    OWNERSHIP_OFFERED = "ownership.offered"
    OWNERSHIP_WITHDRAWN = "ownership.withdrawn"
    OWNERSHIP_ACCEPTED = "ownership.accepted"
    PERSON_ERASED = "person.erased"
    PERSON_EXPORTED = "person.exported"
    SESSION_ENDED = "session.ended"
    FACTOR_REMOVED = "factor.removed"
    IMPERSONATION_BEGUN = "impersonation.begun"
    IMPERSONATION_VIEWED = "impersonation.viewed"
    IMPERSONATION_ENDED = "impersonation.ended"
