# SPDX-License-Identifier: Apache-2.0
"""People, organisations, projects and API tokens."""

from aion.tenancy.models.joining import Impersonation, Invitation, InvitationState, OwnershipTransfer, TransferState
from aion.tenancy.models.legal import (
    LegalIdentity,
    OrganisationSize,
    RegistrationScheme,
    TermsAcceptance,
    TermsKind,
    TermsVersion,
)
from aion.tenancy.models.organisations import Membership, Organisation, OrganisationKind, OrganisationState
from aion.tenancy.models.people import User, UserManager
from aion.tenancy.models.projects import Project, ProjectMember
from aion.tenancy.models.quotas import Quota, QuotaRequest, QuotaState
from aion.tenancy.models.tokens import ApiToken

__all__ = [
    "ApiToken",
    "Impersonation",
    "Invitation",
    "InvitationState",
    "LegalIdentity",
    "Membership",
    "Organisation",
    "OrganisationKind",
    "OrganisationSize",
    "OrganisationState",
    "OwnershipTransfer",
    "Project",
    "ProjectMember",
    "Quota",
    "QuotaRequest",
    "QuotaState",
    "RegistrationScheme",
    "TermsAcceptance",
    "TermsKind",
    "TermsVersion",
    "TransferState",
    "User",
    "UserManager",
]
