# SPDX-License-Identifier: Apache-2.0
"""Asking for a quota of one SKU: only the marketplace knows which there are."""

from datetime import datetime

from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.errors import Rejected
from aion.people.quotas import request_quota
from aion.tenancy.models import QuotaRequest
from billing.services.catalogue import sku_of


def ask_quota(
    *,
    actor: Actor,
    milli_gpus: int,
    reason: str,
    project_id: str = "",
    sku_code: str = "",
    until: datetime | None = None,
    at: datetime,
) -> QuotaRequest:
    """Ask staff for more GPUs at one time. Raises what ``request_quota`` raises, Rejected for a SKU there is not."""
    actor.require(Scope.QUOTAS_WRITE)
    if sku_code and sku_of(sku_code) is None:
        raise Rejected(gettext("There is no such accelerator: choose one of the catalogue."), field="sku")
    return request_quota(
        actor=actor, milli_gpus=milli_gpus, reason=reason, project_id=project_id, sku_code=sku_code, until=until, at=at
    )
