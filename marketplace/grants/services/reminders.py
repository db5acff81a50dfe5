# SPDX-License-Identifier: Apache-2.0
"""What must not be forgotten: reviews that are due, and aid that waits for the register."""

from datetime import datetime, timedelta

from django.db import transaction

from aion.events.services.emission import emit
from marketplace.grants.models import AidRecord, ReviewAssignment
from marketplace.grants.services.submission import told
from marketplace.grants.states import AidKind, ReviewState

REVIEW_BEFORE = timedelta(days=3)
REGISTER_BEFORE = timedelta(days=7)


@transaction.atomic
def remind_reviewers(*, at: datetime) -> int:
    """Tell each reviewer once, alone, of a review that is due in three days. Returns how many."""
    rows = ReviewAssignment.objects.filter(
        state__in=(ReviewState.ASSIGNED, ReviewState.ACCEPTED), due_at__gt=at, due_at__lte=at + REVIEW_BEFORE
    ).select_related("application__programme")
    return sum(
        emit(
            organisation_id=one.organisation_id,
            type="grant.review_due",
            data={**told(one.application), "review": one.public_id, "due_at": one.due_at},
            key=f"review:{one.pk}:due",
            at=at,
            recipient=one.reviewer_id,
        )
        is not None
        for one in rows.order_by("pk")
    )


@transaction.atomic
def remind_of_register(*, at: datetime) -> int:
    """Tell who runs a programme of aid that is not in the register a week before it must be. Returns how many."""
    rows = AidRecord.objects.filter(
        kind=AidKind.OURS, registered_on=None, register_due_on__lte=(at + REGISTER_BEFORE).date()
    ).select_related("award__programme", "organisation")
    count = 0
    for one in rows.order_by("pk"):
        if one.award is None:
            continue
        event = emit(
            organisation_id=one.award.programme.organisation_id,
            type="grant.aid_to_register",
            data={
                "aid": one.public_id,
                "beneficiary": one.organisation.name,
                "amount_microcredits": one.amount,
                "due_on": str(one.register_due_on),
            },
            key=f"aid:{one.pk}:register",
            at=at,
        )
        count += event is not None
    return count
