# SPDX-License-Identifier: Apache-2.0
"""The staff site's first page: what waits for a decision, and when the books were last proved."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from aion import clock
from aion.audit.models import AuditEvent
from aion.figures import instant
from aion.staff import QUEUES, Queue, register_queues
from aion.tenancy.models import Organisation, OrganisationState
from billing.admin.columns import table
from billing.models import CorrectionRequest, CreditRequest, PriceDraft, PromoCode, QuarantinedUsage, Reconciliation
from billing.settlement.queries.liability import gauge
from billing.states import DraftState, RequestState

SHOWN = 12
# The reconciler runs each night; a proof older than this is none.
FRESH = timedelta(hours=26)

_PENDING = {"state": RequestState.PENDING}
register_queues(
    Queue(_("Credit requests"), CreditRequest, _PENDING, "state__exact=pending"),
    Queue(_("Corrections"), CorrectionRequest, _PENDING, "state__exact=pending"),
    Queue(_("Promo codes"), PromoCode, _PENDING, "state__exact=pending"),
    Queue(_("Price drafts"), PriceDraft, {"state": DraftState.DRAFT}, "state__exact=draft"),
    Queue(_("Quarantined usage"), QuarantinedUsage, {"review": None}, "reviewed=no"),
    Queue(_("Frozen organisations"), Organisation, {"state": OrganisationState.FROZEN}, "state__exact=frozen"),
)


def waiting(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the queues that the person may see, each with how many rows wait, in a constant number of queries."""
    user: Any = request.user
    context["queues"] = [
        {
            "title": queue.title,
            "count": queue.model._default_manager.filter(**queue.wanted).count(),
            "link": f"{reverse(f'admin:{queue.name}_changelist')}?{queue.query}",
        }
        for queue in QUEUES
        if user.has_perm(queue.right)
    ]
    if user.has_perm("billing.view_reconciliation"):
        last = Reconciliation.objects.order_by("-at", "-pk").first()
        context["books"] = {
            "last": last,
            "stale": last is not None and last.at < clock.now() - FRESH,
            "link": reverse("admin:billing_reconciliation_changelist"),
        }
    if user.has_perm("settlement.view_gaugealert"):
        context["network"] = {"gauge": gauge(clock.now()), "link": reverse("admin:liability")}
    if user.has_perm("audit.view_auditevent"):
        rows = [
            [instant(one.at), one.actor_label, one.action, one.subject_label, one.reason or "–"]
            for one in AuditEvent.objects.order_by("-pk")[:SHOWN]
        ]
        context["acts"] = table("", [_("When (UTC)"), _("Who"), _("What"), _("Subject"), _("Reason")], rows)
    return context
