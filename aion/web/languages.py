# SPDX-License-Identifier: Apache-2.0
"""The language switch."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.i18n import set_language

from aion.tenancy.services import languages


@login_not_required
def switch_language(request: HttpRequest) -> HttpResponse:
    """Switch this browser, and remember it for who is signed in: mails and other browsers follow."""
    response: HttpResponse = set_language(request)
    user: Any = request.user
    if request.method == "POST" and user.is_authenticated:
        languages.choose(user=user, language=request.POST.get("language", ""))
    return response
