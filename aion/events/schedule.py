# SPDX-License-Identifier: Apache-2.0
"""When to try again. Pure: the jitter comes from what is tried, so that a test and a colleague see the same instant."""

import zlib
from datetime import timedelta

BACKOFF = (5, 30, 120, 900, 3_600, 21_600, 86_400)
JITTER_PERCENT = 10


def wait_after(*, attempts: int, subject: str) -> timedelta | None:
    """Return the wait after the attempt number ``attempts``, ± 10 % by ``subject``; None when it was the last one."""
    if not 1 <= attempts <= len(BACKOFF):
        return None
    span = 2 * JITTER_PERCENT * 10
    jitter = zlib.crc32(f"{subject}:{attempts}".encode()) % (span + 1) - span // 2
    return timedelta(milliseconds=BACKOFF[attempts - 1] * (1000 + jitter))
