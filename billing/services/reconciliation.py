# SPDX-License-Identifier: Apache-2.0
"""Keeping what the reconciler found, so that staff see when the books were last proved."""

from collections.abc import Sequence
from datetime import datetime

from billing.models import Reconciliation
from billing.reconcile import CheckResult


def keep_result(*, results: Sequence[CheckResult], at: datetime) -> Reconciliation:
    """Write the result of a run over the whole books."""
    return Reconciliation.objects.create(
        at=at,
        checks=len(results),
        contradictions=sum(one.contradictions for one in results),
        failed=[one.name for one in results if one.contradictions],
    )
