# SPDX-License-Identifier: Apache-2.0
"""invoices.issue: whole documents a second, from draft to the last check, with the real rules; and what memory does."""

import resource
import time
from pathlib import Path

from bench.measure import note, say

DOCUMENTS = 60
WARM = 10
MEGABYTE = 1024


def issue(sizes: list[int]) -> None:
    """Say how many documents are issued a second, and how much both processes grew after the first ones."""
    from billing.invoicing.checks.client import Checker
    from billing.invoicing.models import Document
    from billing.invoicing.services import issuing
    from tests.invoicing.scenes import AT, CLERK, FRENCH, ask_for, make_buyer

    assert sizes is not None
    organisation = make_buyer(FRENCH).organisation
    checks = Checker()
    for _ in range(WARM + DOCUMENTS):
        ask_for(organisation)
    note(f"{DOCUMENTS} documents of one line, three files and four checks each, after {WARM} to warm up")
    assert issuing.issue_waiting(actor=CLERK, at=AT, checks=checks, limit=WARM) == WARM
    before, began = (_own(), _other(checks.pid)), time.perf_counter()
    left = DOCUMENTS
    while left > 0:
        left -= issuing.issue_waiting(actor=CLERK, at=AT, checks=checks, limit=issuing.BATCH)
    seconds = time.perf_counter() - began
    grown = [after - first for after, first in zip((_own(), _other(checks.pid)), before, strict=True)]
    checks.close()
    assert Document.objects.issued().count() == WARM + DOCUMENTS
    say("invoices.issue", DOCUMENTS / seconds, "documents/s", clock="wall", size=DOCUMENTS, workers=1,
        median_of=1, goal=1, baseline=f"grew {grown[0]} MB here, {grown[1]} MB in the checking process")  # fmt: skip


def _own() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MEGABYTE


def _other(pid: int | None) -> int:
    """Return the resident megabytes of another process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(one for one in status.splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) // MEGABYTE
