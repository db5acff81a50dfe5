# SPDX-License-Identifier: Apache-2.0
"""Forms of the portal: they parse; services decide."""

import shlex
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.characters import NAMELESS, names_somebody
from aion.residency.policy import Level
from aion.tenancy.models import Project
from marketplace.services.orders import Request


class LaunchForm(forms.Form):
    """What to run, where and for how long."""

    offer = forms.CharField(max_length=40)
    gpus = forms.DecimalField(
        label=_("Number of GPUs"), min_value=Decimal("0.001"), max_digits=9, decimal_places=3, initial=1
    )
    hours = forms.DecimalField(
        label=_("Stop after (hours)"),
        min_value=Decimal("0.2"),
        max_value=Decimal(8760),
        max_digits=7,
        decimal_places=2,
        initial=1,
        help_text=_("The cluster itself stops it then; two minutes before, the process gets SIGTERM."),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=63,
        help_text=_("Lower-case letters, digits and hyphens."),
        initial="my-first-run",
    )
    image = forms.CharField(
        label=_("Container image"), max_length=200, initial="registry.aion.example/library/pytorch:2.9-cuda13"
    )
    command = forms.CharField(
        label=_("Command"),
        max_length=2000,
        required=False,
        help_text=_("Leave empty to run the image's own."),
    )
    project = forms.ModelChoiceField(
        label=_("Project"), queryset=Project.objects.none(), to_field_name="public_id", empty_label=None
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        """Offer the projects in which the actor may start work."""
        super().__init__(*args, **kwargs)
        projects: Any = self.fields["project"]
        projects.queryset = Project.objects.launchable_by(actor)
        for name, field in self.fields.items():
            field.widget.attrs.setdefault("class", "control")
            if self.is_bound and name in self.errors:
                field.widget.attrs["aria-invalid"] = "true"

    def clean_command(self) -> tuple[str, ...]:
        """Split as a shell would, without running one."""
        try:
            return tuple(shlex.split(self.cleaned_data["command"]))
        except ValueError as error:
            raise forms.ValidationError(_("A quotation mark is not closed.")) from error

    def request(self) -> Request:
        """Return the order's request."""
        data = self.cleaned_data
        return Request(
            project_id=data["project"].public_id,
            offer_id=data["offer"],
            name=data["name"],
            image=data["image"],
            command=data["command"],
            milli_gpus=int(data["gpus"] * 1000),
            max_seconds=int(data["hours"] * 3600),
        )


class TokenForm(forms.Form):
    """A new API key."""

    name = forms.CharField(label=_("Name"), max_length=80, widget=forms.TextInput(attrs={"class": "control"}))
    expires_in_days = forms.IntegerField(
        label=_("Expires after (days)"),
        min_value=1,
        max_value=365,
        initial=90,
        widget=forms.NumberInput(attrs={"class": "control"}),
    )
    scopes = forms.MultipleChoiceField(label=_("Rights"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        """Offer only the rights the actor has."""
        super().__init__(*args, **kwargs)
        scopes: Any = self.fields["scopes"]
        scopes.choices = [(scope.value, scope.value) for scope in sorted(actor.scopes)]


class ProjectForm(forms.Form):
    """A new project."""

    name = forms.CharField(label=_("Name"), max_length=80, widget=forms.TextInput(attrs={"class": "control"}))
    residency_policy = forms.ChoiceField(
        label=_("Residency policy"),
        choices=[
            (
                level.name,
                level.name.replace("_", " ").capitalize().replace("Eu ", "EU ").replace("Eea ", "EEA "),
            )
            for level in Level
        ],
        initial=Level.EU_RESIDENT.name,
        widget=forms.Select(attrs={"class": "control"}),
        help_text=_("Where data may be, who may operate and own it. Unknown facts are denied."),
    )
    gpu_quota = forms.IntegerField(
        label=_("GPUs at one time"),
        min_value=1,
        initial=8,
        widget=forms.NumberInput(attrs={"class": "control"}),
        help_text=_("How many GPUs its work may use together; it costs nothing."),
    )


class AccountForm(forms.Form):
    """What a person may set for themselves."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"class": "control"}))

    def clean_name(self) -> str:
        """Refuse what nobody is called: colleagues and the audit log show it."""
        name: str = self.cleaned_data["name"]
        if not names_somebody(name):
            raise forms.ValidationError(NAMELESS, code="nameless")
        return name
