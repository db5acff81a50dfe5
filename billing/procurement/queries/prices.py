# SPDX-License-Identifier: Apache-2.0
"""The public price list of an instant, as it is copied into quotes and agreements."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from billing.errors import NoPriceInForce
from billing.models import Sku
from billing.queries import LIST_BOOK, Buyer, common_terms, offer_prices


def price_snapshot(*, at: datetime) -> tuple[list[dict[str, Any]], str]:
    """Return the list prices in force at ``at`` without promotions, and the version: the book and its newest price.

    Raises NoPriceInForce where nothing has a price.
    """
    names = {pk: (code, name) for pk, code, name in Sku.objects.values_list("pk", "code", "name")}
    common = replace(common_terms(at=at, buyer=Buyer()), promotions=())
    found = offer_prices(wanted=[(pk, None) for pk in names], at=at, common=common)
    if not found:
        raise NoPriceInForce(_("There is no price list today: publish prices first."))
    rows = [
        {
            "sku": names[sku_id][0],
            "name": names[sku_id][1],
            "micro_per_gpu_hour": price.micro_per_gpu_hour,
            "price_id": price.price_id,
        }
        for (sku_id, _book), price in found.items()
    ]
    rows.sort(key=lambda row: str(row["sku"]))
    return rows, f"{LIST_BOOK}-{max(price.price_id for price in found.values())}"
