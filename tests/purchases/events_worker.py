# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.purchases.events_worker INSTANT`: does what the tasks of purchases do until nothing is left to do.

It says ``ready`` once it is loaded: whoever kills it wants to kill work, not an import.
"""

import sys
from datetime import datetime, timedelta

import django

django.setup()

from billing.purchases.models import Payment, ProcessorEvent, Refund  # noqa: E402
from billing.purchases.services import disputes, inbox, papers, refunds  # noqa: E402
from billing.purchases.states import EventState, PaymentState, RefundState  # noqa: E402
from billing.purchases.tasks import look_up  # noqa: E402

ROUNDS = 20


def main() -> int:
    """Work; 0 when nothing waits any more, 1 when something still does after many rounds."""
    at = datetime.fromisoformat(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _ in range(ROUNDS):
        inbox.sweep(at=at)
        inbox.process_due(at=at, limit=1_000)
        refunds.send_due(at=at)
        look_up(at=at)
        disputes.tend(at=at)
        papers.catch_up(at=at)
        at += timedelta(minutes=10)
        waiting = ProcessorEvent.objects.filter(state=EventState.WAITING).exists()
        unsettled = Payment.objects.unsettled().exclude(state=PaymentState.OPEN).exists()
        if not waiting and not unsettled and not Refund.objects.filter(state=RefundState.SENDING).exists():
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
