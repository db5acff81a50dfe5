# SPDX-License-Identifier: Apache-2.0
"""Error pages: problem+json under /api/, a page elsewhere."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext


def _problem(request: HttpRequest, status: int, code: str, title: str, detail: str) -> HttpResponse:
    body = {
        "type": f"https://docs.aion.example/problems/{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": getattr(request, "request_id", ""),
    }
    return JsonResponse(body, status=status, content_type="application/problem+json")


@login_not_required
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404; a stranger cannot tell a hidden thing from a missing one."""
    if request.path.startswith("/api/"):
        return _problem(request, 404, "not_found", gettext("Not found"), gettext("There is nothing at this address."))
    return render(request, "404.html", {"status": 404}, status=404)


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 with the request id, from a template that needs nothing."""
    if request.path.startswith("/api/"):
        detail = gettext(
            "Something failed on our side. Nothing was half-done; try again, or tell support the request id."
        )
        return _problem(request, 500, "internal_error", gettext("Internal error"), detail)
    return render(
        request,
        "500.html",
        {"request_id": getattr(request, "request_id", ""), "support_email": settings.SUPPORT_EMAIL},
        status=500,
    )


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "", **_: Any) -> HttpResponse:
    """Answer a form that was sent from elsewhere or too late."""
    return render(request, "403.html", {"status": 403, "csrf": True, "reason": reason}, status=403)
