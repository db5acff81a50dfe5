# SPDX-License-Identifier: Apache-2.0
"""What AION changes about django-allauth."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from aion.tenancy.services import languages

NAME = "AION Marketplace"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Sign-up makes a person without any organisation: rights come from memberships only."""

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        """Store the address in lower case, so that one person is one row."""
        user.email = form.cleaned_data["email"].lower()
        user.set_password(form.cleaned_data.get("password1"))
        if commit:
            user.save()
        return user

    def post_login(self, request: HttpRequest, user: Any, **rest: Any) -> HttpResponse:
        """Let the page after the sign-in, and those after it, be in the person's language.

        Who signed up with a passkey has no password and no codes yet: a lost device would lock them out.
        """
        response: HttpResponse = super().post_login(request, user, **rest)
        if rest.get("signup") and Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).exists():
            messages.info(request, _("Keep recovery codes too, for the day the device is lost: Account, Two-factor."))
        languages.bring(request, response, user)
        return response

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Sign mails with the product's name; without a table of sites, allauth would sign with the host's."""
        super().send_mail(template_prefix, email, context | {"current_site": {"name": NAME, "domain": NAME}})

    def format_email_subject(self, subject: str) -> str:
        """Put the product's name before the subject."""
        return f"{NAME}: {subject}"
