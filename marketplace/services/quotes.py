# SPDX-License-Identifier: Apache-2.0
"""Whether a launch would start as things stand, and what exactly is in its way."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext

from aion.actor import Actor
from aion.errors import DomainError
from aion.tenancy.models import Organisation, OrganisationState
from aion.tenancy.services.projects import require_member, require_open
from billing.errors import BudgetExceeded, InsufficientCredit
from billing.services import holds
from marketplace.services.orders import Estimate, purpose_of


class Reason(StrEnum):
    """What can refuse a launch. A quota refuses the estimate itself: there is nothing to quote."""

    CREDIT = "credit"
    BUDGET = "budget"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The one thing in the way, and by how many micro-credits, where money is what is missing."""

    reason: Reason
    code: str
    detail: str
    over: int | None = None


def refusal_of(*, actor: Actor, quote: Estimate, at: datetime) -> Refusal | None:
    """Return what would refuse a launch of ``quote`` now, in the order in which a launch checks; None if nothing."""
    organisation = Organisation.objects.visible_to(actor).get()
    if organisation.state != OrganisationState.ACTIVE:
        detail = gettext("Nothing new can start while %(organisation_name)s is frozen: %(frozen_reason)s.") % {
            "organisation_name": organisation.name,
            "frozen_reason": organisation.frozen_reason,
        }
        return Refusal(Reason.POLICY, "organisation_frozen", detail)
    try:
        require_open(quote.project)
        require_member(actor, quote.project)
    except DomainError as error:
        return Refusal(Reason.POLICY, error.code, error.detail)
    if not quote.decision.allowed:
        failing = ", ".join(quote.decision.failing)
        detail = gettext("The project's residency policy denies this site: %(failing)s.") % {"failing": failing}
        return Refusal(Reason.POLICY, "residency_violation", detail)
    if quote.reservation_id is not None:
        return None
    try:
        holds.check_hold(purpose=purpose_of(actor, quote), amount=quote.amount, at=at)
    except InsufficientCredit as error:
        return _refusal(Reason.CREDIT, error, "missing_microcredits")
    except BudgetExceeded as error:
        return _refusal(Reason.BUDGET, error, "over_microcredits")
    return None


def _refusal(reason: Reason, error: DomainError, over: str) -> Refusal:
    return Refusal(reason, error.code, error.detail, error.details[over])
