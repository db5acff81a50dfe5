# SPDX-License-Identifier: Apache-2.0
"""Texts of a request that an answer repeats."""

import re
from typing import Any

UNWRITABLE = re.compile("[\x00\ud800-\udfff]")


def writable(value: Any) -> Any:
    """Return an answer without what JSON may spell and nothing can hold: half a surrogate pair is no UTF-8, and the
    database keeps no NUL. Each becomes U+FFFD.
    """
    if isinstance(value, dict):
        return {writable(name): writable(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [writable(part) for part in value]
    return UNWRITABLE.sub("\ufffd", value) if isinstance(value, str) else value
