# SPDX-License-Identifier: Apache-2.0
"""What several of staff's requests check alike."""

from collections.abc import Iterable
from typing import TypeVar

from django.utils.translation import gettext

from aion.errors import NotFound, Rejected
from billing.models import CorrectionRequest, CreditRequest, Sku
from billing.places import places
from billing.states import RequestState

Asked = TypeVar("Asked", CorrectionRequest, CreditRequest)


def require_skus(codes: Iterable[str]) -> None:
    """Refuse codes that no SKU has. Raises Rejected."""
    wanted = set(codes)
    unknown = wanted - set(Sku.objects.filter(code__in=wanted).values_list("code", flat=True))
    if unknown:
        raise Rejected(
            gettext("There is no such SKU: %(unknown)s.") % {"unknown": ", ".join(sorted(unknown))}, field="sku_codes"
        )


def require_sites(codes: Iterable[str]) -> None:
    """Refuse codes that no site has: what is only for them could never be spent. Raises Rejected."""
    unknown = set(codes) - set(places())
    if unknown:
        raise Rejected(
            gettext("There is no such site: %(unknown)s.") % {"unknown": ", ".join(sorted(unknown))}, field="site_codes"
        )


def lock_pending(model: type[Asked], public_id: str, *, missing: str) -> Asked:
    """Return a request that waits for a decision, locked. Raises NotFound, saying ``missing``."""
    request: Asked | None = (
        model.objects.select_for_update().filter(public_id=public_id, state=RequestState.PENDING).first()
    )
    if request is None:
        raise NotFound(missing)
    return request
