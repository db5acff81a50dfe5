# SPDX-License-Identifier: Apache-2.0
"""Forms of operators' offers and of what they change on them: they parse; services decide."""

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.money import from_decimal, to_decimal
from clusters import queries as clusters
from marketplace.models import Offer
from marketplace.models.catalogue import CLASS_WORDS
from marketplace.portal.offers.forms import CONTROL, MarkedForm, gpus_field, price_field, whole_field
from marketplace.services.offers import MAX_DISK, REASON, STORAGE, OfferWish

LEAST_PRICE = Decimal("0.000001")
AREA = {**CONTROL, "rows": 2}


class TermsForm(MarkedForm):
    """What an offer says of itself, besides where it stands and what it costs."""

    title = forms.CharField(label=_("Title"), max_length=80, widget=forms.TextInput(attrs=CONTROL))
    description = forms.CharField(
        label=_("Description"), max_length=200, required=False, widget=forms.Textarea(attrs=AREA)
    )
    storage_class = forms.CharField(
        label=_("Storage class"),
        max_length=STORAGE,
        required=False,
        widget=forms.TextInput(attrs=CONTROL),
        help_text=_("Leave empty for the pool's own."),
    )
    local_disk_gib = whole_field(
        _("Local disk a node (GiB)"),
        least=0,
        most=MAX_DISK,
        required=False,
        help_text=_("Leave empty for what the kind of node has."),
    )
    min_gpus = gpus_field(_("Smallest order (GPUs)"), initial=1)
    max_gpus = gpus_field(_("Largest order (GPUs)"), initial=8)
    max_hours = whole_field(_("Longest run (hours)"), least=1, most=366 * 24, initial=720)

    def terms(self) -> dict[str, Any]:
        """Return what is said, by the names of ``OfferWish``."""
        data = self.cleaned_data
        return {
            "title": data["title"],
            "description": data["description"],
            "storage_class": data["storage_class"],
            "local_disk_gib": data["local_disk_gib"],
            "min_milli_gpus": int(data["min_gpus"] * 1000),
            "max_milli_gpus": int(data["max_gpus"] * 1000),
            "max_seconds": data["max_hours"] * 3600,
        }


class OfferForm(TermsForm):
    """An operator's offer."""

    pool = forms.ChoiceField(label=_("Pool"), widget=forms.Select(attrs=CONTROL))
    capacity_class = forms.ChoiceField(
        label=_("Capacity class"),
        choices=CLASS_WORDS,
        widget=forms.Select(attrs=CONTROL),
        help_text=_("Spot capacity may be taken back; reserved capacity is booked ahead."),
    )
    price = price_field(
        _("Price (credits per GPU-hour)"),
        least=LEAST_PRICE,
        help_text=_("Leave empty for the list price. It is in force from the approval; runs keep the price they have."),
    )
    field_order = ("pool", "title", "description", "capacity_class", "price")

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
            capacity_class=data["capacity_class"],
            own_micro_per_gpu_hour=micro_of(data["price"]),
            **self.terms(),
        )


class ReasonedForm(MarkedForm):
    """A change that staff decide on, with its reason."""

    reason = forms.CharField(
        label=_("Why"), max_length=REASON, widget=forms.Textarea(attrs=AREA), help_text=_("AION decides with this.")
    )


class RevisionForm(TermsForm, ReasonedForm):
    """Other facts of an offer on sale."""

    field_order = (*TermsForm.base_fields, "reason")


class PriceForm(ReasonedForm):
    """Another price from a day on."""

    price = price_field(
        _("New price (credits per GPU-hour)"), least=LEAST_PRICE, help_text=_("Leave empty for the list price.")
    )
    valid_from = forms.DateField(
        label=_("Valid from"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={**CONTROL, "type": "date"}),
        help_text=_("From midnight UTC of that day. A price that rises needs nine days."),
    )
    field_order = ("price", "valid_from", "reason")

    def begins(self) -> datetime:
        """Return from when on it holds."""
        return datetime.combine(self.cleaned_data["valid_from"], time(), UTC)

    def micro(self) -> int | None:
        """Return the price in micro-credits; None for the list price."""
        return micro_of(self.cleaned_data["price"])


def micro_of(amount: Decimal | None) -> int | None:
    """Return credits as micro-credits; None stays None."""
    return None if amount is None else from_decimal(amount)


def terms_of(offer: Offer) -> dict[str, Any]:
    """Return what the form of an offer's facts begins with."""
    return {
        "title": offer.title,
        "description": offer.description,
        "storage_class": offer.storage_class,
        "local_disk_gib": offer.local_disk_gib,
        "min_gpus": _plain(Decimal(offer.min_milli_gpus) / 1000),
        "max_gpus": _plain(Decimal(offer.max_milli_gpus) / 1000),
        "max_hours": offer.max_seconds // 3600,
    }


def initial_of(offer: Offer, at: datetime) -> dict[str, Any]:
    """Return what the form of an existing offer begins with."""
    own = offer.own_at(at)
    return {
        **terms_of(offer),
        "pool": offer.pool.public_id,
        "capacity_class": offer.capacity_class,
        "price": None if own is None else _plain(to_decimal(own)),
    }


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
