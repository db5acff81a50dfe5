# SPDX-License-Identifier: Apache-2.0
"""Rights before lookups: a member without the right gets 403 for what exists and what does not alike."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from aion.actor import Actor, Scope
from aion.errors import Forbidden


class HasScope(BasePermission):
    """Refuses an action that declares no scope, and an actor without it; before anything is looked up."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return False without a token (401); raise Forbidden without the right."""
        actor: Any = request.auth
        if not isinstance(actor, Actor):
            return False
        action = getattr(view, "action", None)
        if action is None:
            return True  # the method is not allowed: 405 comes next
        scopes: Mapping[str, Scope] = getattr(view, "scopes", {})
        if action not in scopes:
            raise Forbidden(gettext("This action declares no right and is closed."))
        actor.require(scopes[action])
        return True
