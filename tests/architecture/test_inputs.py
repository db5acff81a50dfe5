# SPDX-License-Identifier: Apache-2.0
"""What the API takes is judged by fields of the house: the framework's own takes 5 for "5" and what nobody sees."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import get_resolver
from rest_framework import serializers

from aion.api.serializers import StrictSerializer, TextMixin


def inputs() -> list[type[StrictSerializer]]:
    assert get_resolver().url_patterns  # imports every edge
    found, todo = [], [StrictSerializer]
    while todo:
        kinds = todo.pop().__subclasses__()
        found += [one for one in kinds if one.__module__.split(".")[0] != "tests"]
        todo += kinds
    return found


def leaves(field: Any) -> Iterator[Any]:
    child = getattr(field, "child", None)
    if child is not None:
        yield from leaves(child)
    elif not isinstance(field, serializers.Serializer):
        yield field


@pytest.mark.parametrize("shape", inputs(), ids=lambda one: one.__name__)
def test_a_text_of_a_request_is_a_field_of_the_house(shape: type[StrictSerializer]) -> None:
    loose = [
        name
        for name, field in shape().fields.items()
        for leaf in leaves(field)
        if isinstance(leaf, serializers.CharField) and not isinstance(leaf, TextMixin)
    ]
    assert loose == []
