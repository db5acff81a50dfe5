# SPDX-License-Identifier: Apache-2.0
"""Organisations, projects and keys for staff; people and members are in ``marketplace.admin.people``."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget

from aion.errors import Rejected
from aion.staff import Act, KeptAdmin, KeptForm, ReadOnlyAdmin, ReasonForm, gpus_column, on_one, on_rows, state_column
from aion.tenancy.models import ApiToken, Organisation, Project
from aion.tenancy.models.quotas import MAX_MILLI_GPUS
from aion.tenancy.roles import Role
from aion.tenancy.services import organisations
from aion.tenancy.services.projects import policy_text


class AppointForm(ReasonForm):
    """Whom staff make a member, as what, and why: the first owner of a member of the consortium."""

    email = forms.EmailField(label=_("E-mail address"), widget=UnfoldAdminEmailInputWidget)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, widget=UnfoldAdminSelectWidget)


class QuotaForm(KeptForm):
    """A form that asks for a quota in GPUs."""

    gpus = forms.DecimalField(
        label=_("GPUs at one time"),
        min_value=0,
        max_value=Decimal(MAX_MILLI_GPUS) / 1000,
        decimal_places=3,
        widget=UnfoldAdminDecimalFieldWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin with what holds."""
        super().__init__(*args, **kwargs)
        gpus = Decimal(self.instance.milli_gpu_quota) / 1000
        self.initial["gpus"] = gpus.normalize() if gpus % 1 else gpus.to_integral_value()

    def clean_gpus(self) -> Decimal:
        """Put the quota into the row."""
        gpus: Decimal = self.cleaned_data["gpus"]
        self.instance.milli_gpu_quota = int(gpus * 1000)
        return gpus


class ProjectForm(QuotaForm):
    """A project, under a policy that there is."""

    def clean_residency_policy(self) -> str:
        """Refuse what no launch could be decided by."""
        try:
            return policy_text(self.cleaned_data["residency_policy"])
        except Rejected as error:
            raise forms.ValidationError(error.detail) from error


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
APPOINT = _act(
    _("Appoint a member"),
    _("appointed"),
    organisations.appoint,
    warning=_("The person has confirmed the address and signed in before. Members invite everybody else."),
    button=_("Appoint"),
    form=AppointForm,
)
UNFREEZE = _act(_("Unfreeze"), _("unfrozen"), organisations.unfreeze_organisation)


@admin.register(Organisation)
class OrganisationAdmin(KeptAdmin):
    """Tenants; freezing needs a reason and is on the record."""

    form = QuotaForm
    list_display: ClassVar = ["name", "kind", "country", "state_word", "gpu_quota", "created_at"]
    list_filter: ClassVar = ["kind", "state"]
    search_fields: ClassVar = ["name", "slug", "public_id"]
    fields: ClassVar = [
        "public_id",
        "name",
        "slug",
        "kind",
        "country",
        "gpus",
        "state",
        "frozen_reason",
    ]
    readonly_fields: ClassVar = ["public_id", "state", "frozen_reason"]
    actions: ClassVar = ["freeze", "unfreeze"]
    actions_detail: ClassVar = ["appoint_one"]
    state_word = state_column()
    gpu_quota = gpus_column("milli_gpu_quota", _("quota (GPUs)"))

    freeze = on_rows("freeze", FREEZE)
    unfreeze = on_rows("unfreeze", UNFREEZE)
    appoint_one = on_one("appoint_one", APPOINT)

    def has_decide_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow who may change organisations."""
        return bool(self.has_change_permission(request))


@admin.register(Project)
class ProjectAdmin(KeptAdmin):
    """Projects; members found them."""

    form = ProjectForm
    fields: ClassVar = ["public_id", "organisation", "name", "slug", "residency_policy", "programme_code", "gpus",
                        "restricted", "archived_at"]  # fmt: skip
    list_display: ClassVar = ["name", "organisation", "residency_policy", "gpu_quota"]
    list_select_related: ClassVar = ["organisation"]
    search_fields: ClassVar = ["name", "public_id", "organisation__name"]
    readonly_fields: ClassVar = ["public_id", "organisation", "slug", "programme_code", "archived_at"]
    gpu_quota = gpus_column("milli_gpu_quota", _("quota (GPUs)"))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a project is its organisation's own act."""
        return False


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
