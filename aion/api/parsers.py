# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests, bounded in depth before anything walks through them."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from rest_framework import parsers
from rest_framework.exceptions import ParseError

MAX_DEPTH = 32


class JSONParser(parsers.JSONParser):
    """JSON of at most MAX_DEPTH levels: fingerprints and serialisers recurse over what comes out of here."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the body. Raises ParseError for what is no JSON or nests too deeply."""
        try:
            body = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise _too_deep() from error
        level = [body]
        for _ in range(MAX_DEPTH + 1):
            level = [part for whole in level for part in _parts(whole)]
            if not level:
                return body
        raise _too_deep()


def _too_deep() -> ParseError:
    return ParseError(
        gettext("The body nests deeper than %(most)s levels: no request of ours does.") % {"most": MAX_DEPTH}
    )


def _parts(whole: Any) -> list[Any]:
    if isinstance(whole, Mapping):
        return list(whole.values())
    return whole if isinstance(whole, list) else []
