# SPDX-License-Identifier: Apache-2.0
"""What stands for one thing in a page's address."""

from django.urls.converters import StringConverter


class PublicIdConverter(StringConverter):
    """A public id (aion/ids.py), as the API's addresses have it: what cannot be one is 404 before any lookup."""

    regex = "[a-z]+_[0-9a-z]+"


class TokenConverter(StringConverter):
    """A secret that was mailed: base 64 for addresses."""

    regex = "[0-9A-Za-z_-]{16,128}"
