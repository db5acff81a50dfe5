# SPDX-License-Identifier: Apache-2.0
"""What expires of an award goes back to its programme's pot: each expiry of its lot once, as the ledger has it.

The aid stays as it was granted: it counts from the day the right was given, whether the credit is used or not.
"""

from datetime import datetime

from django.db import transaction

from aion.actor import system
from aion.audit import services as audit
from aion.events.services.emission import emit
from aion.money import decimal_string
from billing import queries as billing
from marketplace.grants.audit import Action
from marketplace.grants.models import Award, Commitment, Programme
from marketplace.grants.services.awards import award_told
from marketplace.grants.states import CommitmentKind


def return_expired(*, at: datetime) -> int:
    """Give what expired of awards back to their pots. Returns how many expiries; a second run finds none."""
    lots = dict(Award.objects.filter(expires_at__lte=at).values_list("lot_id", "pk"))
    done = set(Commitment.objects.filter(kind=CommitmentKind.EXPIRY).values_list("transfer_id", flat=True))
    waiting = [one for one in billing.expiries(lots) if one.transfer_id not in done]
    return sum(_return(lots[one.lot_id], one, at) for one in waiting)


@transaction.atomic
def _return(award_id: int, expiry: billing.Expiry, at: datetime) -> bool:
    programme = Programme.objects.select_for_update(no_key=True).get(awards=award_id)
    if Commitment.objects.filter(transfer=expiry.transfer_id).exists():  # another worker was first
        return False
    award = Award.objects.select_related("application").get(pk=award_id)
    award.programme = programme
    Commitment.objects.create(
        programme=programme,
        organisation_id=award.organisation_id,
        application_id=award.application_id,
        kind=CommitmentKind.EXPIRY,
        amount=-expiry.amount,
        transfer_id=expiry.transfer_id,
        at=at,
    )
    audit.record(
        actor=system("expiry of awards", organisation_id=programme.organisation_id),
        action=Action.EXPIRY_RETURNED,
        subject=award,
        at=at,
        changes={"amount": decimal_string(expiry.amount), "programme": programme.public_id},
    )
    emit(
        organisation_id=programme.organisation_id,
        type="grant.expiry_returned",
        data={**award_told(award), "amount_microcredits": expiry.amount},
        key=f"expiry:{expiry.transfer_id}",
        at=at,
    )
    return True
