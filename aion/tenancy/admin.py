# SPDX-License-Identifier: Apache-2.0
"""People, organisations, projects and keys for staff."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from aion import clock
from aion.errors import DomainError
from aion.staff import KeptAdmin, ReadOnlyAdmin, gpus_column, staff_actor, state_column
from aion.tenancy.models import ApiToken, Membership, Organisation, Project, User
from aion.tenancy.services import organisations


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}), max_length=200)


def _with_reason(
    admin_class: Any, request: HttpRequest, rows: QuerySet[Any], name: str, act: Any
) -> HttpResponse | None:
    """Ask for a reason on a page of its own, then act on each row."""
    form = ReasonForm(request.POST if "confirmed" in request.POST else None)
    if form.is_valid():
        for row in rows:
            try:
                act(
                    actor=staff_actor(request),
                    organisation=row,
                    reason=form.cleaned_data["reason"],
                    at=clock.now(),
                )
            except DomainError as error:
                messages.error(request, f"{row}: {error.detail}")
            else:
                messages.success(request, f"{row}: {name}")
        return None
    context = {
        **admin_class.admin_site.each_context(request),
        "title": name,
        "rows": rows,
        "form": form,
        "action": request.POST.get("action"),
        "opts": admin_class.model._meta,
    }
    return TemplateResponse(request, "admin/confirm_reason.html", context)


@admin.register(User)
class UserAdmin(KeptAdmin):
    """People. Passwords are set by the person."""

    list_display: ClassVar = ["email", "name", "is_staff", "is_active", "date_joined"]
    list_filter: ClassVar = ["is_staff", "is_active"]
    search_fields: ClassVar = ["email", "name"]
    fields: ClassVar = ["email", "name", "is_active", "is_staff", "is_superuser"]
    readonly_fields: ClassVar = ["email"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People sign up."""
        return False


class MembershipInline(TabularInline):  # type: ignore[misc]
    """Members of an organisation."""

    model = Membership
    extra = 0
    autocomplete_fields: ClassVar = ["user"]


@admin.register(Organisation)
class OrganisationAdmin(KeptAdmin):
    """Tenants; freezing needs a reason and is on the record."""

    list_display: ClassVar = ["name", "kind", "country", "state_word", "gpu_quota", "created_at"]
    list_filter: ClassVar = ["kind", "state"]
    search_fields: ClassVar = ["name", "slug", "public_id"]
    fields: ClassVar = [
        "public_id",
        "name",
        "slug",
        "kind",
        "country",
        "milli_gpu_quota",
        "state",
        "frozen_reason",
    ]
    readonly_fields: ClassVar = ["public_id", "state", "frozen_reason"]
    inlines: ClassVar = [MembershipInline]
    actions: ClassVar = ["freeze", "unfreeze"]
    state_word = state_column()
    gpu_quota = gpus_column("milli_gpu_quota", _("quota (GPUs)"))

    @admin.action(description=_("Freeze: nothing new starts, running work drains"))
    def freeze(self, request: HttpRequest, rows: QuerySet[Organisation]) -> HttpResponse | None:
        """Freeze the chosen organisations."""
        return _with_reason(self, request, rows, "frozen", organisations.freeze_organisation)

    @admin.action(description=_("Unfreeze"))
    def unfreeze(self, request: HttpRequest, rows: QuerySet[Organisation]) -> HttpResponse | None:
        """Unfreeze the chosen organisations."""
        return _with_reason(self, request, rows, "unfrozen", organisations.unfreeze_organisation)


@admin.register(Project)
class ProjectAdmin(KeptAdmin):
    """Projects."""

    list_display: ClassVar = ["name", "organisation", "residency_policy", "gpu_quota"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["name", "public_id", "organisation__name"]
    readonly_fields: ClassVar = ["public_id", "organisation", "slug"]
    gpu_quota = gpus_column("milli_gpu_quota", _("quota (GPUs)"))


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """API keys; their text is known to nobody."""

    list_display: ClassVar = [
        "name",
        "prefix",
        "organisation",
        "user",
        "expires_at",
        "last_used_at",
        "revoked_at",
    ]
    list_select_related: ClassVar = ["organisation", "user"]
    fields: ClassVar = [
        "public_id",
        "name",
        "prefix",
        "organisation",
        "user",
        "scopes",
        "expires_at",
        "revoked_at",
    ]
