# SPDX-License-Identifier: Apache-2.0
"""The price calculator: GPUs by hours by days, with the code that decides a launch; its state is its address."""

import json
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View

from aion import clock
from aion.tenancy.models import Project
from aion.web.text import text_in
from marketplace.portal.offers.buyers import Viewer, viewer_of
from marketplace.portal.offers.forms import CalculatorForm
from marketplace.queries import PricedOffer, price_list, priced_offer, quote_amounts

CHOICES = 50


@method_decorator(login_not_required, name="dispatch")
class CalculatorView(View):
    """What so much for so long costs."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the sum of what the address says; without any, the form as it begins."""
        viewer, now = viewer_of(request), clock.now()
        lines = price_list(now, viewer.buyer, limit=CHOICES)
        wanted = text_in(request.GET, "offer", limit=40) or (lines[0].offer.public_id if lines else "")
        line = priced_offer(public_id=wanted, at=now, buyer=viewer.buyer, allowance=viewer.allowance)
        if line is not None and all(one.offer.public_id != wanted for one in lines):
            lines = [line, *lines]
        begins = {name: field.initial for name, field in CalculatorForm.base_fields.items()}
        form = CalculatorForm({**begins, **request.GET.dict(), "offer": wanted})
        select: Any = form.fields["offer"].widget
        select.choices = [
            (one.offer.public_id, f"{one.offer.title} · {one.offer.pool.cluster.site.name}") for one in lines
        ]
        context: dict[str, Any] = {"viewer": viewer, "form": form, "lines": lines}
        if form.is_valid() and line is None:
            form.add_error("offer", _("No such offer is on sale: choose another."))
        elif form.is_valid() and line is not None:
            context |= self._sums(request, viewer, form, line)
        return render(request, "offers/calculator.html", context)

    def _sums(self, request: HttpRequest, viewer: Viewer, form: CalculatorForm, line: PricedOffer) -> dict[str, Any]:
        seconds, milli = form.seconds(), form.milli_gpus()
        amounts = quote_amounts(offer=line.offer, price=line.price, milli_gpus=milli, seconds=seconds)
        project = None
        if viewer.organisation is not None:
            project = Project.objects.filter(organisation=viewer.organisation).order_by("pk").first()
        body = {
            "project": project.public_id if project is not None else "prj_…",
            "offer": line.offer.public_id,
            "gpus": str(form.cleaned_data["gpus"]),
            "max_duration_seconds": seconds,
        }
        address = request.build_absolute_uri("/api/v1/estimates")
        call = "\n".join(
            (
                'curl -H "Authorization: Bearer $AION_KEY" -H "Content-Type: application/json" \\',
                f"  -d '{json.dumps(body, ensure_ascii=False)}' {address}",
            )
        )
        return {
            "line": line,
            "amounts": amounts,
            "seconds": seconds,
            "milli_gpus": milli,
            "gpu_hours": milli * seconds,
            "too_long": seconds > line.offer.max_seconds,
            "too_many": milli > line.availability.limit,
            "call": call,
        }
