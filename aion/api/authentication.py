# SPDX-License-Identifier: Apache-2.0
"""Bearer tokens become actors; the browser's session has no power here."""

from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Subquery
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from aion import clock
from aion.actor import Actor
from aion.people.verified import factors_of, require_second_factor
from aion.tenancy.models import ApiToken
from aion.tenancy.services.actors import actor_of_token, roles_of_tokens
from aion.tenancy.services.tokens import digest_of

LAST_USED_STEP = timedelta(minutes=5)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer aion_…`."""

    keyword = b"bearer"

    def authenticate(self, request: Request) -> tuple[Any, Actor] | None:
        """Return (user, actor). Raises AuthenticationFailed for an unknown, expired or revoked key.

        A key of an owner or of billing works only while the person has a second factor: else SecondFactorNeeded.
        """
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != self.keyword:
            return None
        if len(parts) != 2:
            raise AuthenticationFailed(_("Send one key: Authorization: Bearer aion_…"))
        now = clock.now()
        token = (
            ApiToken.objects.usable_at(now)
            .filter(digest=digest_of(parts[1].decode(errors="replace")))
            .select_related("user", "organisation")
            .annotate(has_factor=Exists(factors_of(OuterRef("user"))), role=Subquery(roles_of_tokens()))
            .first()
        )
        actor = actor_of_token(token, token.role) if token is not None else None
        if token is None or actor is None:
            raise AuthenticationFailed(_("This key is unknown, expired or revoked."))
        require_second_factor(token.user, actor.role, has_one=token.has_factor)
        if token.last_used_at is None or now - token.last_used_at > LAST_USED_STEP:
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        given: Any = request
        given.organisation = token.organisation
        return token.user, actor

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge, so that a missing key is 401 and not 403."""
        return 'Bearer realm="aion"'
