# SPDX-License-Identifier: Apache-2.0
"""What AION changes about signing in with another provider's account."""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from aion import characters


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """An account elsewhere counts only with an address that the provider has confirmed; none is connected silently."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Send back who comes with an address that nobody has confirmed."""
        if sociallogin.is_existing or any(one.verified for one in sociallogin.email_addresses):
            return
        messages.error(request, _("Your provider has not confirmed your e-mail address: confirm it there first."))
        raise ImmediateHttpResponse(redirect("account_login"))

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> Any:
        """Store the address in lower case, so that one person is one row, and what can be seen of the name."""
        user = super().populate_user(request, sociallogin, data)
        user.email, user.name = user.email.lower(), characters.without_unseen(data.get("name") or "")[:120]
        return user
