# SPDX-License-Identifier: Apache-2.0
"""Tables of settlement."""

from billing.settlement.models.accounts import AccountMapping
from billing.settlement.models.agreements import ShareAgreement
from billing.settlement.models.gauge import GaugeAlert, NetworkThreshold
from billing.settlement.models.payouts import Payout
from billing.settlement.models.statements import SettlementLine, SettlementStatement

__all__ = [
    "AccountMapping",
    "GaugeAlert",
    "NetworkThreshold",
    "Payout",
    "SettlementLine",
    "SettlementStatement",
    "ShareAgreement",
]
