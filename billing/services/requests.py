# SPDX-License-Identifier: Apache-2.0
"""What is asked for by one person and decided by another checks alike, whatever it is."""

from collections.abc import Collection, Iterable
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext

from aion.actor import Actor
from aion.errors import NotFound, Rejected
from billing.errors import FourEyesNeeded
from billing.models import Sku
from billing.places import places
from billing.programmes import programmes
from billing.states import RequestState

Asked = TypeVar("Asked", bound=Model)


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


def require_programmes(codes: Collection[str]) -> None:
    """Refuse codes that no programme has: no work ever bears them. Raises Rejected."""
    unknown = set(codes) - set(programmes()) if codes else set()
    if unknown:
        raise Rejected(
            gettext("There is no such programme: %(unknown)s.") % {"unknown": ", ".join(sorted(unknown))},
            field="programme_codes",
        )


def lock_pending(rows: QuerySet[Asked], *, missing: str) -> Asked:
    """Return the one of ``rows`` that waits for a decision, locked alone. Raises NotFound, saying ``missing``."""
    found = rows.filter(state=RequestState.PENDING).select_for_update(of=("self",)).first()
    if found is None:
        raise NotFound(missing)
    return found


def require_second(actor: Actor, asked_by_id: int | None, detail: str) -> None:
    """Refuse who asked as the one who decides, and whoever is no person. Raises FourEyesNeeded, saying ``detail``."""
    if actor.user_id is None or actor.user_id == asked_by_id:
        raise FourEyesNeeded(detail)
