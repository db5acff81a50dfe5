# SPDX-License-Identifier: Apache-2.0
"""Members, invitations, legal identities and documents for staff: facts to look at, and acts that ask why."""

from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from aion import clock
from aion.people import memberships, organisations
from aion.staff import (
    Act,
    AskedAdmin,
    AskForm,
    DecidedAdmin,
    KeptAdmin,
    ReadOnlyAdmin,
    ReasonForm,
    on_one,
    staff_actor,
    state_column,
)
from aion.tenancy.models import (
    Impersonation,
    Invitation,
    LegalIdentity,
    Membership,
    TermsAcceptance,
    TermsVersion,
    User,
)
from aion.tenancy.roles import Role
from marketplace.services.erasure import erase_person


class RoleForm(ReasonForm):
    """Another role, and why."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, widget=UnfoldAdminSelectWidget)


def _change(*, actor: Any, row: Membership, **rest: Any) -> None:
    own = replace(actor, organisation_id=row.organisation_id)
    memberships.change_role(actor=own, public_id=row.public_id, **rest)


def _remove(*, actor: Any, row: Membership, **rest: Any) -> None:
    own = replace(actor, organisation_id=row.organisation_id)
    memberships.remove_member(actor=own, public_id=row.public_id, **rest)


def _erase(*, actor: Any, row: User, **rest: Any) -> None:
    erase_person(actor=actor, user=row, **rest)


CHANGE = Act(
    title=_("Change the role"),
    done=_("role changed"),
    call=_change,
    form=RoleForm,
    initial=lambda row: {"role": row.role},
)
REMOVE = Act(
    title=_("Remove from the organisation"),
    done=_("removed"),
    call=_remove,
    warning=_("The member's keys of this organisation end. The last owner cannot be removed."),
    button=_("Remove"),
    danger=True,
)
ERASE = Act(
    title=_("Erase the person"),
    done=_("erased"),
    call=_erase,
    warning=_("What names the person goes for good; the books and the audit log keep a number. It cannot be undone."),
    button=_("Erase"),
    danger=True,
)


@admin.register(User)
class UserAdmin(KeptAdmin):
    """People. Passwords are set by the person."""

    list_display: ClassVar = ["email", "name", "is_staff", "is_active", "date_joined"]
    list_filter: ClassVar = ["is_staff", "is_active"]
    search_fields: ClassVar = ["email", "name"]
    ordering: ClassVar = ["email"]
    fields: ClassVar = ["email", "name", "is_active", "is_staff", "is_superuser"]
    readonly_fields: ClassVar = ["email"]
    actions_detail: ClassVar = ["erase_one"]

    erase_one = on_one("erase_one", ERASE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People sign up."""
        return False

    def has_decide_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow who may change people."""
        return bool(self.has_change_permission(request))


@admin.register(Membership)
class MembershipAdmin(DecidedAdmin):
    """Who is a member of what; roles change by an act with a reason."""

    list_display: ClassVar = ["user", "organisation", "role", "created_at", "look"]
    list_filter: ClassVar = ["role"]
    list_select_related: ClassVar = ["user", "organisation"]
    search_fields: ClassVar = ["user__email", "user__name", "organisation__name", "public_id"]
    fields: ClassVar = ["public_id", "user", "organisation", "role", "created_at"]
    actions_detail: ClassVar = ["change_one", "remove_one"]

    change_one = on_one("change_one", CHANGE)
    remove_one = on_one("remove_one", REMOVE)

    @display(description=_("as the member"))  # type: ignore[untyped-decorator]  # unfold has no types
    def look(self, row: Membership) -> str:
        """Return the way to look at the portal as the member does."""
        return format_html('<a href="{}">{}</a>', reverse("portal:look", args=[row.public_id]), _("Look"))


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Invitations; their tokens are known to nobody."""

    list_display: ClassVar = ["email", "organisation", "role", "state_word", "sent", "expires_at"]
    list_filter: ClassVar = ["state", "role"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["email", "public_id", "organisation__name"]
    fields: ClassVar = ["public_id", "email", "organisation", "role", "state", "invited_by", "sent", "created_at",
                        "expires_at", "accepted_by", "accepted_at"]  # fmt: skip
    state_word = state_column()


@admin.register(LegalIdentity)
class LegalIdentityAdmin(ReadOnlyAdmin):
    """Who organisations are before the law, as they said."""

    list_display: ClassVar = ["legal_name", "organisation", "country", "registration_number", "vat_number", "size"]
    list_filter: ClassVar = ["size", "registration_scheme"]
    list_select_related: ClassVar = ["organisation", "country"]
    search_fields: ClassVar = ["legal_name", "registration_number", "vat_number", "organisation__name"]


@admin.register(Impersonation)
class ImpersonationAdmin(ReadOnlyAdmin):
    """Which staff looked as whom, why and how long."""

    list_display: ClassVar = ["staff", "user", "organisation", "reason", "started_at", "ended_at"]
    list_select_related: ClassVar = ["staff", "user", "organisation"]


@admin.register(TermsAcceptance)
class TermsAcceptanceAdmin(ReadOnlyAdmin):
    """Which organisation accepted which document."""

    list_display: ClassVar = ["organisation", "terms", "user_id", "at"]
    list_filter: ClassVar = ["terms"]
    list_select_related: ClassVar = ["organisation", "terms"]


class TermsForm(AskForm):
    """A new version; it is never changed afterwards."""

    class Meta:
        model = TermsVersion
        fields = ("kind", "version", "title_en", "title_fr", "text_en", "text_fr", "valid_from")


@admin.register(TermsVersion)
class TermsVersionAdmin(AskedAdmin):
    """Documents by version: published once, told to every organisation's owners, kept for ever."""

    form = TermsForm
    list_display: ClassVar = ["kind", "version", "title_en", "valid_from"]
    list_filter: ClassVar = ["kind"]

    def ask(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        """Publish it."""
        return organisations.publish_terms(actor=staff_actor(request), at=clock.now(), **data)
