# SPDX-License-Identifier: Apache-2.0
"""What the API shows of money and usage."""

from typing import Any

from rest_framework import serializers

from aion.money import decimal_string, floor_charge


class LotOut(serializers.Serializer[Any]):
    """A credit lot."""

    id = serializers.CharField(source="public_id")
    label = serializers.CharField()  # type: ignore[assignment]  # a field named as DRF's argument
    origin = serializers.CharField()
    sku_codes = serializers.ListField(child=serializers.CharField())
    site_codes = serializers.ListField(child=serializers.CharField())
    programme_codes = serializers.ListField(child=serializers.CharField())
    min_level = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    issued_microcredits = serializers.IntegerField(source="credits")
    spent_microcredits = serializers.IntegerField(source="debits")
    held_microcredits = serializers.IntegerField(source="held")
    available_microcredits = serializers.IntegerField(source="available")
    available = serializers.SerializerMethodField()
    currency = serializers.SerializerMethodField()

    def get_available(self, row: Any) -> str:
        """Return what may be spent as a decimal string."""
        return decimal_string(row.available)

    def get_currency(self, row: Any) -> str:
        """Return the currency of every amount."""
        return "EUR"


class EntryOut(serializers.Serializer[Any]):
    """A ledger entry: one amount from the debited to the credited account."""

    id = serializers.CharField(source="public_id")
    kind = serializers.CharField()
    description = serializers.CharField()
    debit_account = serializers.CharField(source="debit_account.public_id")
    credit_account = serializers.CharField(source="credit_account.public_id")
    amount_microcredits = serializers.IntegerField(source="amount")
    amount = serializers.SerializerMethodField()
    currency = serializers.SerializerMethodField()
    effective_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()

    def get_amount(self, row: Any) -> str:
        """Return the amount as a decimal string."""
        return decimal_string(row.amount)

    def get_currency(self, row: Any) -> str:
        """Return the currency of every amount."""
        return "EUR"


class UsageOut(serializers.Serializer[Any]):
    """Whole seconds of one pod inside one UTC hour, with the price it was rated at."""

    meter = serializers.CharField(source="meter_id")
    device = serializers.CharField()
    workload = serializers.CharField(source="workload_ref")
    window_start = serializers.DateTimeField()
    revision = serializers.IntegerField()
    seconds = serializers.IntegerField()
    milli_gpus = serializers.IntegerField()
    price_microcredits_per_gpu_hour = serializers.IntegerField(source="micro_per_gpu_hour")
    charge_microcredits = serializers.SerializerMethodField()

    def get_charge_microcredits(self, row: Any) -> int:
        """Return the whole micro-credits of the exact charge; remainders are carried, never lost."""
        return floor_charge(row.exact)


class ChargedUsageOut(UsageOut):
    """One record behind a ledger entry: who used what from when to when, and what it comes to, exactly."""

    workload_name = serializers.CharField()
    window_end = serializers.DateTimeField()
    charge_exact = serializers.IntegerField(source="exact", help_text="In 1/3,600,000 micro-credit.")
    price_id = serializers.IntegerField()
    price_book = serializers.CharField(source="book_code")
    price_valid_from = serializers.DateTimeField(source="price_valid.lower")
