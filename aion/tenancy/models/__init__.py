# SPDX-License-Identifier: Apache-2.0
"""People, organisations, projects and API tokens."""

from aion.tenancy.models.organisations import Membership, Organisation, OrganisationKind, OrganisationState
from aion.tenancy.models.people import User, UserManager
from aion.tenancy.models.projects import Project, ProjectMember
from aion.tenancy.models.quotas import QuotaRequest, QuotaState
from aion.tenancy.models.tokens import ApiToken

__all__ = [
    "ApiToken",
    "Membership",
    "Organisation",
    "OrganisationKind",
    "OrganisationState",
    "Project",
    "ProjectMember",
    "QuotaRequest",
    "QuotaState",
    "User",
    "UserManager",
]
