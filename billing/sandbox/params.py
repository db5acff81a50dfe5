# SPDX-License-Identifier: Apache-2.0
"""Form-encoded parameters: decoded into nested values, then checked against a specification by name and type."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from billing.sandbox.errors import Invalid

PART = re.compile(r"\[([^\[\]]*)\]")
HEAD = re.compile(r"^[^\[\]]+")
Reader = Callable[[Any, str], Any]
Params = dict[str, Any]
MAX_CENTS = 99_999_999


def decode(text: str) -> Params:
    """Return the nested value of ``a[b][0]=…``; lists are dicts by position until a reader asks for a list."""
    root: Params = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        head = HEAD.match(key)
        if head is None:
            raise Invalid(f"Invalid parameter name: {key}")
        path = [head[0], *PART.findall(key)]
        node: Any = root
        for part in path[:-1]:
            node = node.setdefault(part or str(len(node)), {})
            if not isinstance(node, dict):
                raise Invalid(f"Invalid hash: {key}", param=key)
        node[path[-1] or str(len(node))] = value
    return root


@dataclass(frozen=True)
class Field:
    """How one parameter is read."""

    read: Reader
    required: bool = False


Spec = Mapping[str, Field | Reader]


def check(spec: Spec, given: Any, path: str = "") -> Params:
    """Return the values that ``spec`` reads from ``given``. Raises Invalid with the parameter's name."""
    if not isinstance(given, dict):
        raise Invalid("Invalid object", param=path)
    for name in given:
        if name not in spec:
            inside = _inside(path, name)
            raise Invalid(f"Received unknown parameter: {inside}", code="parameter_unknown", param=inside)
    values: Params = {}
    for name, field in spec.items():
        reader, required = (field.read, field.required) if isinstance(field, Field) else (field, False)
        if name in given:
            values[name] = reader(given[name], _inside(path, name))
        elif required:
            raise missing(_inside(path, name))
    return values


def _inside(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def missing(name: str) -> Invalid:
    """Return the refusal of a request that lacks a parameter."""
    return Invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)


def need(reader: Reader) -> Field:
    """Return the field of a parameter that must be given."""
    return Field(reader, required=True)


def text(value: Any, path: str) -> str:
    """Read a text."""
    if not isinstance(value, str):
        raise Invalid(f"Invalid string: {path}", param=path)
    if not value:
        message = (
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter."
        )
        raise Invalid(message, code="parameter_invalid_empty", param=path)
    if len(value) > 5_000:
        raise Invalid(f"Invalid string: {path} is too long", param=path)
    return value


def clearable(value: Any, path: str) -> str | None:
    """Read a text; an empty one unsets what is stored."""
    return None if value == "" else text(value, path)


def integer(least: int = 0, most: int = MAX_CENTS) -> Reader:
    """Return the reader of a whole number."""

    def read(value: Any, path: str) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,15}", value):
            raise Invalid(f"Invalid integer: {value}", code="parameter_invalid_integer", param=path)
        number = int(value)
        if number < least:
            message = f"This value must be greater than or equal to {least}."
            raise Invalid(message, code="parameter_invalid_integer", param=path)
        if number > most:
            message = f"This value must be less than or equal to {most}."
            raise Invalid(message, code="parameter_invalid_integer", param=path)
        return number

    return read


def boolean(value: Any, path: str) -> bool:
    """Read true or false."""
    if value not in {"true", "false"}:
        raise Invalid(f"Invalid boolean: {value}", param=path)
    return bool(value == "true")


def choice(*names: str) -> Reader:
    """Return the reader of one of ``names``."""

    def read(value: Any, path: str) -> str:
        if value not in names:
            raise Invalid(f"Invalid {path}: must be one of {', '.join(names)}", param=path)
        return str(value)

    return read


def hash_of(spec: Spec) -> Reader:
    """Return the reader of a nested object."""
    return lambda value, path: check(spec, value, path)


def free_form(value: Any, path: str) -> Any:
    """Read a nested object of which the sandbox only keeps a copy."""
    return value


def list_of(reader: Reader) -> Reader:
    """Return the reader of a list."""

    def read(value: Any, path: str) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, dict) or not all(part.isdigit() for part in value):
            raise Invalid(f"Invalid array: {path}", param=path)
        ordered = sorted(value.items(), key=lambda item: int(item[0]))
        return [reader(entry, f"{path}[{part}]") for part, entry in ordered]

    return read


def metadata(value: Any, path: str) -> dict[str, str]:
    """Read at most 50 keys of 40 characters with values of 500; an empty value unsets its key."""
    if value == "":
        return {}
    if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
        raise Invalid("Invalid metadata: a hash of texts is needed", param=path)
    for key, entry in value.items():
        if len(key) > 40 or len(entry) > 500 or len(value) > 50:
            raise Invalid(f"Metadata is limited to 50 keys of 40 characters, values to 500: {key}", param=path)
    return dict(value)


def currency(value: Any, path: str) -> str:
    """Read a currency: the sandbox's account has euros only."""
    if not isinstance(value, str) or value.lower() != "eur":
        message = f"Invalid currency: {value}. The sandbox's account takes eur only."
        raise Invalid(message, code="parameter_invalid_string", param=path)
    return "eur"


def cents(value: Any, path: str) -> int:
    """Read an amount that can be charged: at least 50 cents."""
    amount: int = integer()(value, path)
    if amount < 50:
        message = "The amount must be greater than or equal to the minimum charge amount allowed (0.50 eur)."
        raise Invalid(message, code="amount_too_small", param=path)
    return amount


METHODS = list_of(choice("card", "sepa_debit"))


def gone(value: Any, path: str) -> None:
    """Refuse what the API version took away."""
    message = f"The parameter {path} is no longer supported in this API version: use allowed_payment_method_types."
    raise Invalid(message, code="payment_method_types_no_longer_supported", param=path)
