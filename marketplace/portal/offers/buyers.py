# SPDX-License-Identifier: Apache-2.0
"""For whom a public page shows prices: one of the person's organisations, or everybody."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from aion.tenancy.models import Organisation
from aion.tenancy.services.actors import actor_of, memberships_of
from billing.queries import Buyer
from marketplace.queries import Allowance, allowance_within

LIST = "list"
MOST = 20


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: the person's organisations, the one prices are for, and what it may still start."""

    mine: list[Organisation]
    organisation: Organisation | None
    buyer: Buyer
    allowance: Allowance
    may_launch: bool = False


def viewer_of(request: HttpRequest) -> Viewer:
    """Return who looks: the first of the person's organisations, ``?for=<slug>``, or the list for ``?for=list``."""
    user: Any = request.user
    memberships = {one.organisation: one for one in memberships_of(user)[:MOST]} if user.is_authenticated else {}
    mine = list(memberships)
    if len(mine) < MOST:
        vars(request)["my_organisations"] = mine  # the page's shell asks for the same
    chosen = request.GET.get("for")
    found = next((one for one in mine if one.slug == chosen), mine[0] if mine and chosen != LIST else None)
    if found is None:
        return Viewer(mine, None, Buyer(), Allowance())
    actor = actor_of(memberships[found], user=user)
    may_launch = "workloads:write" in actor.scopes
    return Viewer(mine, found, Buyer(found.pk, found.kind), allowance_within(actor, found), may_launch)
