# SPDX-License-Identifier: Apache-2.0
"""The OpenID Connect provider of the environment, as the settings want it."""

from typing import Any
from urllib.parse import urlsplit

from aion import env


def oidc_apps(server_url: str) -> list[dict[str, Any]]:
    """Return the provider at ``server_url`` with the environment's client; none without an address.

    Raises ImproperlyConfigured for an address without client and secret.
    """
    if not server_url:
        return []
    return [
        {
            "provider_id": "oidc",
            "name": env.text("AION_OIDC_NAME", default=urlsplit(server_url).hostname or "OpenID Connect"),
            "client_id": env.text("AION_OIDC_CLIENT_ID"),
            "secret": env.secret("AION_OIDC_CLIENT_SECRET"),
            "settings": {"server_url": server_url},
        }
    ]


def origins(server_url: str) -> list[str]:
    """Return the origin of an address for the Content-Security-Policy; nothing for no address."""
    parts = urlsplit(server_url)
    return [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []
