# SPDX-License-Identifier: Apache-2.0
"""API tokens: created once, shown once, stored as a digest."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import Forbidden, NotFound, Rejected
from aion.tenancy.audit import Action
from aion.tenancy.models import ApiToken

PREFIX = "aion_"
MAX_DAYS = 365


def digest_of(key: str) -> str:
    """Return the stored form of a key: 256 random bits need no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


@transaction.atomic
def create_token(
    *, actor: Actor, name: str, scopes: Collection[str], expires_in_days: int, at: datetime
) -> tuple[ApiToken, str]:
    """Create a key for the actor and return it with its clear text, which is never stored.

    Raises Forbidden for a scope the actor lacks, Rejected for an unknown scope, no name or a life above a year.
    """
    actor.require(Scope.TOKENS_WRITE)
    if actor.user_id is None or actor.organisation_id is None:
        raise Forbidden(gettext("Only a member of an organisation can create a key."))
    if not name.strip():
        raise Rejected(gettext("Give the key a name, so that you recognise it in the list."), field="name")
    if not 1 <= expires_in_days <= MAX_DAYS:
        raise Rejected(
            gettext("A key lives between 1 and %(max_days)s days.") % {"max_days": MAX_DAYS}, field="expires_in_days"
        )
    if not scopes:
        raise Rejected(gettext("Choose at least one right."), field="scopes")
    for scope in scopes:
        if scope not in Scope._value2member_map_:
            raise Rejected(gettext("%(scope)s is not a right.") % {"scope": scope}, field="scopes")
        if not actor.has(Scope(scope)):
            raise Forbidden(
                gettext("You cannot give %(scope)s to a key: your own role lacks it.") % {"scope": scope},
                field="scopes",
            )
    key = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        organisation_id=actor.organisation_id,
        user_id=actor.user_id,
        name=name.strip(),
        prefix=key[:10],
        digest=digest_of(key),
        scopes=sorted(scopes),
        created_at=at,
        expires_at=at + timedelta(days=expires_in_days),
    )
    audit.record(actor=actor, action=Action.TOKEN_CREATED, subject=token, at=at, changes={"scopes": sorted(scopes)})
    return token, key


@transaction.atomic
def revoke_token(*, actor: Actor, public_id: str, at: datetime) -> ApiToken:
    """Revoke a key for good; revoking twice changes nothing. Raises NotFound for a stranger's."""
    actor.require(Scope.TOKENS_WRITE)
    token: ApiToken | None = ApiToken.objects.visible_to(actor).filter(public_id=public_id).first()
    if token is None:
        raise NotFound(gettext("There is no such key."))
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=at):
        audit.record(actor=actor, action=Action.TOKEN_REVOKED, subject=token, at=at)
        token.refresh_from_db()
    return token
