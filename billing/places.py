# SPDX-License-Identifier: Apache-2.0
"""Where usage takes place. Sites belong to the package above: it puts its own reader here when it starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A site's name, who operates it, and the key of that organisation."""

    name: str
    operator: str
    operator_id: int


READERS: list[Callable[[], Mapping[str, Place]]] = []


def places() -> dict[str, Place]:
    """Return every known place by its code."""
    return {code: place for reader in READERS for code, place in reader().items()}
