# SPDX-License-Identifier: Apache-2.0
"""Idempotent writes: key, fingerprint and answer are committed together with the effect."""

import hashlib
import json
from collections.abc import Callable, Collection
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext, gettext_lazy
from rest_framework.request import Request
from rest_framework.response import Response

from aion import clock
from aion.actor import Actor
from aion.api.models import IdempotencyRecord
from aion.api.texts import writable
from aion.errors import Conflict, Rejected

HEADER = "Idempotency-Key"
MAX_KEY = 120


class KeyReused(Rejected):
    """The same key came with another request."""

    code, title = "idempotency_mismatch", gettext_lazy("This Idempotency-Key was used for another request")


class InProgress(Conflict):
    """The first request with this key is still being answered."""

    code, title = "idempotency_in_progress", gettext_lazy("The first request with this key is still running")


def key_of(request: Request) -> str | None:
    """Return the request's key. Raises Rejected for one that is too long or empty."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise Rejected(
            gettext("%(header)s has between 1 and %(max_key)s printable characters.")
            % {"header": HEADER, "max_key": MAX_KEY},
            field=HEADER,
        )
    return key


def once(
    request: Request, actor: Actor, act: Callable[[], tuple[int, Any]], *, unstored: Collection[str] = ()
) -> Response:
    """Answer ``act`` once per key: a repeat gets the stored answer, another body is refused.

    Fields named in ``unstored`` are null in a repeat: a secret that is shown once is not kept here for ever.

    Raises KeyReused (422) for another body, InProgress (409) while the first one runs.
    """
    key = key_of(request)
    if key is None:
        status, body = act()
        return Response(body, status=status)
    fingerprint = _fingerprint(request)
    owner = actor.organisation_id or 0
    try:
        with transaction.atomic():
            with transaction.atomic():
                record = IdempotencyRecord.objects.create(
                    organisation_id=owner,
                    key=key,
                    fingerprint=fingerprint,
                    created_at=clock.now(),
                )
            status, body = act()
            body = writable(json.loads(json.dumps(body, default=str)))
            kept = {**body, **dict.fromkeys(unstored)} if unstored else body
            IdempotencyRecord.objects.filter(pk=record.pk).update(status=status, body=kept)
            return Response(body, status=status)
    except IntegrityError:
        stored = IdempotencyRecord.objects.filter(organisation_id=owner, key=key).first()
        if stored is None:
            raise
    if stored.fingerprint != fingerprint:
        raise KeyReused(gettext("Send the same body again, or a new key for a new request."))
    if not stored.status:
        raise InProgress(gettext("Try again in a moment."))
    response = Response(stored.body, status=stored.status)
    response["Idempotent-Replayed"] = "true"
    return response


def _fingerprint(request: Request) -> str:
    data = request.data
    if isinstance(data, bytes):  # a body that is taken as it comes
        data = hashlib.sha256(data).hexdigest()
    content = json.dumps([request.method, request.path, data], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()
