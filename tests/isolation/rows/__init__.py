# SPDX-License-Identifier: Apache-2.0
"""The rows of the matrix that a part of the product brings, and what all rows share."""

from dataclasses import dataclass
from typing import Any

from aion.tenancy.roles import Role
from tests.worlds import Tenant

READERS = {Role.OWNER, Role.ADMIN, Role.DEVELOPER, Role.BILLING, Role.VIEWER}
MANAGERS = {Role.OWNER, Role.ADMIN}
LAUNCHERS = MANAGERS | {Role.DEVELOPER}
PAYERS = MANAGERS | {Role.BILLING}
EVERYONE = set(Role)


@dataclass(frozen=True)
class Row:
    """One portal route: who may see it. ``status`` is what the allowed get."""

    name: str
    roles: set[Any]
    thing: str = ""
    method: str = "get"
    status: int = 200


@dataclass(frozen=True)
class World:
    """A tenant and a stranger, and the public ids of what each has, by the names that rows use."""

    mine: Tenant
    theirs: Tenant
    things: dict[str, str]
    foreign: dict[str, str]
