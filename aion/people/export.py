# SPDX-License-Identifier: Apache-2.0
"""What we know of a person, as they may have it (Articles 15 and 20 of Regulation (EU) 2016/679)."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from aion.audit.models import AuditEvent
from aion.events.models import Mail, Notification, NotificationPreference
from aion.tenancy.models import ApiToken, Invitation, Membership, TermsAcceptance, User

CHUNK = 500


def personal_data(user: User) -> Iterator[bytes]:
    """Yield one JSON document in pieces: an object with a list for each kind of thing. Secrets are never in it."""
    account = {name: getattr(user, name) for name in ("email", "name", "language", "theme", "is_staff", "date_joined")}
    yield b'{"account": ' + _json(account)
    for name, rows in _sections(user).items():
        yield b', "' + name.encode() + b'": ['
        yield from _listed(rows.iterator(chunk_size=CHUNK))
        yield b"]"
    yield b"}\n"


def _sections(user: User) -> dict[str, QuerySet[Any, Any]]:
    mine = {"user": user}
    return {
        "addresses": EmailAddress.objects.filter(**mine).values("email", "verified", "primary"),
        "second_factors": Authenticator.objects.filter(**mine).values("type", "created_at", "last_used_at"),
        "accounts_elsewhere": SocialAccount.objects.filter(**mine).values(
            "provider", "uid", "date_joined", "extra_data"
        ),
        "sessions": UserSession.objects.filter(**mine).values("created_at", "ip", "last_seen_at", "user_agent"),
        "memberships": Membership.objects.filter(**mine).values("organisation__name", "role", "created_at"),
        "invitations_accepted": Invitation.objects.filter(accepted_by=user).values(
            "organisation__name", "email", "role", "accepted_at"
        ),
        "documents_accepted": TermsAcceptance.objects.filter(user_id=user.pk).values(
            "organisation__name", "terms__kind", "terms__version", "at"
        ),
        "api_keys": ApiToken.objects.filter(**mine).values(
            "public_id", "name", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at"
        ),
        "notification_preferences": NotificationPreference.objects.filter(**mine).values("family", "in_app", "mail"),
        "notifications": Notification.objects.filter(**mine).values("event__type", "event__data", "created_at"),
        "mails": Mail.objects.filter(**mine).values("event__type", "language", "state", "created_at", "sent_at"),
        "acts": AuditEvent.objects.filter(user_id=user.pk)
        .order_by("pk")
        .values("action", "subject_type", "subject_id", "reason", "changes", "via", "at"),
    }


def _listed(rows: Iterable[Any]) -> Iterator[bytes]:
    comma = b""
    for row in rows:
        yield comma + _json(row)
        comma = b",\n"


def _json(value: Any) -> bytes:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False).encode()
