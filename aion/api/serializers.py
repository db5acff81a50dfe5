# SPDX-License-Identifier: Apache-2.0
"""Shapes that every resource shares."""

from operator import attrgetter
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator, RegexValidator
from django.utils.functional import cached_property
from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from aion import characters
from aion.money import decimal_string


class _Shown(RegexValidator):
    """Judges as everything else does, and says it in the document as a pattern."""

    def __init__(self, *, lines: bool) -> None:
        """Say whether line breaks are text."""
        super().__init__(characters.PROSE if lines else characters.LINE, message=characters.REFUSED, code="unseen")
        self.lines = lines

    def __call__(self, value: Any) -> None:
        """Raise ValidationError for characters that nobody sees."""
        if not characters.shown(str(value), lines=self.lines):
            raise ValidationError(self.message, code=self.code)


class TextMixin:
    """Takes nothing but text: the framework's own takes 5 for "5"."""

    def to_internal_value(self, data: Any) -> str:
        """Raise ValidationError for a number or a truth value."""
        if not isinstance(data, str):
            raise serializers.ValidationError([gettext("Write a text, in quotation marks.")], code="invalid")
        text: str = super().to_internal_value(data)  # type: ignore[misc]  # of the field it is mixed into
        return text


class Text(TextMixin, serializers.CharField):
    """A text that somebody writes: one line, or several ``lines``. An input has no other kind of CharField."""

    def __init__(self, *, lines: bool = False, **options: Any) -> None:
        """Judge its characters in one place instead of the framework's two."""
        super().__init__(**options)
        own = (ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)
        self.validators = [one for one in self.validators if not isinstance(one, own)] + [_Shown(lines=lines)]


class Pattern(TextMixin, serializers.RegexField):
    """A text of one form."""


class Email(TextMixin, serializers.EmailField):
    """An e-mail address."""


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a typo must not be dropped silently."""

    def to_internal_value(self, data: Any) -> Any:
        """Raise ValidationError for an unknown field."""
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({name: [gettext("There is no such field.")] for name in unknown})
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


class QuickSerializer(serializers.Serializer[Any]):
    """Shows plain attributes and nothing else, many rows at a time.

    Each field is found by one compiled path instead of the framework's step by step search, which took most of a long
    page's time. What it shows is the same; fields may have no default, and no source may be a method or a mapping.
    """

    @cached_property
    def _paths(self) -> list[tuple[str, Any, Any]]:
        return [
            (name, (lambda row: row) if field.source == "*" else attrgetter(field.source or name), field)
            for name, field in self.fields.items()
        ]

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return the row as plain values."""
        shown: dict[str, Any] = {}
        for name, path, field in self._paths:
            value = path(instance)
            shown[name] = None if value is None else field.to_representation(value)
        return shown
