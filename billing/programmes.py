# SPDX-License-Identifier: Apache-2.0
"""The programmes whose work credit may be tied to. They belong to the package above, which puts its own reader here."""

from collections.abc import Callable, Mapping

READERS: list[Callable[[], Mapping[str, str]]] = []


def programmes() -> dict[str, str]:
    """Return the name of every known programme by its code."""
    return {code: name for reader in READERS for code, name in reader().items()}
