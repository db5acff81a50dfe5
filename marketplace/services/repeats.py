# SPDX-License-Identifier: Apache-2.0
"""A request that comes twice under one key is done once: what launches and reservations share."""

from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError

Made = TypeVar("Made")


def done_once(*, earlier: Callable[[], Made | None], make: Callable[[], Made]) -> Made:
    """Return what an ``earlier`` request with the same key made, or make it now.

    ``earlier`` refuses a key with other content; ``make`` is one transaction with a unique constraint on the key.
    """
    found = earlier()
    if found is not None:
        return found
    try:
        return make()
    except IntegrityError:
        # Two requests with one key at the same moment: the unique constraint let one through.
        found = earlier()
        if found is None:
            raise
        return found
