# SPDX-License-Identifier: Apache-2.0
"""How answers that are files choose their form."""

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request


class OneForm(BaseContentNegotiation):
    """The file has the form that it has, whatever Accept says: DRF knows only JSON and would answer 406.

    It would also take ``?format=`` for its own and answer 404.
    """

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Take the first."""
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> tuple[Any, str]:
        """Take JSON, which errors are in."""
        return JSONRenderer(), JSONRenderer.media_type
