# SPDX-License-Identifier: Apache-2.0
"""Request ids, metrics, the Content-Security-Policy by path, and domain errors as pages."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext

from aion import errors
from aion.web.metrics import LATENCY, REQUESTS

GetResponse = Callable[[HttpRequest], HttpResponseBase]
SAFE_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
STATUS = {
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.PaymentRequired: 402,
    errors.Conflict: 409,
    errors.Rejected: 422,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
# Unfold needs inline styles and eval, Swagger UI inline styles; nothing else is relaxed.
ADMIN_CSP = {
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
}
DOCS_CSP = {"style-src": [SELF, UNSAFE_INLINE], "img-src": [SELF, "data:"]}


def status_of(error: errors.DomainError) -> int:
    """Return the HTTP status of a domain error's category."""
    return next(code for kind, code in STATUS.items() if isinstance(error, kind))


def detail_of(error: errors.DomainError) -> str:
    """Return what a refusal says in the language of the request; the kernel's own words are translated only here."""
    if error.words and error.detail == str(error.words) % error.details:
        return gettext(str(error.words)) % error.details
    return gettext(error.detail)


class RequestIdMiddleware:
    """Gives every request an id that is in its answer, its logs and its audit events."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Bind the id for the time of the request."""
        given = request.headers.get("X-Request-Id", "")
        request_id = given if SAFE_ID.match(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # ours, on every request
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self.get_response(request)
        finally:
            structlog.contextvars.unbind_contextvars("request_id")
        response.headers["X-Request-Id"] = request_id
        return response


class MetricsMiddleware:
    """Counts and times requests by route, never by path: ids are no labels."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Observe one request."""
        began = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = match.view_name or match.route if match else "unmatched"
        REQUESTS.labels(request.method or "", route, str(response.status_code)).inc()
        LATENCY.labels(route).observe(time.perf_counter() - began)
        return response


class RelaxedCspMiddleware:
    """Relaxes the policy under the staff admin and the API's own documentation, and nowhere else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Set the update that django-csp merges into the policy."""
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_update = ADMIN_CSP  # type: ignore[attr-defined]  # django-csp's own mark
        elif request.path.startswith("/api/docs/"):
            response._csp_update = DOCS_CSP  # type: ignore[attr-defined]  # django-csp's own mark
        return response


class DomainErrorMiddleware:
    """Turns a domain error that a page did not handle itself into a page that says what to do."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass through."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render the error's page; everything else stays an exception."""
        if not isinstance(exception, errors.DomainError):
            return None
        status = status_of(exception)
        template = {403: "403.html", 404: "404.html"}.get(status, "error.html")
        context = {"error": exception, "title": gettext(str(exception.title)), "status": status}
        return render(request, template, context, status=status)
