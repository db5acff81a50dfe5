# SPDX-License-Identifier: Apache-2.0
"""Recording decisions."""

from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from aion.residency.models import ResidencyDecision
from aion.residency.policy import Decision, Facts


def allows(decision_id: int | None) -> bool:
    """Tell whether a recorded decision allows; no decision denies."""
    return ResidencyDecision.objects.filter(pk=decision_id or 0, allowed=True).exists()


@transaction.atomic
def record_decision(
    *, decision: Decision, facts: Facts, organisation_id: int, subject: str, gate: str, at: datetime
) -> ResidencyDecision:
    """Store ``decision`` with the facts it was made on, for the evidence pack."""
    return ResidencyDecision.objects.create(
        organisation_id=organisation_id,
        subject=subject,
        gate=gate,
        policy=decision.policy,
        allowed=decision.allowed,
        reasons=list(decision.reasons),
        facts={key: str(value) if value is not None else "?" for key, value in asdict(facts).items()},
        engine_version=decision.engine_version,
        table_version=decision.table_version,
        decided_at=at,
    )
