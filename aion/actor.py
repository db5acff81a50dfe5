# SPDX-License-Identifier: Apache-2.0
"""Who acts now, for which organisation, with which scopes."""

from dataclasses import dataclass
from enum import StrEnum

from aion.errors import MissingRight


class Scope(StrEnum):
    """One right. API tokens carry a subset of their owner's."""

    ORGANISATION_READ = "organisation:read"
    ORGANISATION_WRITE = "organisation:write"
    ORGANISATION_OWN = "organisation:own"
    MEMBERS_WRITE = "members:write"
    QUOTAS_WRITE = "quotas:write"
    PROJECTS_READ = "projects:read"
    PROJECTS_WRITE = "projects:write"
    WORKLOADS_READ = "workloads:read"
    WORKLOADS_WRITE = "workloads:write"
    USAGE_READ = "usage:read"
    USAGE_INGEST = "usage:ingest"
    CREDITS_READ = "credits:read"
    CREDITS_REDEEM = "credits:redeem"
    PURCHASES_WRITE = "purchases:write"
    INVOICES_READ = "invoices:read"
    PROCUREMENT_READ = "procurement:read"
    PROCUREMENT_WRITE = "procurement:write"
    SETTLEMENTS_READ = "settlements:read"
    BUDGETS_READ = "budgets:read"
    BUDGETS_WRITE = "budgets:write"
    TOKENS_READ = "tokens:read"
    TOKENS_WRITE = "tokens:write"
    AUDIT_READ = "audit:read"
    POOLS_READ = "pools:read"
    POOLS_WRITE = "pools:write"
    OFFERS_READ = "offers:read"
    OFFERS_WRITE = "offers:write"
    GRANTS_READ = "grants:read"
    GRANTS_WRITE = "grants:write"
    PROGRAMMES_READ = "programmes:read"
    REVIEWS_WRITE = "reviews:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"


class Via(StrEnum):
    """The edge an act came through."""

    PORTAL = "portal"
    API = "api"
    ADMIN = "admin"
    COMMAND = "command"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting user in one organisation. ``organisation_id`` None matches no row anywhere."""

    user_id: int | None
    organisation_id: int | None
    role: str
    scopes: frozenset[Scope]
    via: Via
    label: str = ""

    def has(self, scope: Scope) -> bool:
        """Tell whether the actor holds ``scope``."""
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """Raise MissingRight unless the actor holds ``scope``."""
        if scope not in self.scopes:
            raise MissingRight(scope=scope.value, role=self.role or "–")


def system(label: str, *, organisation_id: int | None = None) -> Actor:
    """Return the actor of a task or command, named ``label`` in the audit log; it holds every scope."""
    return Actor(None, organisation_id, "system", frozenset(Scope), Via.SYSTEM, label)
