# SPDX-License-Identifier: Apache-2.0
"""The staff admin: only consortium staff with a second factor, and bases for facts that nobody may edit."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
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


TONES = {
    "success": ("active", "approved", "published", "running", "succeeded"),
    "info": ("admitted", "open", "pending", "queued", "requested", "starting"),
    "warning": ("budget_exhausted", "draft", "preempted", "stopping", "timed_out", "withdrawn"),
    "danger": ("failed", "frozen", "rejected"),
}


def state_column(field: str = "state", description: Any = None) -> Any:
    """Return an admin column that shows a state as a coloured word."""
    tone_of = {state: tone for tone, states in TONES.items() for state in states}

    @display(description=description or _("state"), ordering=field, label=tone_of)  # type: ignore[untyped-decorator]
    def column(_: Any, row: Any) -> Any:
        value, words = getattr(row, field), getattr(row, f"get_{field}_display", None)
        return value, words() if words else str(value).replace("_", " ").capitalize()

    return column


def gpus_column(field: str, description: Any) -> Any:
    """Return an admin column that writes milli-GPUs as GPUs."""

    @display(description=description, ordering=field)  # type: ignore[untyped-decorator]
    def column(_: Any, row: Any) -> str:
        return f"{getattr(row, field) / 1000:,g}"

    return column


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


__all__ = ["AionAdminSite", "KeptAdmin", "ModelAdmin", "ReadOnlyAdmin", "gpus_column", "staff_actor", "state_column"]
