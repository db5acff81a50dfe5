# SPDX-License-Identifier: Apache-2.0
"""The processor's payouts against our payments, each day: what it sent must be what it took, less refunds and fees."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Max

from billing.purchases.models import Dispute, Payment, Payout, Refund
from billing.purchases.payments.connect import gateway
from billing.purchases.payments.gateway import PayoutLine, PayoutSeen

log = structlog.get_logger(__name__)
BACK = timedelta(days=14)


def compare(*, at: datetime) -> list[Payout]:
    """Compare every payout that is new; return those that do not add up or hold what we do not know."""
    newest = Payout.objects.aggregate(on=Max("paid_on"))["on"]
    since = at - BACK if newest is None else min(at, datetime.combine(newest, at.timetz()) - BACK)
    known = set(Payout.objects.values_list("processor_id", flat=True))
    made = [_keep(seen, at=at) for seen in gateway().payouts(since=since) if seen.id not in known]
    wrong = [one for one in made if one.difference_cents or one.unknown]
    for one in wrong:
        log.error("payout does not add up", payout=one.processor_id, difference_cents=one.difference_cents)
    return wrong


@transaction.atomic
def _keep(seen: PayoutSeen, *, at: datetime) -> Payout:
    sums = {kind: sum(line.cents for line in seen.lines if line.kind == kind) for kind in _KINDS}
    fees = sum(line.fee_cents for line in seen.lines)
    other = [line.source for line in seen.lines if line.kind not in _KINDS]
    payout: Payout = Payout.objects.create(
        processor_id=seen.id,
        paid_on=seen.on,
        amount_cents=seen.cents,
        charges_cents=sums["charge"],
        refunds_cents=sums["refund"],
        disputes_cents=sums["dispute"],
        fees_cents=fees,
        difference_cents=seen.cents - (sum(sums.values()) - fees),
        unknown=[*_unknown(seen.lines), *other],
        checked_at=at,
    )
    charges = {line.source: line for line in seen.lines if line.kind == "charge"}
    payments = list(Payment.objects.filter(charge_id__in=charges))
    for payment in payments:
        payment.fee_cents, payment.payout = charges[payment.charge_id].fee_cents, payout
    Payment.objects.bulk_update(payments, ["fee_cents", "payout"])
    return payout


_KINDS = ("charge", "refund", "dispute")


def _unknown(lines: Sequence[PayoutLine]) -> list[str]:
    """Return the objects in a payout that no payment, refund or dispute of ours has, or has with another amount."""
    named = [line.source for line in lines]
    ours: dict[str, int] = dict(Payment.objects.filter(charge_id__in=named).values_list("charge_id", "captured_cents"))
    refunds = Refund.objects.filter(processor_id__in=named).values_list("processor_id", "gross_cents")
    ours.update({source: -cents for source, cents in refunds})
    disputes = set(Dispute.objects.filter(processor_id__in=named).values_list("processor_id", flat=True))
    return [
        line.source
        for line in lines
        if line.kind in _KINDS and line.source not in disputes and ours.get(line.source) != line.cents
    ]
