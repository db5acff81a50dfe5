# SPDX-License-Identifier: Apache-2.0
"""The rows of the matrix that a part of the product brings, and what all rows share."""

from dataclasses import dataclass
from typing import Any

from aion.tenancy.roles import Role

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
