# SPDX-License-Identifier: Apache-2.0
"""Text in a page's address or a form's hidden field."""

from collections.abc import Mapping

MAX_TEXT = 100


def text_in(query: Mapping[str, str], name: str, *, limit: int = MAX_TEXT) -> str:
    """Return the text under ``name``, trimmed and cut to ``limit``; empty when it is missing.

    NUL is taken out: no text column of PostgreSQL holds one, and to look for one is an error of its driver.
    """
    return query.get(name, "").replace("\x00", "").strip()[:limit]
