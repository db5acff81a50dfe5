# SPDX-License-Identifier: Apache-2.0
"""What waits for staff in procurement."""

from django.utils.translation import gettext_lazy as _

from aion.staff import Queue, register_queues
from billing.procurement.models import BankTransfer, FrameworkAgreement, PurchaseOrder, Quote
from billing.procurement.states import AgreementState, BankTransferState, OrderState, QuoteState

register_queues(
    Queue(_("Quotes to offer"), Quote, {"state": QuoteState.DRAFT}, "state__exact=draft"),
    Queue(_("Bank transfers to book"), BankTransfer, {"state": BankTransferState.PENDING}, "state__exact=pending"),
    Queue(_("Agreements to activate"), FrameworkAgreement, {"state": AgreementState.DRAFT}, "state__exact=draft"),
    Queue(_("Purchase orders"), PurchaseOrder, {"state": OrderState.SUBMITTED}, "state__exact=submitted"),
)
