# SPDX-License-Identifier: Apache-2.0
"""The staff admin: only consortium staff with a second factor, and bases for facts that nobody may edit."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from aion.actor import Actor, Scope, Via


class AionAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """The admin behind django-allauth's sign-in and a second factor."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Allow active staff who signed in with a second factor set up."""
        user: Any = request.user
        return bool(user.is_active and user.is_staff and is_mfa_enabled(user))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send people to the portal's sign-in, staff without a second factor to its set-up, others away."""
        user: Any = request.user
        if not user.is_authenticated:
            return redirect(f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}")
        if user.is_staff and not is_mfa_enabled(user):
            return redirect("mfa_index")
        return redirect("portal:home")


def staff_actor(request: HttpRequest) -> Actor:
    """Return the actor of a member of staff; the services' audit rows carry the person."""
    user: Any = request.user
    return Actor(user.pk, None, "staff", frozenset(Scope), Via.ADMIN, user.email)


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """Facts: to be looked at, never added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


class KeptAdmin(ModelAdmin):  # type: ignore[misc]
    """Rows that may be added and changed, never deleted: others refer to them."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


__all__ = ["AionAdminSite", "KeptAdmin", "ModelAdmin", "ReadOnlyAdmin", "staff_actor"]
