# SPDX-License-Identifier: Apache-2.0
"""The catalogue: what is on sale, at the prices of who looks; as pages and as CSV."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views import View

from aion import clock
from aion.errors import NotFound
from aion.money import decimal_string
from aion.web.csv import stream_csv
from billing import queries as billing
from marketplace import queries
from marketplace.portal.offers.buyers import viewer_of
from marketplace.portal.offers.forms import CatalogueForm
from marketplace.portal.offers.rows import billed, places_for, row_of
from marketplace.queries import PricedOffer

PAGE = 25
VERSIONS = 20
CSV = [
    "id", "title", "kind", "vendor", "memory_gib", "interconnect", "vcpus_per_node", "host_memory_gib_per_node",
    "local_disk_gib_per_node", "storage_class", "operator", "site", "country", "capacity_class", "residency_level",
    "pue", "g_co2e_per_kwh", "credits_per_gpu_hour", "announced_credits_per_gpu_hour", "announced_from",
    "free_gpus", "available_gpus", "as_of",
]  # fmt: skip


def page_number(text: str) -> int:
    """Return the number of a page; 1 for what is none."""
    return int(text) if text.isdecimal() and len(text) < 10 else 1


@method_decorator(login_not_required, name="dispatch")
class PricesView(View):
    """What is on sale: the list for everybody, a member's own prices and availability for those who sign in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of what was looked for."""
        viewer, form, now = viewer_of(request), CatalogueForm(request.GET), clock.now()
        wish = form.wish()
        page = queries.catalogue_page(
            wish=wish,
            at=now,
            buyer=viewer.buyer,
            allowance=viewer.allowance,
            number=page_number(request.GET.get("page", "1")),
            size=PAGE,
        )
        places = places_for(viewer, request.GET.get("for", ""))
        context = {
            "viewer": viewer,
            "form": form,
            "wish": wish,
            "found": page,
            "rows": [row_of(line, places) for line in page.lines],
            "billed": billed(),
            "now": now,
        }
        return render(request, "offers/catalogue.html", context)


@method_decorator(login_not_required, name="dispatch")
class PricesCsvView(View):
    """All that was looked for, as CSV."""

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        """Stream the rows."""
        viewer = viewer_of(request)
        lines = queries.catalogue_lines(
            wish=CatalogueForm(request.GET).wish(), at=clock.now(), buyer=viewer.buyer, allowance=viewer.allowance
        )
        return stream_csv(request, "aion-prices.csv", CSV, _rows(lines))


@method_decorator(login_not_required, name="dispatch")
class PriceView(View):
    """One offer: hardware, where it stands, what it costs and did cost, and what is free."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it. Raises NotFound for what is not on sale."""
        viewer, now = viewer_of(request), clock.now()
        line = queries.priced_offer(public_id=public_id, at=now, buyer=viewer.buyer, allowance=viewer.allowance)
        if line is None:
            raise NotFound(gettext("No such offer is on sale: choose one from the price list."))
        versions = billing.price_versions(sku_id=line.offer.sku_id, book_id=line.offer.price_book_id)[:VERSIONS]
        context = {"viewer": viewer, "line": line, "versions": versions, "now": now}
        return render(request, "offers/price.html", context)


def _rows(lines: Iterator[PricedOffer]) -> Iterator[list[Any]]:
    for line in lines:
        offer, pool = line.offer, line.offer.pool
        flavour, site = pool.flavour, pool.cluster.site
        yield [
            offer.public_id, offer.title, flavour.kind, flavour.vendor, flavour.memory_gib, flavour.interconnect,
            flavour.vcpus, flavour.host_memory_gib, offer.disk_gib, offer.storage,
            offer.organisation.name, site.code, site.country_id, offer.capacity_class, line.level, site.pue,
            site.g_co2e_per_kwh, decimal_string(line.micro_per_gpu_hour),
            "" if line.announced_micro is None else decimal_string(line.announced_micro),
            line.announced_from.isoformat() if line.announced_from else "", line.availability.free / 1000,
            line.availability.mine / 1000, line.as_of.isoformat() if line.as_of else "",
        ]  # fmt: skip
