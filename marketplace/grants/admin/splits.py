# SPDX-License-Identifier: Apache-2.0
"""Splitting an undertaking: which organisations leave it, and which part of its aid goes with them."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from aion.actor import Actor
from aion.money import from_decimal, to_decimal
from aion.staff import Act, ReasonForm
from aion.tenancy.models import Organisation
from marketplace.grants.models import Undertaking, UndertakingLink
from marketplace.grants.queries.aid import borne_by
from marketplace.grants.services import aid


class SplitForm(ReasonForm):
    """Who leaves, from when on, and with which aid."""

    name = forms.CharField(label=_("Name of the new undertaking"), max_length=160, widget=UnfoldAdminTextInputWidget)
    organisations = forms.ModelMultipleChoiceField(
        label=_("Organisations that leave"),
        queryset=Organisation.objects.filter(pk__in=UndertakingLink.objects.values("organisation")).order_by("name"),
        widget=UnfoldAdminSelectMultipleWidget,
        help_text=_("Some, not all, of those that belong to it."),
    )
    on = forms.DateField(label=_("From"), widget=UnfoldAdminDateWidget)
    parts = forms.CharField(
        label=_("Aid that goes with them"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text=_(
            "One line for each aid: its id and the euros that go along. Aid stays with who benefits from it; where "
            "that cannot be told, it is divided by the book value of the equity. Remove the lines of aid that stays."
        ),
    )
    field_order = ["name", "organisations", "on", "parts", "reason"]

    def clean_parts(self) -> Mapping[str, int]:
        """Read the lines. Raises ValidationError that names the line."""
        found: dict[str, int] = {}
        for number, line in enumerate(self.cleaned_data["parts"].splitlines(), 1):
            words = line.split()
            if not words:
                continue
            try:
                public_id, euros = words
                amount = from_decimal(Decimal(euros))
            except (ValueError, InvalidOperation) as error:
                raise forms.ValidationError(
                    gettext("Line %(number)s: write the id of an aid and an amount in euros, such as aid_1 5000.00.")
                    % {"number": number}
                ) from error
            if public_id in found:
                raise forms.ValidationError(
                    gettext("Line %(number)s: this aid stands in a line above already.") % {"number": number}
                )
            found[public_id] = amount
        return found


def _split(
    *,
    actor: Actor,
    row: Undertaking,
    at: datetime,
    name: str,
    organisations: QuerySet[Organisation],
    on: date,
    parts: Mapping[str, int],
    reason: str,
) -> None:
    aid.split(
        actor=actor,
        source=row,
        name=name,
        organisations=list(organisations),
        parts=parts,
        on=on,
        reason=reason,
        at=at,
    )


def _of_undertaking(row: Undertaking) -> list[tuple[Any, Any]]:
    links = row.links.filter(valid__endswith=None).select_related("organisation").order_by("organisation__name")
    return [(_("Undertaking"), row), (_("Organisations"), ", ".join(str(one.organisation) for one in links))]


SPLIT = Act(
    title=_("Split"),
    done=_("split"),
    call=_split,
    warning=_("The organisations become an undertaking of their own, with the aid that you name. Nothing is lost."),
    form=SplitForm,
    danger=True,
    facts=_of_undertaking,
    initial=lambda row: {
        "parts": "\n".join(f"{record.public_id} {to_decimal(borne):.2f}" for record, borne in borne_by(row))
    },
)
