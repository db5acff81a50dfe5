# SPDX-License-Identifier: Apache-2.0
"""A rate limit per token."""

from typing import Any

from rest_framework.throttling import SimpleRateThrottle


class TokenThrottle(SimpleRateThrottle):
    """Counts requests of one person in one organisation."""

    scope = "token"

    def get_cache_key(self, request: Any, view: Any) -> str | None:
        """Return the counter's key; anonymous requests are refused before they count."""
        actor = request.auth
        if actor is None:
            return None
        return f"throttle:{actor.organisation_id}:{actor.user_id}"
