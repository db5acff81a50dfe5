# SPDX-License-Identifier: Apache-2.0
"""The way in and the demo's mailbox."""

import email
import email.policy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View

from aion.actor import Scope
from aion.tenancy.models import Organisation, User
from aion.tenancy.services.actors import actor_for
from aion.web.text import text_in

MAILS = 50
# Django writes all mails of one connection into one file, with this line between them.
BETWEEN = b"\n" + b"-" * 79 + b"\n"
# Where a member lands: the first page of these that the role may read.
ENTRANCES = (
    (Scope.WORKLOADS_READ, "portal:overview"),
    (Scope.POOLS_READ, "portal:pools"),
    (Scope.REVIEWS_WRITE, "portal:reviews"),
    (Scope.TOKENS_READ, "portal:keys"),
    (Scope.ORGANISATION_READ, "portal:team"),
)


@method_decorator(login_not_required, name="dispatch")
class HomeView(View):
    """Sends everybody where they belong."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Go to the price list, the one organisation or ``?for=<slug>``, the choice of one, or the staff admin."""
        user: Any = request.user
        if not user.is_authenticated:
            return redirect("portal:prices")
        mine = Organisation.objects.of_user(user)
        chosen = mine.filter(slug=text_in(request.GET, "for")).first()
        organisations = [chosen] if chosen else list(mine[:20])
        if len(organisations) == 1:
            return _enter(user, organisations[0].slug)
        if not organisations and user.is_staff:
            return redirect("admin:index")
        return render(request, "marketplace/choose.html", {"organisations": organisations})


def _enter(user: User, slug: str) -> HttpResponse:
    actor = actor_for(user=user, slug=slug)
    page = next((name for scope, name in ENTRANCES if actor.has(scope)), None)
    return redirect(page, slug=slug) if page else redirect("portal:prices")


@method_decorator(login_not_required, name="dispatch")
class MailboxView(View):
    """The mails that the demo sent; there is no such page where real mail is sent."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """List the newest mails. Raises Http404 outside the demo."""
        if not settings.LOCAL_MAILBOX:
            raise Http404
        folder = Path(settings.LOCAL_MAILBOX)
        files = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)[:MAILS]
        mails = [_read(one) for path in files for one in reversed(path.read_bytes().split(BETWEEN)) if one.strip()]
        return render(request, "marketplace/mailbox.html", {"mails": mails[:MAILS]})


def _read(content: bytes) -> dict[str, Any]:
    message = email.message_from_bytes(content, policy=email.policy.default)
    body = message.get_body(("plain",))
    return {
        "to": str(message["To"] or ""),
        "subject": str(message["Subject"] or ""),
        "at": _instant(message["Date"].datetime) if message["Date"] else None,
        "text": body.get_content() if body is not None else "",
    }


def _instant(sent: datetime) -> datetime:
    # "-0000" is UTC without a place, which Python reads as a naive datetime.
    return sent if sent.tzinfo else sent.replace(tzinfo=UTC)
