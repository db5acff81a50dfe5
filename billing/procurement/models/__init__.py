# SPDX-License-Identifier: Apache-2.0
"""Rows of procurement."""

from billing.procurement.models.agreements import AgreementLot, AgreementRule, FrameworkAgreement
from billing.procurement.models.orders import BuyerRequirement, CostCentre, PurchaseOrder, ServiceAttestation
from billing.procurement.models.quotes import BankTransfer, NumberSeries, Quote

__all__ = [
    "AgreementLot",
    "AgreementRule",
    "BankTransfer",
    "BuyerRequirement",
    "CostCentre",
    "FrameworkAgreement",
    "NumberSeries",
    "PurchaseOrder",
    "Quote",
    "ServiceAttestation",
]
