# SPDX-License-Identifier: Apache-2.0
"""Shares agreed with the demo's operators, and a settled month of one of them."""

from datetime import date, datetime

from aion.actor import Actor, Scope, Via, system
from aion.tenancy.models import Organisation, OrganisationKind, User
from aion.tenancy.roles import Role
from billing.services.statements import last_closable
from billing.settlement import queries
from billing.settlement.services.agreements import agree_share, propose_share
from billing.settlement.services.settling import settle_for, sites_by_operator
from marketplace.seed.people import STAFF, Person, join

SHARE, FIRST = 8_500, date(2026, 1, 1)


def seed_settlement(*, slug: str, at: datetime) -> None:
    """Agree with every member that operates a site, and settle the latest month of ``slug``; twice adds nothing."""
    join(Person("auditor", "anna@audit.example", "Anna Keller", slug, Role.VIEWER))
    first, second = (_staff(email) for _, email, _ in STAFF)
    sites = sites_by_operator()
    for member in Organisation.objects.filter(kind=OrganisationKind.MEMBER, pk__in=sites).order_by("pk"):
        reader = system("seed", organisation_id=member.pk)
        if queries.share_in_force(reader, at.date()) is None:
            asked = propose_share(
                actor=first, organisation=member, share_basis_points=SHARE, first_month=FIRST, end_month=None,
                reason="Consortium agreement, annex 3", at=at,
            )  # fmt: skip
            agree_share(actor=second, public_id=asked.public_id, at=at)
        if member.slug == slug and not queries.settlements(reader).exists():
            settle_for(
                actor=system("seed"), organisation_id=member.pk, month=last_closable(at), sites=sites[member.pk],
                revision=1, at=at,
            )  # fmt: skip


def _staff(email: str) -> Actor:
    user = User.objects.get(email=email)
    return Actor(user.pk, None, "staff", frozenset(Scope), Via.COMMAND, user.email)
