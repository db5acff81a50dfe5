# SPDX-License-Identifier: Apache-2.0
"""What somebody wants to reserve: it parses, services decide."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.periods import floor_hour
from aion.tenancy.models import Project
from marketplace.services.reservations import Wish

HOURS = [(hour, f"{hour:02d}:00") for hour in range(24)]
CONTROL = {"class": "control"}
# The form begins with a day, with a start soon enough to try it and late enough to think.
SOON, LENGTH = timedelta(hours=2), timedelta(days=1)


def _day(label: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={**CONTROL, "type": "date"}, format="%Y-%m-%d"))


def _hour(label: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(label=label, coerce=int, choices=HOURS, widget=forms.Select(attrs=CONTROL))


class ReserveForm(forms.Form):
    """How many GPUs for which window, in UTC."""

    offer = forms.CharField(max_length=40, widget=forms.HiddenInput)
    gpus = forms.IntegerField(
        label=_("Number of GPUs"), min_value=1, max_value=1_000_000, widget=forms.NumberInput(attrs=CONTROL)
    )
    project = forms.ModelChoiceField(
        label=_("Project"),
        queryset=Project.objects.none(),
        to_field_name="public_id",
        empty_label=None,
        help_text=_("Only its workloads run on the reservation."),
        widget=forms.Select(attrs=CONTROL),
    )
    start_day = _day(_("From day"))
    start_hour = _hour(_("From hour (UTC)"))
    end_day = _day(_("Until day"))
    end_hour = _hour(_("Until hour (UTC)"))

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        """Offer the projects in which the actor may start work."""
        super().__init__(*args, **kwargs)
        projects: Any = self.fields["project"]
        projects.queryset = Project.objects.launchable_by(actor)
        for name, field in self.fields.items():
            if self.is_bound and name in self.errors:
                field.widget.attrs = {**field.widget.attrs, "aria-invalid": "true"}

    def wish(self, agreed: int | None = None) -> Wish:
        """Return what is wanted."""
        data = self.cleaned_data
        return Wish(
            project_id=data["project"].public_id,
            offer_id=data["offer"],
            milli_gpus=data["gpus"] * 1000,
            starts_at=datetime.combine(data["start_day"], time(data["start_hour"]), tzinfo=UTC),
            ends_at=datetime.combine(data["end_day"], time(data["end_hour"]), tzinfo=UTC),
            agreed=agreed,
        )


def first_wish(offer: Any, at: datetime) -> dict[str, Any]:
    """Return what the form begins with: the smallest reservation, for a day."""
    start = floor_hour(at + SOON)
    end = start + min(LENGTH, timedelta(hours=max(1, offer.max_seconds // 3600)))
    return {
        "offer": offer.public_id,
        "gpus": max(1, -(-offer.min_milli_gpus // 1000)),
        "start_day": start.date(),
        "start_hour": start.hour,
        "end_day": end.date(),
        "end_hour": end.hour,
    }
