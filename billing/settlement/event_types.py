# SPDX-License-Identifier: Apache-2.0
"""What happens in settlement, and who of an operator is told."""

from django.utils.translation import gettext_lazy as _

from aion.events.types import SPENDERS, EventType, Family, register, register_families

_SETTLEMENT = {"settlement": "stl_5n8x2k4qw7m1v9ya", "month": "2026-05", "share_microcredits": 8_500_000_000}
PAGE = "settlements/%(settlement)s/"

register_families(Family("settlement", _("Settlements")))
register(
    EventType(
        "settlement.prepared",
        "settlement",
        _("A settlement was prepared"),
        _("Your settlement of %(month)s is prepared: %(share_credits)s euros wait for approval by two people."),
        SPENDERS,
        _SETTLEMENT,
        link=PAGE,
    ),
    EventType(
        "settlement.approved",
        "settlement",
        _("A settlement was approved"),
        _("Your settlement of %(month)s is approved: %(share_credits)s euros are owed to you."),
        SPENDERS,
        _SETTLEMENT,
        mail=True,
        link=PAGE,
    ),
    EventType(
        "settlement.paid",
        "settlement",
        _("A settlement was paid"),
        _("Your settlement of %(month)s was paid by the bank transfer %(bank_reference)s of %(amount_credits)s euros."),
        SPENDERS,
        {**_SETTLEMENT, "bank_reference": "AION-2026-0007", "amount_microcredits": 8_500_000_000},
        mail=True,
        link=PAGE,
    ),
)
