# SPDX-License-Identifier: Apache-2.0
"""What AION changes about django-allauth's forms of second factors."""

from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.utils.translation import gettext_lazy as _


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """A passkey, whose name stands in the language of the page."""

    name = forms.CharField(
        label=_("Name"), required=False, help_text=_("So that you know it from others, such as “Work laptop”.")
    )
