# SPDX-License-Identifier: Apache-2.0
"""Where the payment processor delivers: checked, stored once, answered; a task does the rest."""

import structlog
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from aion import clock
from billing.purchases.payments.connect import configured
from billing.purchases.payments.gateway import BadDelivery
from billing.purchases.services import inbox

log = structlog.get_logger(__name__)
MOST_BYTES = 512 * 1024


@csrf_exempt
@login_not_required
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Store a delivery. 400 for one that is not signed by the processor; 200 also for one that was stored before."""
    at = clock.now()
    if not configured():
        return HttpResponse(status=404)
    length = request.headers.get("Content-Length") or "0"
    if not length.isdigit() or int(length) > MOST_BYTES:
        inbox.count_refusal(reason="too_large", at=at)
        return HttpResponse(status=413)
    try:
        inbox.receive(body=request.body, signature=request.headers.get("Stripe-Signature", ""), at=at)
    except BadDelivery as error:
        inbox.count_refusal(reason=error.reason, at=at)
        return HttpResponse(error.reason, status=400, content_type="text/plain")
    return HttpResponse(status=200)
