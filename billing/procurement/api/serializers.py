# SPDX-License-Identifier: Apache-2.0
"""Shapes of quotes, agreements, orders, attested services and cost centres. Amounts are whole cents of a euro."""

from functools import cached_property
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from aion import clock
from aion.api.serializers import StrictSerializer, Text
from billing.procurement.models import Quote
from billing.procurement.queries.accounts import BankAccount, bank_account
from billing.procurement.queries.figures import NONE
from billing.procurement.services.checks import MOST_CENTS
from billing.procurement.services.quotes import NOTE_LIMIT
from billing.procurement.states import AgreementState, OrderState, QuoteState

ORDER_IDS = 40


def _states(kind: Any) -> list[tuple[str, str]]:
    return [(one.value, one.name) for one in kind]


def _cents(**more: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=-(2**53), max_value=2**53, **more)


def _text(length: int) -> Text:
    return Text(max_length=length, required=False, allow_blank=True, default="")


class FiguresOut(serializers.Serializer[Any]):
    """The four numbers, without VAT: what is ordered, used by work, attested and so invoiced, and paid."""

    committed_cents = serializers.IntegerField(source="committed")
    consumed_cents = serializers.IntegerField(source="consumed")
    invoiced_cents = serializers.IntegerField(source="invoiced")
    paid_cents = serializers.IntegerField(source="paid")


class WithFigures(serializers.Serializer[Any]):
    """A row with its four numbers, which the view looks up for a whole page at once."""

    figures = serializers.SerializerMethodField()

    @extend_schema_field(FiguresOut())
    def get_figures(self, row: Any) -> Any:
        """Return them."""
        return FiguresOut(self.context.get("figures", {}).get(row.pk, NONE)).data


class PriceOut(serializers.Serializer[Any]):
    """A price as it was copied."""

    sku = serializers.CharField()
    name = serializers.CharField()
    micro_per_gpu_hour = serializers.IntegerField()
    price_id = serializers.IntegerField()


class QuoteIn(StrictSerializer):
    """What a quote is asked for."""

    credits = serializers.IntegerField(min_value=1, max_value=MOST_CENTS // 100, help_text="Whole credits (euros).")
    note = Text(lines=True, max_length=NOTE_LIMIT, required=False, allow_blank=True, default="")


class BankAccountOut(serializers.Serializer[Any]):
    """The seller's account; the quote's number is the reference of the transfer."""

    holder = serializers.CharField()
    iban = serializers.CharField()
    bic = serializers.CharField()


class QuoteOut(serializers.Serializer[Any]):
    """A quote; number, VAT, prices and validity are there once it is offered."""

    id = serializers.CharField(source="public_id")
    number = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=_states(QuoteState))
    credits = serializers.IntegerField()
    note = serializers.CharField()
    net_cents = serializers.IntegerField()
    vat_cents = serializers.IntegerField()
    gross_cents = serializers.IntegerField()
    vat_rate_basis_points = serializers.IntegerField()
    price_version = serializers.CharField()
    price_list = PriceOut(many=True)
    requested_at = serializers.DateTimeField()
    offered_at = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)
    lot = serializers.CharField(source="lot.public_id", default=None, allow_null=True)
    document = serializers.CharField(source="document.public_id", default=None, allow_null=True)
    reason = serializers.CharField()
    pay_to = serializers.SerializerMethodField(help_text="Where the transfer goes while an accepted quote is unpaid.")

    @extend_schema_field(BankAccountOut(allow_null=True))
    def get_pay_to(self, row: Quote) -> dict[str, Any] | None:
        """Return the account while it is wanted."""
        return BankAccountOut(self._account).data if row.awaits_payment and self._account is not None else None

    @cached_property
    def _account(self) -> BankAccount | None:
        # One serializer writes all quotes of a list: they share one look.
        return bank_account(clock.now())


class ReasonIn(StrictSerializer):
    """Why."""

    reason = Text(max_length=200)


class MaybeReasonIn(StrictSerializer):
    """Why, for those who want to say."""

    reason = _text(200)


class AgreementLotOut(serializers.Serializer[Any]):
    """A lot of an agreement and how much of its maximum is ordered."""

    code = serializers.CharField()
    title = serializers.CharField()
    maximum_cents = serializers.IntegerField()
    ordered_cents = serializers.IntegerField()


class AgreementOut(WithFigures):
    """A framework agreement; both days included, amounts without VAT."""

    id = serializers.CharField(source="public_id")
    number = serializers.CharField()
    reference = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=_states(AgreementState))
    maximum_cents = serializers.IntegerField()
    ordered_cents = serializers.IntegerField()
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    price_version = serializers.CharField()
    price_list = PriceOut(many=True)
    revision_rule = serializers.CharField()
    lots = serializers.SerializerMethodField()

    @extend_schema_field(AgreementLotOut(many=True))
    def get_lots(self, row: Any) -> Any:
        """Return the lots."""
        return AgreementLotOut(row.lots.all(), many=True).data


class OrderIn(StrictSerializer):
    """A purchase order. Things are named by their ids; a lot of an agreement by its code."""

    amount_cents = _cents(help_text="Without VAT.")
    agreement = _text(ORDER_IDS)
    lot = _text(20)
    cost_centre = _text(ORDER_IDS)
    engagement_number = _text(50)
    service_code = _text(100)
    siret = _text(20)
    budget_line = _text(80)
    contract_reference = _text(80)
    expires_on = serializers.DateField(required=False, allow_null=True, default=None)


class ReferencesIn(StrictSerializer):
    """Numbers that an order was placed without."""

    engagement_number = _text(50)
    service_code = _text(100)


class OrderOut(WithFigures):
    """A purchase order."""

    id = serializers.CharField(source="public_id")
    number = serializers.CharField()
    state = serializers.ChoiceField(choices=_states(OrderState))
    amount_cents = serializers.IntegerField()
    agreement = serializers.CharField(source="agreement.public_id", default=None, allow_null=True)
    agreement_lot = serializers.CharField(source="agreement_lot.code", default=None, allow_null=True)
    cost_centre = serializers.CharField(source="cost_centre.public_id", default=None, allow_null=True)
    engagement_number = serializers.CharField()
    service_code = serializers.CharField()
    siret = serializers.CharField()
    budget_line = serializers.CharField()
    contract_reference = serializers.CharField()
    placed_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    expires_on = serializers.DateField(allow_null=True)
    lot = serializers.CharField(source="lot.public_id", default=None, allow_null=True)
    reason = serializers.CharField()


class AttestationIn(StrictSerializer):
    """What was delivered; both days included, without VAT."""

    amount_cents = _cents()
    period_first = serializers.DateField()
    period_last = serializers.DateField()


class AttestationOut(serializers.Serializer[Any]):
    """An attested service and the invoice that it asked for."""

    id = serializers.CharField(source="public_id")
    order = serializers.CharField(source="order.public_id")
    amount_cents = serializers.IntegerField()
    period_first = serializers.DateField()
    period_last = serializers.DateField()
    attested_at = serializers.DateTimeField()
    document = serializers.CharField(source="document.public_id")


class CentreIn(StrictSerializer):
    """A new cost centre."""

    code = Text(max_length=40)
    name = Text(max_length=120)
    parent = _text(ORDER_IDS)  # type: ignore[assignment]  # the framework's own name for what holds a field
    soft_cap_cents = _cents(required=False, allow_null=True, default=None)
    hard_cap_cents = _cents(required=False, allow_null=True, default=None)


class CentreChangeIn(StrictSerializer):
    """What of a cost centre can change: all of it is sent."""

    name = Text(max_length=120)
    soft_cap_cents = _cents(allow_null=True)
    hard_cap_cents = _cents(allow_null=True)
    closed = serializers.BooleanField()


class CentreOut(WithFigures):
    """A cost centre; its four numbers are over all centres below it as well."""

    id = serializers.CharField(source="public_id")
    code = serializers.CharField()
    name = serializers.CharField()
    parent = serializers.CharField(  # type: ignore[assignment]  # likewise
        source="parent.public_id", default=None, allow_null=True
    )
    soft_cap_cents = serializers.IntegerField(allow_null=True)
    hard_cap_cents = serializers.IntegerField(allow_null=True)
    committed_cents = serializers.IntegerField()
    closed_at = serializers.DateTimeField(allow_null=True)
