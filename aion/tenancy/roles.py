# SPDX-License-Identifier: Apache-2.0
"""Roles and the scopes they give."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from aion.actor import Scope


class Role(models.TextChoices):
    """What a person may do in an organisation."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Administrator")
    DEVELOPER = "developer", _("Developer")
    BILLING = "billing", _("Billing")
    VIEWER = "viewer", _("Viewer")
    OPERATOR = "operator", _("Operator")
    REVIEWER = "reviewer", _("Reviewer")


_READ = frozenset(
    {
        Scope.ORGANISATION_READ,
        Scope.PROJECTS_READ,
        Scope.WORKLOADS_READ,
        Scope.USAGE_READ,
        Scope.CREDITS_READ,
        Scope.BUDGETS_READ,
        Scope.OFFERS_READ,
        Scope.WEBHOOKS_READ,
        Scope.GRANTS_READ,
        Scope.PROGRAMMES_READ,
    }
)
# What was bought and is owed: for those who pay and those who check, not for everybody who may see the balance.
_SEE_MONEY = frozenset({Scope.INVOICES_READ, Scope.PROCUREMENT_READ, Scope.SETTLEMENTS_READ})
_BUY = _SEE_MONEY | {Scope.PURCHASES_WRITE, Scope.PROCUREMENT_WRITE}
_OPERATE = frozenset({Scope.POOLS_READ, Scope.POOLS_WRITE, Scope.USAGE_INGEST, Scope.OFFERS_WRITE})
_MANAGE = frozenset(
    {
        Scope.ORGANISATION_WRITE,
        Scope.PROJECTS_WRITE,
        Scope.WORKLOADS_WRITE,
        Scope.BUDGETS_WRITE,
        Scope.TOKENS_READ,
        Scope.TOKENS_WRITE,
        Scope.AUDIT_READ,
        Scope.WEBHOOKS_WRITE,
        Scope.MEMBERS_WRITE,
        Scope.QUOTAS_WRITE,
        Scope.GRANTS_WRITE,
        Scope.CREDITS_REDEEM,
    }
)
SCOPES: dict[str, frozenset[Scope]] = {
    Role.OWNER: _READ | _MANAGE | _OPERATE | _BUY | {Scope.ORGANISATION_OWN},
    Role.ADMIN: _READ | _MANAGE | _OPERATE | _BUY,
    Role.DEVELOPER: _READ
    | {Scope.WORKLOADS_WRITE, Scope.TOKENS_READ, Scope.TOKENS_WRITE, Scope.WEBHOOKS_WRITE, Scope.GRANTS_WRITE},
    Role.BILLING: _READ | _BUY | {Scope.AUDIT_READ, Scope.BUDGETS_WRITE, Scope.CREDITS_REDEEM},
    Role.VIEWER: _READ | _SEE_MONEY | {Scope.AUDIT_READ},
    Role.OPERATOR: frozenset({Scope.ORGANISATION_READ, Scope.OFFERS_READ, Scope.TOKENS_READ, Scope.TOKENS_WRITE})
    | _OPERATE,
    Role.REVIEWER: frozenset(
        {Scope.ORGANISATION_READ, Scope.OFFERS_READ, Scope.TOKENS_READ, Scope.TOKENS_WRITE, Scope.REVIEWS_WRITE}
    ),
}
# Nobody gives a role above the own one.
ROLE_RANK: dict[str, int] = {
    Role.OWNER: 4,
    Role.ADMIN: 3,
    Role.DEVELOPER: 2,
    Role.BILLING: 2,
    Role.OPERATOR: 2,
    Role.REVIEWER: 2,
    Role.VIEWER: 1,
}
# An owner spends and hands over, billing pays: both need a second factor at every edge.
NEEDS_SECOND_FACTOR = frozenset({Role.OWNER, Role.BILLING})
_ABOVE_ALL = 5


def rank_of(role: str) -> int:
    """Return how high ``role`` stands; staff and the system stand above every member, an unknown role below."""
    return _ABOVE_ALL if role in {"staff", "system"} else ROLE_RANK.get(role, 0)


def scopes_of(role: str) -> frozenset[Scope]:
    """Return the scopes of ``role``; an unknown role has none."""
    return SCOPES.get(role, frozenset())
