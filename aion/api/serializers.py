# SPDX-License-Identifier: Apache-2.0
"""Shapes that every resource shares."""

from typing import Any, ClassVar

from rest_framework import serializers

from aion.money import decimal_string

NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a typo must not be dropped silently."""

    def to_internal_value(self, data: Any) -> Any:
        """Raise ValidationError for an unknown field."""
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({name: ["There is no such field."] for name in unknown})
        return super().to_internal_value(data)


class DecimalStringField(serializers.CharField):
    """Micro-credits as credits with six decimals."""

    def to_representation(self, value: Any) -> str:
        """Return the decimal string."""
        return decimal_string(int(value))


class MoneyOut(serializers.Serializer[Any]):
    """Amounts, each in whole micro-credits and as a decimal string, in one currency.

    A subclass names its amounts in ``money``: name in the answer → attribute of the row.
    """

    money: ClassVar[dict[str, str]] = {}

    def get_fields(self) -> dict[str, Any]:
        """Add both forms of each amount, and the currency."""
        fields: dict[str, Any] = super().get_fields()
        for name, source in self.money.items():
            fields[f"{name}_microcredits"] = serializers.IntegerField(source=source)
            fields[name] = DecimalStringField() if source == name else DecimalStringField(source=source)
        fields["currency"] = serializers.SerializerMethodField()
        return fields

    def get_currency(self, row: Any) -> str:
        """Return the currency of every amount."""
        return "EUR"
