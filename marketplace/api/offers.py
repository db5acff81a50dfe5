# SPDX-License-Identifier: Apache-2.0
"""Operators' offers over the API."""

from rest_framework.routers import SimpleRouter


def register(router: SimpleRouter) -> None:
    """Add this part's resources."""
