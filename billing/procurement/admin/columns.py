# SPDX-License-Identifier: Apache-2.0
"""What the staff pages of procurement share: euros, the four numbers as a table, money that came in."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSingleDateWidget, UnfoldAdminTextInputWidget

from aion.figures import plain_euros
from aion.money import MICRO_PER_CENT, from_decimal
from billing.admin.columns import table
from billing.procurement.models import BankTransfer
from billing.procurement.queries.figures import Figures


def euro_field(label: Any, help_text: Any = "") -> forms.DecimalField:
    """Return a field for euros with cents."""
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        min_value=Decimal("0.01"),
        max_digits=12,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
    )


def cents(value: Decimal) -> int:
    """Return euros of a form as cents; the field has let through no more than two places."""
    return from_decimal(value) // MICRO_PER_CENT


def euro_column(name: str, title: Any) -> Any:
    """Return a column that writes cents as euros."""

    @admin.display(description=title, ordering=name)
    def column(_: Any, row: Any) -> str:
        return plain_euros(getattr(row, name))

    return column


def figures_table(figures: Figures) -> dict[str, Any]:
    """Return the four numbers as a table."""
    numbers = (figures.committed, figures.consumed, figures.invoiced, figures.paid)
    headers = [_("Committed (€)"), _("Consumed (€)"), _("Invoiced (€)"), _("Paid (€)")]
    return table(_("Committed to paid"), headers, [[plain_euros(one) for one in numbers]])


def transfers_table(rows: Sequence[BankTransfer]) -> dict[str, Any]:
    """Return money that came in as a table."""
    return table(
        _("Bank transfers"),
        [_("Received"), _("Bank reference"), _("Amount (€)"), _("State"), _("Recorded by"), _("Decided by"), _("Why")],
        [
            (
                one.received_on,
                one.bank_reference,
                plain_euros(one.amount_cents),
                one.state,
                one.recorded_by,
                one.decided_by,
                one.refusal,
            )
            for one in rows
        ],
    )


class TransferForm(forms.Form):
    """A line of the bank statement."""

    amount = euro_field(_("Amount (euros)"), _("What came in, to the cent."))
    received_on = forms.DateField(label=_("Received"), widget=UnfoldAdminSingleDateWidget)
    bank_reference = forms.CharField(
        label=_("Bank reference"),
        max_length=80,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("The bank’s own reference of the line: each is recorded once."),
    )
