# SPDX-License-Identifier: Apache-2.0
"""Forms of projects and quotas: they parse; services decide."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.people.quotas import MAX_REASON
from aion.tenancy.models import Membership, Project
from aion.tenancy.models.quotas import MAX_MILLI_GPUS
from billing.queries import sku_choices
from marketplace.portal.forms import ProjectForm


def gpu_field(label: Any, **options: Any) -> forms.DecimalField:
    """Return a field for GPUs; fractions of one are thousandths."""
    return forms.DecimalField(
        label=label,
        min_value=Decimal("0.001"),
        max_value=Decimal(MAX_MILLI_GPUS) / 1000,
        decimal_places=3,
        widget=forms.NumberInput(attrs={"class": "control"}),
        **options,
    )


class EditProjectForm(ProjectForm):
    """What may change of a project."""

    gpu_quota = gpu_field(
        _("GPUs at one time"), help_text=_("How many GPUs its work may use together; it costs nothing.")
    )

    def __init__(self, data: Any = None, *, project: Project) -> None:
        """Start with what holds; a policy with more rules than the list has stays choosable."""
        present = {
            "name": project.name,
            "residency_policy": project.residency_policy,
            "gpu_quota": (Decimal(project.milli_gpu_quota) / 1000).normalize().to_eng_string(),
        }
        super().__init__(data, initial=present)
        policy: Any = self.fields["residency_policy"]
        if project.residency_policy not in dict(policy.choices):
            policy.choices = [*policy.choices, (project.residency_policy, project.residency_policy)]


class MembersForm(forms.Form):
    """Who launches and stops work of a project."""

    restricted = forms.BooleanField(
        label=_("Only the people chosen here"),
        required=False,
        help_text=_("Owners and administrators always may. Everybody may still read, as their role says."),
    )
    members = forms.MultipleChoiceField(label=_("People"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        """Offer the people of the organisation."""
        super().__init__(*args, **kwargs)
        rows = Membership.objects.visible_to(actor).select_related("user").order_by("user__name", "user__email")
        members: Any = self.fields["members"]
        members.choices = [
            (str(row.user_id), f"{row.user.name or row.user.email} ({row.get_role_display()})") for row in rows
        ]


class QuotaForm(forms.Form):
    """A request for more GPUs at one time."""

    project = forms.ModelChoiceField(
        label=_("For"),
        queryset=Project.objects.none(),
        to_field_name="public_id",
        required=False,
        empty_label=_("The whole organisation"),
        widget=forms.Select(attrs={"class": "control"}),
    )
    gpus = gpu_field(_("GPUs at one time"), help_text=_("In all, not on top of what there is."))
    sku = forms.ChoiceField(
        label=_("Of which accelerator"),
        required=False,
        widget=forms.Select(attrs={"class": "control"}),
        help_text=_("A quota of one accelerator comes beside the quota of all."),
    )
    until = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"class": "control", "type": "date"}),
        help_text=_("Leave empty to keep it. After that day nothing new starts beyond the standing quota."),
    )
    reason = forms.CharField(
        label=_("What for"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"class": "control", "rows": 3}),
        help_text=_("Which work, how many GPUs it needs at once, and until when. Staff decide with this."),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        """Offer the actor's projects."""
        super().__init__(*args, **kwargs)
        projects: Any = self.fields["project"]
        projects.queryset = Project.objects.visible_to(actor).filter(archived_at=None)
        skus: Any = self.fields["sku"]
        skus.choices = [("", _("Any")), *sku_choices()]

    def ends(self) -> datetime | None:
        """Return when it ends: after its last day, in UTC."""
        day = self.cleaned_data["until"]
        if day is None:
            return None
        # The last day there is has no next one; the service refuses days that far off.
        return datetime.combine(min(day, date.max - timedelta(days=1)) + timedelta(days=1), time(), UTC)
