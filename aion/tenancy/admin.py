# SPDX-License-Identifier: Apache-2.0
"""People, organisations, projects and keys for staff."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from aion.staff import Act, KeptAdmin, KeyedChoices, ReadOnlyAdmin, gpus_column, on_rows, state_column
from aion.tenancy.models import ApiToken, Membership, Organisation, Project, User
from aion.tenancy.services import organisations


def _act(title: Any, done: Any, service: Any, **fields: Any) -> Act:
    def call(*, row: Organisation, **rest: Any) -> None:
        service(organisation=row, **rest)

    return Act(title=title, done=done, call=call, **fields)


FREEZE = _act(
    _("Freeze: nothing new starts, running work drains"),
    _("frozen"),
    organisations.freeze_organisation,
    warning=_("Its members can start nothing, and what runs is stopped with notice. They read your reason."),
    button=_("Freeze"),
    danger=True,
)
UNFREEZE = _act(_("Unfreeze"), _("unfrozen"), organisations.unfreeze_organisation)


@admin.register(User)
class UserAdmin(KeptAdmin):
    """People. Passwords are set by the person."""

    list_display: ClassVar = ["email", "name", "is_staff", "is_active", "date_joined"]
    list_filter: ClassVar = ["is_staff", "is_active"]
    search_fields: ClassVar = ["email", "name"]
    ordering: ClassVar = ["email"]
    fields: ClassVar = ["email", "name", "is_active", "is_staff", "is_superuser"]
    readonly_fields: ClassVar = ["email"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People sign up."""
        return False


class MembershipInline(KeyedChoices, TabularInline):  # type: ignore[misc]
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

    freeze = on_rows("freeze", FREEZE)
    unfreeze = on_rows("unfreeze", UNFREEZE)

    def has_decide_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow who may change organisations."""
        return bool(self.has_change_permission(request))


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
