# SPDX-License-Identifier: Apache-2.0
"""How people sign in, for staff: facts without a secret in them, in place of django-allauth's own forms.

Those let staff read the seeds of authenticator apps and write sessions of other people.
"""

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.people import sign_ins
from aion.staff import Act, DecidedAdmin, ReadOnlyAdmin, on_one

for _model in (EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken, UserSession):
    admin.site.unregister(_model)


def _end(*, row: Any, **rest: Any) -> None:
    sign_ins.end_session(session=row, **rest)


def _remove(*, row: Any, **rest: Any) -> None:
    sign_ins.remove_factor(authenticator=row, **rest)


END = Act(
    title=_("Sign this browser out"),
    done=_("signed out"),
    call=_end,
    warning=_("What was typed there and not sent is lost. The person can sign in again."),
    button=_("Sign out"),
    danger=True,
)
REMOVE = Act(
    title=_("Remove the second factor"),
    done=_("removed"),
    call=_remove,
    warning=_(
        "Make sure that it is the person who asks. All their browsers are signed out, they are told, and owners, "
        "billing and staff set a new factor up before they go on."
    ),
    button=_("Remove"),
    danger=True,
)


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    """Addresses of people, and which they confirmed."""

    list_display: ClassVar = ["email", "user", "primary", "verified"]
    list_filter: ClassVar = ["primary", "verified"]
    list_select_related: ClassVar = ["user"]
    search_fields: ClassVar = ["email", "user__email"]


@admin.register(Authenticator)
class AuthenticatorAdmin(DecidedAdmin):
    """Second factors of people; never their seeds."""

    list_display: ClassVar = ["user", "type", "created_at", "last_used_at"]
    list_filter: ClassVar = ["type"]
    list_select_related: ClassVar = ["user"]
    search_fields: ClassVar = ["user__email"]
    fields: ClassVar = ["user", "type", "created_at", "last_used_at"]
    actions_detail: ClassVar = ["remove_one"]

    remove_one = on_one("remove_one", REMOVE)


@admin.register(UserSession)
class UserSessionAdmin(DecidedAdmin):
    """Browsers that are signed in; never their keys."""

    list_display: ClassVar = ["user", "ip", "user_agent", "created_at", "last_seen_at"]
    list_select_related: ClassVar = ["user"]
    search_fields: ClassVar = ["user__email", "ip"]
    fields: ClassVar = ["user", "ip", "user_agent", "created_at", "last_seen_at"]
    actions_detail: ClassVar = ["end_one"]

    end_one = on_one("end_one", END)


@admin.register(SocialAccount)
class SocialAccountAdmin(ReadOnlyAdmin):
    """Accounts at other providers by which people sign in."""

    list_display: ClassVar = ["user", "provider", "uid", "last_login", "date_joined"]
    list_filter: ClassVar = ["provider"]
    list_select_related: ClassVar = ["user"]
    search_fields: ClassVar = ["user__email", "uid"]
    fields: ClassVar = ["user", "provider", "uid", "last_login", "date_joined"]
