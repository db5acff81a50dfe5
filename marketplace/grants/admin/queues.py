# SPDX-License-Identifier: Apache-2.0
"""What waits for staff in grants."""

from django.utils.translation import gettext_lazy as _

from aion.staff import Queue, register_queues
from marketplace.grants.models import AidRecord, Decision, ExtensionRequest, FinalReport, Reclaim
from marketplace.grants.states import AidKind, ReportState, Standing

_PENDING = {"state": Standing.PENDING}
register_queues(
    Queue(_("Grant decisions"), Decision, _PENDING, "state__exact=pending"),
    Queue(_("Extensions of awards"), ExtensionRequest, _PENDING, "state__exact=pending"),
    Queue(_("Reclaims"), Reclaim, _PENDING, "state__exact=pending"),
    Queue(_("Final reports"), FinalReport, {"state": ReportState.SUBMITTED}, "state__exact=submitted"),
    Queue(
        _("Aid to register"),
        AidRecord,
        {"registered_on": None, "kind": AidKind.OURS},
        "registered_on__isempty=1&kind__exact=ours",
    ),
)
