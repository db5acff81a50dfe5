# SPDX-License-Identifier: Apache-2.0
"""What a web process does before its first request."""

import gc

from django.urls import get_resolver


def warm_up() -> None:
    """Load every route, and keep what start-up made out of later garbage collections.

    A full collection walks through all objects, and nearly all of them are modules, models and routes, which stay: it
    took 130 ms, in the middle of somebody's request.
    """
    get_resolver().check()
    gc.collect()
    gc.freeze()
