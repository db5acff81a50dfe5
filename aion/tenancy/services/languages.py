# SPDX-License-Identifier: Apache-2.0
"""The one language of a person: pages, mails and every browser they sign in with."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from aion.tenancy.models import User


def is_ours(language: str) -> bool:
    """Tell whether we write in ``language``."""
    return language in dict(settings.LANGUAGES)


def choose(*, user: User, language: str) -> None:
    """Store what ``user`` reads; what we do not write in changes nothing."""
    if is_ours(language):
        User.objects.filter(pk=user.pk).exclude(language=language).update(language=language)


def show_in(response: HttpResponseBase, language: str) -> None:
    """Let the browser ask for its next pages in ``language``."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=settings.LANGUAGE_COOKIE_PATH,
        domain=settings.LANGUAGE_COOKIE_DOMAIN,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )


def bring(request: HttpRequest, response: HttpResponseBase, user: Any) -> None:
    """Show ``user`` who signs in their own language; who has chosen none keeps what the browser was switched to."""
    if is_ours(user.language):
        show_in(response, user.language)
    else:
        choose(user=user, language=request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""))
