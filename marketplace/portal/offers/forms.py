# SPDX-License-Identifier: Apache-2.0
"""Forms of the catalogue and the calculator: they parse; services decide."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aion.money import from_decimal, to_decimal
from aion.residency.policy import Level
from aion.web.templatetags.aion import LEVEL_WORDS
from clusters import queries as clusters
from marketplace.models.catalogue import CLASS_WORDS
from marketplace.queries import CatalogueWish
from marketplace.queries.catalogue import SORTS
from marketplace.services.offers import MAX_MICRO

CONTROL = {"class": "control"}
NUMBER = {**CONTROL, "step": "any", "inputmode": "decimal"}
ANY = [("", _("All"))]
KIND_WORDS = [
    ("gpu", _("GPU")),
    ("npu", _("AI accelerator")),
    ("cpu", _("CPU")),
    ("qpu", _("Quantum processor")),
]
MOST_GPUS = 1_000_000


def gpus_field(label: Any, **options: Any) -> forms.DecimalField:
    """Return a field for GPUs; fractions of one are thousandths."""
    placeholder = options.pop("placeholder", None)
    return forms.DecimalField(
        label=label,
        min_value=Decimal("0.001"),
        max_value=MOST_GPUS,
        decimal_places=3,
        widget=forms.NumberInput(attrs={**NUMBER, **({"placeholder": placeholder} if placeholder else {})}),
        **options,
    )


def price_field(label: Any, *, least: Decimal, **options: Any) -> forms.DecimalField:
    """Return a field for credits per GPU-hour, to the micro-credit."""
    return forms.DecimalField(
        label=label,
        required=False,
        min_value=least,
        max_value=to_decimal(MAX_MICRO),
        decimal_places=6,
        widget=forms.NumberInput(attrs=NUMBER),
        **options,
    )


def whole_field(label: Any, *, least: int, most: int, **options: Any) -> forms.IntegerField:
    """Return a field for a whole number."""
    return forms.IntegerField(
        label=label, min_value=least, max_value=most, widget=forms.NumberInput(attrs=CONTROL), **options
    )


def _chosen(label: Any, choices: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=[*ANY, *choices], required=False, widget=forms.Select(attrs=CONTROL))


class MarkedForm(forms.Form):
    """Marks a control with an error."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Mark the control as well."""
        super().add_error(field, error)
        if field in self.fields:
            self.fields[field].widget.attrs["aria-invalid"] = "true"


@dataclass(frozen=True, slots=True)
class Control:
    """A filter as the catalogue writes it."""

    name: str
    label: Any
    value: str
    choices: Any
    errors: Any
    type: str


TYPES: dict[type[forms.Field], str] = {forms.CharField: "search"}


class CatalogueForm(MarkedForm):
    """What to look for; what makes no sense filters nothing and is said beside its field."""

    q = forms.CharField(
        label=_("Search"), required=False, max_length=80, widget=forms.TextInput(attrs={**CONTROL, "type": "search"})
    )
    kind = _chosen(_("Kind"), KIND_WORDS)
    vendor = _chosen(_("Maker"), [])
    country = _chosen(_("Country"), [])
    level = _chosen(_("Residency at least"), [(level.name, LEVEL_WORDS[level.name]) for level in Level])
    capacity_class = _chosen(_("Capacity class"), CLASS_WORDS)
    memory = whole_field(_("Memory from (GiB)"), least=0, most=100_000, required=False)
    max_price = price_field(_("At most (cr/h)"), least=Decimal(0))
    gpus = gpus_field(_("For how many"), required=False, placeholder="1")
    free = forms.BooleanField(label=_("Available now"), required=False)
    site = forms.SlugField(max_length=40, required=False, widget=forms.HiddenInput)
    sort = forms.ChoiceField(choices=[(name, name) for name in SORTS], required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the makers and countries that there are."""
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        vendors, countries = clusters.vendors_and_countries()
        fields["vendor"].choices = [*ANY, *[(name, name) for name in vendors]]
        fields["country"].choices = [*ANY, *countries]

    def controls(self) -> list[Control]:
        """Return the filters as the page writes them; Django's own widgets took a quarter of the page's time."""
        return [
            Control(
                name=name,
                label=field.label,
                value=str(self.data.get(name, "")),
                choices=getattr(field, "choices", ()),
                errors=self.errors.get(name, ()),
                type=TYPES.get(type(field), "number"),
            )
            for name, field in self.fields.items()
            if name not in {"site", "sort", "free"}
        ]

    def wish(self) -> CatalogueWish:
        """Return what is looked for; a field with an error counts as empty."""
        self.is_valid()
        data = self.cleaned_data
        most = data.get("max_price")
        return CatalogueWish(
            text=data.get("q") or "",
            vendor=data.get("vendor") or "",
            kind=data.get("kind") or "",
            memory_min=data.get("memory") or 0,
            site=data.get("site") or "",
            country=data.get("country") or "",
            capacity_class=data.get("capacity_class") or "",
            level=data.get("level") or "",
            max_micro=None if most is None else from_decimal(most),
            milli_gpus=int((data.get("gpus") or 1) * 1000),
            free_only=bool(data.get("free")),
            sort=data.get("sort") or "position",
        )


class CalculatorForm(MarkedForm):
    """How many for how long."""

    offer = forms.CharField(label=_("Offer"), max_length=40, widget=forms.Select(attrs=CONTROL))
    gpus = gpus_field(_("Number of GPUs"), initial=8)
    hours = forms.DecimalField(
        label=_("Hours a day"),
        min_value=Decimal("0.01"),
        max_value=Decimal(24),
        decimal_places=2,
        initial=24,
        widget=forms.NumberInput(attrs=NUMBER),
    )
    days = whole_field(_("Days"), least=1, most=366, initial=30)

    def seconds(self) -> int:
        """Return how long in all."""
        return int(self.cleaned_data["hours"] * 3600) * int(self.cleaned_data["days"])

    def milli_gpus(self) -> int:
        """Return how much at one time."""
        return int(self.cleaned_data["gpus"] * 1000)
