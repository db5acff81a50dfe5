# SPDX-License-Identifier: Apache-2.0
"""Errors as application/problem+json (RFC 9457) with a stable ``code``."""

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import Http404
from django.utils.translation import gettext
from rest_framework import exceptions, status
from rest_framework.response import Response

from aion import errors
from aion.api.texts import writable
from aion.web.middleware import detail_of, status_of

log = structlog.get_logger(__name__)
MOST_REPEATED = 200
CODES = {400: "invalid", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
         406: "not_acceptable", 415: "unsupported_media_type", 429: "throttled"}  # fmt: skip


def problem(*, status: int, code: str, title: str, detail: str, request_id: str = "", **extra: Any) -> Response:
    """Return a problem document."""
    body = {
        "type": f"https://docs.aion.example/problems/{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
        **extra,
    }
    return Response(writable(body), status=status, content_type="application/problem+json")


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Translate any error of a view; unknown ones stay exceptions and become a 500 without details."""
    request = context.get("request")
    request_id = getattr(getattr(request, "_request", request), "request_id", "")
    if isinstance(error, errors.DomainError):
        extra: dict[str, Any] = {"field": error.field} if error.field else {}
        if error.details:
            extra["details"] = dict(error.details)
        response = problem(
            status=status_of(error), code=error.code, title=gettext(str(error.title)), detail=detail_of(error),
            request_id=request_id, **extra,
        )  # fmt: skip
        if isinstance(error, (errors.Unavailable, errors.TooMany)):
            response["Retry-After"] = str(error.details.get("retry_after", 5))
        return response
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, DatabaseError):
        log.error("database error in the API", error=type(error).__name__)
        return None
    if not isinstance(error, exceptions.APIException):
        return None
    return _from_framework(error, request_id)


def _from_framework(error: exceptions.APIException, request_id: str) -> Response:
    code = CODES.get(error.status_code, "error")
    if isinstance(error, exceptions.ValidationError):
        fields = _short(error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail})
        return problem(
            status=status.HTTP_422_UNPROCESSABLE_ENTITY,
            code="invalid",
            title=gettext("The request is not valid"),
            detail="; ".join(f"{name}: {_flat(messages)}" for name, messages in fields.items()),
            request_id=request_id,
            errors=fields,
        )
    response = problem(
        status=error.status_code,
        code=code,
        title=error.default_code.replace("_", " ").capitalize() if isinstance(error.default_code, str) else "Error",
        detail=_flat(error.detail),
        request_id=request_id,
    )
    challenge, wait = getattr(error, "auth_header", None), getattr(error, "wait", None)
    if challenge:
        response["WWW-Authenticate"] = str(challenge)
    if wait:
        response["Retry-After"] = str(int(wait) + 1)
    return response


def _short(value: Any) -> Any:
    """Cut what a refusal repeats of the request: it may be a megabyte."""
    if isinstance(value, dict):
        return {_short(name): _short(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_short(part) for part in value]
    text = str(value)
    return text if len(text) <= MOST_REPEATED else f"{text[:MOST_REPEATED]}…"


def _flat(detail: Any) -> str:
    if isinstance(detail, dict):
        return "; ".join(f"{name}: {_flat(value)}" for name, value in detail.items())
    if isinstance(detail, (list, tuple)):
        return " ".join(_flat(value) for value in detail)
    return str(detail)
