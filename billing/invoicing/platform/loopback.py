# SPDX-License-Identifier: Apache-2.0
"""A platform inside the product, for the demo and tests: it keeps what it takes, and tells statuses at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from stdnum.fr import siren as sirens

from billing.invoicing.models import LoopbackFlow
from billing.invoicing.platform import Collected, Flow, PlatformRefused, Status
from billing.invoicing.states import Lifecycle


class LoopbackPlatform:
    """Knows every well-formed SIREN, takes what has an address, and lets tests play the buyer."""

    def look_up(self, siren: str) -> str | None:
        """Return the SIREN itself: the address that every French business has at least."""
        return siren if sirens.is_valid(siren) else None

    @transaction.atomic
    def send(self, flow: Flow, *, at: datetime) -> str:
        """Keep the document, deposited and received; a repeated key changes nothing, other content is refused."""
        row, created = LoopbackFlow.objects.get_or_create(
            key=flow.key,
            defaults={"number": flow.number, "buyer": flow.buyer_address, "sha256": flow.sha256, "received_at": at},
        )
        if row.sha256 != flow.sha256:
            raise PlatformRefused("Another document was sent under this key.")
        if created:
            for code in (Lifecycle.DEPOSITED, Lifecycle.EMITTED, Lifecycle.RECEIVED):
                self.tell(flow.key, code, at=at)
        return flow.key

    def statuses(self, flow_id: str) -> Sequence[Status]:
        """Return what was told of a flow."""
        row = LoopbackFlow.objects.filter(key=flow_id).first()
        return [
            Status(one["ref"], one["code"], datetime.fromisoformat(one["at"]), one["reason"])
            for one in (row.statuses if row else [])
            if not one["ours"]
        ]

    def report(self, flow_id: str, *, code: str, ref: str, amounts: Sequence[Collected], at: datetime) -> None:
        """Keep a status of the seller's."""
        given = [{"rate": one.rate_basis_points, "gross_cents": one.gross_cents} for one in amounts]
        self._add(flow_id, {"ref": ref, "code": code, "at": at.isoformat(), "reason": "", "ours": True, "paid": given})

    def tell(self, flow_id: str, code: str, *, at: datetime, reason: str = "") -> None:
        """Tell a status as the buyer or its platform would."""
        ref = f"{flow_id}:{code}"
        self._add(flow_id, {"ref": ref, "code": str(code), "at": at.isoformat(), "reason": reason, "ours": False})

    @transaction.atomic
    def _add(self, flow_id: str, status: dict[str, Any]) -> None:
        row = LoopbackFlow.objects.select_for_update().filter(key=flow_id).first()
        if row is None:
            raise PlatformRefused("There is no such flow.")
        if any(one["ref"] == status["ref"] for one in row.statuses):
            return
        row.statuses = [*row.statuses, status]
        row.save(update_fields=["statuses"])
