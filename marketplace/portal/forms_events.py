# SPDX-License-Identifier: Apache-2.0
"""Forms of webhooks and of what a person wants to hear of: they parse; services decide."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from aion.events.guard import MAX_URL
from aion.events.queries import Choice
from aion.events.states import DeliveryState
from aion.events.types import TYPES, subscribable

CONTROL = {"class": "control"}


class EndpointForm(forms.Form):
    """An address and the events it gets."""

    url = forms.CharField(
        label=_("Address"),
        max_length=MAX_URL,
        widget=forms.TextInput(attrs={**CONTROL, "placeholder": "https://hooks.example/aion", "inputmode": "url"}),
    )
    description = forms.CharField(
        label=_("Description"), max_length=120, required=False, widget=forms.TextInput(attrs=CONTROL)
    )
    event_types = forms.MultipleChoiceField(
        label=_("Events"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Choose none to get all, also those that will be added."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the registered types."""
        super().__init__(*args, **kwargs)
        events: Any = self.fields["event_types"]
        events.choices = [(one.name, f"{one.title} ({one.name})") for one in subscribable()]


class DeliveryFilterForm(forms.Form):
    """Which deliveries to show; what is no choice is ignored."""

    state = forms.ChoiceField(required=False, choices=[("", "")] + [(one.value, one.value) for one in DeliveryState])
    type = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the registered types, the test among them."""
        super().__init__(*args, **kwargs)
        types: Any = self.fields["type"]
        types.choices = [("", ""), *((name, name) for name in sorted(TYPES))]

    def chosen(self) -> dict[str, str]:
        """Return the filters that are set and valid."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class PreferencesForm(forms.Form):
    """Notification and mail by family, and the person's language."""

    language = forms.ChoiceField(
        label=_("Language of pages and e-mails"), choices=settings.LANGUAGES, widget=forms.Select(attrs=CONTROL)
    )

    def __init__(self, *args: Any, choices: list[Choice], **kwargs: Any) -> None:
        """Offer two switches for each family."""
        super().__init__(*args, **kwargs)
        self.choices = choices
        for choice in choices:
            name = choice.family.name
            self.fields[f"{name}_in_app"] = forms.BooleanField(required=False, initial=choice.in_app)
            self.fields[f"{name}_mail"] = forms.BooleanField(required=False, initial=choice.mail)

    def rows(self) -> list[tuple[Any, Any, Any]]:
        """Return title and both fields of each family."""
        return [
            (choice.family, self[f"{choice.family.name}_in_app"], self[f"{choice.family.name}_mail"])
            for choice in self.choices
        ]

    def chosen(self) -> dict[str, tuple[bool, bool]]:
        """Return family → (in the portal, by mail)."""
        data = self.cleaned_data
        names = [choice.family.name for choice in self.choices]
        return {name: (data[f"{name}_in_app"], data[f"{name}_mail"]) for name in names}
