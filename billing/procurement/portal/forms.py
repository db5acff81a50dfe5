# SPDX-License-Identifier: Apache-2.0
"""What somebody asks for, orders or attests: forms parse, services decide."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from aion.actor import Actor
from aion.money import MICRO_PER_CENT, from_decimal
from billing.procurement.models import CostCentre, FrameworkAgreement
from billing.procurement.queries import lists
from billing.procurement.services.attestations import AttestationWish
from billing.procurement.services.orders import OrderWish
from billing.procurement.services.quotes import NOTE_LIMIT

CONTROL = {"class": "control"}
# What a service calls a field and the form calls otherwise.
FIELDS = {
    "amount_cents": "amount",
    "agreement": "under",
    "lot": "under",
    "soft_cap_cents": "soft_cap",
    "hard_cap_cents": "hard_cap",
}


class MarkedForm(forms.Form):
    """A form whose wrong fields are marked for everybody, not by colour alone."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Mark the control as well."""
        super().add_error(field, error)
        if field in self.fields:
            self.fields[field].widget.attrs["aria-invalid"] = "true"

    def refuse(self, error: Any) -> None:
        """Show what a service refused beside its field."""
        field = FIELDS.get(error.field or "", error.field)
        self.add_error(field if field in self.fields else None, error.detail)


class NothingForm(MarkedForm):
    """A form that asks nothing."""


class ReasonForm(MarkedForm):
    """Why."""

    reason = forms.CharField(label=_("Reason"), max_length=200, widget=forms.Textarea(attrs={**CONTROL, "rows": 3}))


class MaybeReasonForm(MarkedForm):
    """Why, for those who want to say."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        required=False,
        widget=forms.Textarea(attrs={**CONTROL, "rows": 3}),
        help_text=_("You need not give one; it helps us to make a better offer."),
    )


def money_field(label: Any, help_text: Any = "", *, required: bool = True) -> forms.DecimalField:
    """Return a field for euros with cents."""
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        required=required,
        min_value=Decimal("0.01"),
        max_digits=12,
        decimal_places=2,
        widget=forms.NumberInput(attrs={**CONTROL, "step": "0.01"}),
    )


def cents(value: Decimal | None) -> int | None:
    """Return euros of a form as cents; the field has let through no more than two places."""
    return None if value is None else from_decimal(value) // MICRO_PER_CENT


def _text(label: Any, help_text: Any, length: int) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=False, max_length=length, widget=forms.TextInput(attrs=CONTROL)
    )


def _day(label: Any, help_text: Any = "", *, required: bool = True) -> forms.DateField:
    widget = forms.DateInput(attrs={**CONTROL, "type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, help_text=help_text, required=required, widget=widget)


class QuoteForm(MarkedForm):
    """How many credits, and what else we should know."""

    credits = forms.IntegerField(
        label=_("Credits"),
        min_value=1,
        max_value=100_000_000,
        widget=forms.NumberInput(attrs=CONTROL),
        help_text=_("Whole credits. 1 credit is 1 euro without VAT."),
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=NOTE_LIMIT,
        widget=forms.Textarea(attrs={**CONTROL, "rows": 4}),
        help_text=_("It stands on the quote: what it is for, or a number of yours."),
    )


class OrderForm(MarkedForm):
    """A purchase order."""

    key = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)
    amount = money_field(_("Amount without VAT (euros)"), _("1 euro is 1 credit. VAT is added on the invoice."))
    under = forms.ChoiceField(
        label=_("Framework agreement"),
        required=False,
        widget=forms.Select(attrs=CONTROL),
        help_text=_("What the order is placed under; the order ends with it at the latest."),
    )
    cost_centre = forms.ChoiceField(
        label=_("Cost centre"),
        required=False,
        widget=forms.Select(attrs=CONTROL),
        help_text=_("Above its soft cap another owner or admin approves the order; above its hard cap it is refused."),
    )
    engagement_number = _text(
        _("Engagement number (BT-13)"), _("The number of the legal commitment in your accounts, for Chorus Pro."), 50
    )
    service_code = _text(
        _("Service code (BT-10)"), _("The code of the service that pays, as Chorus Pro knows it."), 100
    )
    siret = _text(_("SIRET"), _("14 digits. Empty: the one of your organisation’s legal details."), 20)
    budget_line = _text(_("Budget line"), _("It stands on the invoice."), 80)
    contract_reference = _text(_("Contract reference"), _("Empty: that of the agreement."), 80)
    expires_on = _day(
        _("Last day to use it"), _("Empty: the last day of the agreement, or no end without one."), required=False
    )

    def __init__(self, *args: Any, actor: Actor, day: Any, **kwargs: Any) -> None:
        """Offer the agreements that take orders on ``day``, and the open cost centres."""
        super().__init__(*args, **kwargs)
        under: Any = self.fields["under"]
        under.choices = [("", _("Without an agreement")), *_agreements(lists.agreements(actor).open_on(day))]
        centre: Any = self.fields["cost_centre"]
        open_centres = lists.centres(actor).filter(closed_at=None)
        centre.choices = [("", "–"), *((one.public_id, str(one)) for one in open_centres)]

    def wish(self) -> OrderWish:
        """Return what is ordered."""
        data = dict(self.cleaned_data)
        agreement, _colon, lot = data.pop("under").partition(":")
        data.pop("key")
        return OrderWish(amount_cents=cents(data.pop("amount")) or 0, agreement=agreement, lot=lot, **data)


def _agreements(rows: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    row: FrameworkAgreement
    for row in rows:
        lots = list(row.lots.all())
        found += [(f"{row.public_id}:{lot.code}", f"{row} · {lot}") for lot in lots]
        if not lots:
            found.append((row.public_id, str(row)))
    return found


class ReferencesForm(MarkedForm):
    """Numbers that an order was placed without."""

    engagement_number = _text(_("Engagement number (BT-13)"), _("What stands on the order already stays."), 50)
    service_code = _text(_("Service code (BT-10)"), _("What stands on the order already stays."), 100)


class AttestForm(MarkedForm):
    """What was delivered."""

    key = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)
    amount = money_field(
        _("Amount without VAT (euros)"), _("At most what was consumed and is not attested. Exactly this is invoiced.")
    )
    period_first = _day(_("From"), _("The first day of the service."))
    period_last = _day(_("To"), _("Its last day, included."))

    def wish(self) -> AttestationWish:
        """Return what is attested."""
        data = self.cleaned_data
        return AttestationWish(cents(data["amount"]) or 0, data["period_first"], data["period_last"])


class CentreForm(MarkedForm):
    """A new cost centre."""

    code = forms.CharField(
        label=_("Code"), max_length=40, widget=forms.TextInput(attrs=CONTROL), help_text=_("It stands on invoices.")
    )
    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput(attrs=CONTROL))
    parent = forms.ChoiceField(
        label=_("Below"),
        required=False,
        widget=forms.Select(attrs=CONTROL),
        help_text=_("What is ordered here counts for all cost centres above it. It cannot be moved later."),
    )
    soft_cap = money_field(_("Soft cap (euros)"), _("Above it another owner or admin approves."), required=False)
    hard_cap = money_field(_("Hard cap (euros)"), _("Orders above it are refused."), required=False)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        """Offer the open cost centres."""
        super().__init__(*args, **kwargs)
        parent: Any = self.fields["parent"]
        parent.choices = [
            ("", "–"),
            *((one.public_id, str(one)) for one in lists.centres(actor).filter(closed_at=None)),
        ]


class CentreChangeForm(MarkedForm):
    """What of a cost centre can change."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput(attrs=CONTROL))
    soft_cap = money_field(_("Soft cap (euros)"), _("Above it another owner or admin approves."), required=False)
    hard_cap = money_field(_("Hard cap (euros)"), _("Orders above it are refused."), required=False)
    closed = forms.BooleanField(
        label=_("Closed"), required=False, help_text=_("Nothing more can be ordered on it; it can be opened again.")
    )


def of_centre(row: CostCentre) -> dict[str, Any]:
    """Return what the form of a cost centre begins with."""
    caps = {"soft_cap": row.soft_cap_cents, "hard_cap": row.hard_cap_cents}
    euros = {name: None if value is None else Decimal(value).scaleb(-2) for name, value in caps.items()}
    return {"name": row.name, "closed": row.closed_at is not None, **euros}
