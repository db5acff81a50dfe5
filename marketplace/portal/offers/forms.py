# SPDX-License-Identifier: Apache-2.0
"""Forms of the catalogue and of operators' offers: they parse; services decide."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.money import from_decimal, to_decimal
from aion.residency.policy import Level
from aion.web.templatetags.aion import LEVEL_WORDS
from clusters import queries as clusters
from marketplace.models import Offer
from marketplace.models.catalogue import CLASS_WORDS
from marketplace.queries import CatalogueWish
from marketplace.queries.catalogue import SORTS
from marketplace.services.offers import MAX_MICRO, OfferWish

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
    memory = forms.IntegerField(
        label=_("Memory from (GiB)"),
        required=False,
        min_value=0,
        max_value=100_000,
        widget=forms.NumberInput(attrs=CONTROL),
    )
    max_price = forms.DecimalField(
        label=_("At most (cr/h)"),
        required=False,
        min_value=Decimal(0),
        max_value=to_decimal(MAX_MICRO),
        decimal_places=6,
        widget=forms.NumberInput(attrs=NUMBER),
    )
    gpus = forms.DecimalField(
        label=_("For how many"),
        required=False,
        min_value=Decimal("0.001"),
        max_value=MOST_GPUS,
        decimal_places=3,
        widget=forms.NumberInput(attrs={**NUMBER, "placeholder": "1"}),
    )
    free = forms.BooleanField(label=_("Available now"), required=False)
    site = forms.SlugField(max_length=40, required=False, widget=forms.HiddenInput)
    sort = forms.ChoiceField(choices=[(name, name) for name in SORTS], required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the makers and countries that there are."""
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["vendor"].choices = [*ANY, *[(name, name) for name in clusters.vendors()]]
        fields["country"].choices = [*ANY, *clusters.site_countries()]

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


class OfferForm(MarkedForm):
    """An operator's offer."""

    pool = forms.ChoiceField(label=_("Pool"), widget=forms.Select(attrs=CONTROL))
    title = forms.CharField(label=_("Title"), max_length=80, widget=forms.TextInput(attrs=CONTROL))
    description = forms.CharField(
        label=_("Description"), max_length=200, required=False, widget=forms.Textarea(attrs={**CONTROL, "rows": 2})
    )
    capacity_class = forms.ChoiceField(
        label=_("Capacity class"),
        choices=CLASS_WORDS,
        widget=forms.Select(attrs=CONTROL),
        help_text=_("Spot capacity may be taken back; reserved capacity is booked ahead."),
    )
    price = forms.DecimalField(
        label=_("Price (credits per GPU-hour)"),
        required=False,
        min_value=Decimal("0.000001"),
        max_value=to_decimal(MAX_MICRO),
        decimal_places=6,
        widget=forms.NumberInput(attrs=NUMBER),
        help_text=_("Leave empty for the list price. It is in force from the approval; runs keep the price they have."),
    )
    min_gpus = forms.DecimalField(
        label=_("Smallest order (GPUs)"),
        min_value=Decimal("0.001"),
        max_value=MOST_GPUS,
        decimal_places=3,
        initial=1,
        widget=forms.NumberInput(attrs=NUMBER),
    )
    max_gpus = forms.DecimalField(
        label=_("Largest order (GPUs)"),
        min_value=Decimal("0.001"),
        max_value=MOST_GPUS,
        decimal_places=3,
        initial=8,
        widget=forms.NumberInput(attrs=NUMBER),
    )
    max_hours = forms.IntegerField(
        label=_("Longest run (hours)"),
        min_value=1,
        max_value=366 * 24,
        initial=720,
        widget=forms.NumberInput(attrs=CONTROL),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        """Offer the operator's pools only."""
        super().__init__(*args, **kwargs)
        pools: Any = self.fields["pool"]
        pools.choices = [
            (pool.public_id, f"{pool.name} · {pool.flavour.name} · {pool.cluster.site.name}")
            for pool in clusters.pools_operated_by(actor)
        ]

    def wish(self) -> OfferWish:
        """Return what is offered."""
        data = self.cleaned_data
        return OfferWish(
            pool=data["pool"],
            title=data["title"],
            description=data["description"],
            capacity_class=data["capacity_class"],
            own_micro_per_gpu_hour=None if data["price"] is None else from_decimal(data["price"]),
            min_milli_gpus=int(data["min_gpus"] * 1000),
            max_milli_gpus=int(data["max_gpus"] * 1000),
            max_seconds=data["max_hours"] * 3600,
        )


def initial_of(offer: Offer) -> dict[str, Any]:
    """Return what the form of an existing offer begins with."""
    own = offer.own_micro_per_gpu_hour
    return {
        "pool": offer.pool.public_id,
        "title": offer.title,
        "description": offer.description,
        "capacity_class": offer.capacity_class,
        "price": None if own is None else _plain(to_decimal(own)),
        "min_gpus": _plain(Decimal(offer.min_milli_gpus) / 1000),
        "max_gpus": _plain(Decimal(offer.max_milli_gpus) / 1000),
        "max_hours": offer.max_seconds // 3600,
    }


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


class CalculatorForm(MarkedForm):
    """How many for how long."""

    offer = forms.CharField(label=_("Offer"), max_length=40, widget=forms.Select(attrs=CONTROL))
    gpus = forms.DecimalField(
        label=_("Number of GPUs"),
        min_value=Decimal("0.001"),
        max_value=MOST_GPUS,
        decimal_places=3,
        initial=8,
        widget=forms.NumberInput(attrs=NUMBER),
    )
    hours = forms.DecimalField(
        label=_("Hours a day"),
        min_value=Decimal("0.01"),
        max_value=Decimal(24),
        decimal_places=2,
        initial=24,
        widget=forms.NumberInput(attrs=NUMBER),
    )
    days = forms.IntegerField(
        label=_("Days"), min_value=1, max_value=366, initial=30, widget=forms.NumberInput(attrs=CONTROL)
    )

    def seconds(self) -> int:
        """Return how long in all."""
        return int(self.cleaned_data["hours"] * 3600) * int(self.cleaned_data["days"])

    def milli_gpus(self) -> int:
        """Return how much at one time."""
        return int(self.cleaned_data["gpus"] * 1000)
