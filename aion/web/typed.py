# SPDX-License-Identifier: Apache-2.0
"""What people type into any form, in the portal and in the staff admin: judged and answered alike.

Django's own fields are taught once, before the first form is made, since forms come from this product, from Django and
from packages. The API judges for itself: its numbers have a point in every language.
"""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils import formats
from django.utils.translation import gettext_lazy as _

from aion import characters

# A comma is a number's own sign in one language and parts thousands in the other: there it stays an error.
_GAPS = dict.fromkeys(map(ord, " \u00a0\u2009\u202f"))
_CHOICE = _("Choose one of the list.")
MESSAGES: dict[type[forms.Field], dict[str, Any]] = {
    forms.IntegerField: {"invalid": _("Write a whole number, such as 12.")},
    forms.FloatField: {"invalid": _("Write a number, such as 12.5.")},
    forms.DecimalField: {"invalid": _("Write a number, such as 12.5.")},
    forms.DateField: {"invalid": _("Write a day as year-month-day, such as 2026-11-30.")},
    forms.TimeField: {"invalid": _("Write a time as hours and minutes, such as 14:30.")},
    forms.DateTimeField: {"invalid": _("Write a day and a time, such as 2026-11-30 14:30.")},
    # What was sent is not repeated: it may be a megabyte.
    forms.ChoiceField: {"invalid_choice": _CHOICE},
    forms.MultipleChoiceField: {"invalid_choice": _CHOICE, "invalid_list": _CHOICE},
    forms.ModelChoiceField: {"invalid_choice": _CHOICE},
    forms.ModelMultipleChoiceField: {
        "invalid_choice": _CHOICE,
        "invalid_list": _CHOICE,
        "invalid_pk_value": _CHOICE,
    },
}


def plain_number(value: Any) -> Any:
    """Return what was typed as Python reads a number; a decimal comma only where the language has one."""
    if not isinstance(value, str):
        return value
    typed = value.strip().translate(_GAPS)
    comma = formats.get_format("DECIMAL_SEPARATOR") == ","
    return typed.replace(",", ".") if comma and typed.count(",") == 1 and "." not in typed else typed


def _teach_numbers(kind: type[forms.Field]) -> None:
    read = kind.to_python

    def to_python(self: forms.Field, value: Any) -> Any:
        return read(self, plain_number(value))

    kind.to_python = to_python  # type: ignore[method-assign]  # the one place that teaches Django's fields


def _teach_json() -> None:
    read = forms.JSONField.to_python

    def to_python(self: forms.JSONField, value: Any) -> Any:
        try:
            return read(self, value)
        except (RecursionError, ValueError) as error:  # a thousand brackets; a number of more digits than Python reads
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error

    forms.JSONField.to_python = to_python  # type: ignore[method-assign]  # as above


def _validate_text(self: forms.CharField, value: Any) -> None:
    forms.Field.validate(self, value)
    # A password is never shown, and may be of any character.
    if isinstance(self.widget, forms.PasswordInput):
        return
    lines = isinstance(self.widget, forms.Textarea)
    if not all(characters.shown(one, lines=lines) for one in _texts(value)):
        raise forms.ValidationError(characters.REFUSED, code="unseen")


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a value: that of a JSON field has them inside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from (*_texts(name), *_texts(part))
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def teach() -> None:
    """Teach Django's fields; once in a process."""
    for kind, messages in MESSAGES.items():
        kind.default_error_messages = {**kind.default_error_messages, **messages}
    forms.CharField.validate = _validate_text  # type: ignore[method-assign, assignment]  # as above
    _teach_json()
    # A FloatField is an IntegerField, and a DecimalField as well: each has a reader of its own.
    for number in (forms.IntegerField, forms.FloatField, forms.DecimalField):
        _teach_numbers(number)
