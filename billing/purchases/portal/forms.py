# SPDX-License-Identifier: Apache-2.0
"""Forms of buying."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from aion import figures
from aion.money import MICRO
from billing.purchases.payments.gateway import SavedMethod
from billing.purchases.services.recharge import Wish
from billing.purchases.states import Method
from billing.purchases.words import METHODS

PRESETS = (100, 500, 2_000, 10_000)


class Marking(forms.Form):
    """Marks the control of a field that is wrong."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Mark the control as well."""
        super().add_error(field if field in self.fields else None, error)
        if field in self.fields:
            self.fields[field].widget.attrs["aria-invalid"] = "true"


class AddCreditsForm(Marking):
    """How many credits, and how they are paid."""

    credits = forms.IntegerField(
        label=_("Credits"),
        widget=forms.NumberInput(attrs={"class": "control num", "inputmode": "numeric", "step": 1}),
    )
    method = forms.ChoiceField(
        label=_("Pay by"),
        choices=list(METHODS.items()),
        initial=Method.CARD,
        widget=forms.Select(attrs={"class": "control"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Say the limits that are in force."""
        super().__init__(*args, **kwargs)
        least, most = settings.PURCHASE_MIN_CREDITS, settings.PURCHASE_MAX_CREDITS
        field = self.fields["credits"]
        field.widget.attrs |= {"min": least, "max": most}
        field.help_text = _("Whole credits, from %(least)s to %(most)s. For more, ask for a quote.") % {
            "least": figures.number(least),
            "most": figures.number(most),
        }


class RechargeForm(Marking):
    """When credit is bought by itself, and how much at the most."""

    below = forms.IntegerField(
        label=_("When the balance falls below (credits)"),
        min_value=0,
        widget=forms.NumberInput(attrs={"class": "control num", "inputmode": "numeric"}),
    )
    credits = forms.IntegerField(
        label=_("Buy (credits)"),
        widget=forms.NumberInput(attrs={"class": "control num", "inputmode": "numeric"}),
    )
    monthly_credits = forms.IntegerField(
        label=_("At most a month (credits)"),
        widget=forms.NumberInput(attrs={"class": "control num", "inputmode": "numeric"}),
        help_text=_("Counted over the calendar month; the cap holds whatever happens."),
    )
    method = forms.ChoiceField(label=_("Saved method"), widget=forms.Select(attrs={"class": "control"}))

    def __init__(self, *args: Any, methods: list[SavedMethod], **kwargs: Any) -> None:
        """Offer the saved methods."""
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["method"]
        choice.choices = [(one.id, one.label) for one in methods]

    def wish(self) -> Wish:
        """Return what was asked for."""
        data = self.cleaned_data
        return Wish(data["below"] * MICRO, data["credits"], data["monthly_credits"], data["method"])
