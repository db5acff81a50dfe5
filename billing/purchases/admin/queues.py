# SPDX-License-Identifier: Apache-2.0
"""What waits for staff in purchases."""

from django.utils.translation import gettext_lazy as _

from aion.staff import Queue, register_queues
from billing.purchases.models import Dispute, Payment, ProcessorEvent, Refund
from billing.purchases.states import DisputeState, EventState, PaymentState, RefundState

register_queues(
    Queue(_("Refunds"), Refund, {"state": RefundState.WAITING}, "state__exact=waiting"),
    Queue(_("Payments of another amount"), Payment, {"state": PaymentState.MISMATCH}, "state__exact=mismatch"),
    Queue(_("Disputes"), Dispute, {"state": DisputeState.OPEN}, "state__exact=open"),
    Queue(_("Refused events"), ProcessorEvent, {"state": EventState.REFUSED}, "state__exact=refused"),
)
