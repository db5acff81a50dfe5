# SPDX-License-Identifier: Apache-2.0
"""Launching: the estimate beside the form is the code that decides the launch."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError
from aion.web.middleware import status_of
from aion.web.text import text_in
from aion.web.views import ActorView
from billing.queries import Buyer
from marketplace.portal.forms import LaunchForm
from marketplace.queries import allowance_of, price_list, priced_offer
from marketplace.services.orders import estimate, place_order
from marketplace.services.quotes import refusal_of
from marketplace.states import CapacityClass

CHOICES = 24
FIELDS = {
    "offer": "offer",
    "project": "project",
    "gpus": "gpus",
    "max_duration_seconds": "hours",
    "name": "name",
    "image": "image",
    "command": "command",
}


def add_domain_error(form: LaunchForm, error: DomainError) -> None:
    """Put a refusal beside the field it is about, or on top of the form."""
    form.add_error(FIELDS.get(error.field or ""), error.detail)


class LaunchView(ActorView):
    """The launch page."""

    scope = Scope.WORKLOADS_READ
    write_scope = Scope.WORKLOADS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form; the query string fills it, so that a link can carry a configuration."""
        self.actor.require(Scope.WORKLOADS_WRITE)
        offers = self._offers(request.GET.get("offer", ""))
        initial = {"offer": offers[0].offer.public_id if offers else "", **request.GET.dict()}
        form = LaunchForm(initial=initial, actor=self.actor)
        return self._page(request, form, offers, chosen=initial["offer"])

    def post(self, request: HttpRequest) -> HttpResponse:
        """Launch, or show what is wrong beside the field."""
        form = LaunchForm(request.POST, actor=self.actor)
        status, chosen = 422, request.POST.get("offer", "")
        if form.is_valid():
            try:
                key = text_in(request.POST, "key", limit=80)
                order = place_order(
                    actor=self.actor,
                    request=form.request(),
                    at=clock.now(),
                    idempotency_key=f"portal:{key}" if key else None,
                )
            except DomainError as error:
                add_domain_error(form, error)
                status = status_of(error)
            else:
                messages.success(request, _("Launched. It is held, queued and starts as soon as the site admits it."))
                return redirect("portal:workload", slug=self.organisation.slug, public_id=order.workload.public_id)
        return self._page(request, form, self._offers(chosen), chosen=chosen, status=status)

    def _offers(self, chosen: str) -> list[Any]:
        """Return the first offers, and the chosen one wherever it stands: the catalogue may have thousands."""
        now, buyer = clock.now(), Buyer(self.organisation.pk, self.organisation.kind)
        offers = price_list(now, buyer, limit=CHOICES)
        if chosen and all(line.offer.public_id != chosen for line in offers):
            wanted = text_in({"offer": chosen}, "offer", limit=40)
            line = priced_offer(public_id=wanted, at=now, buyer=buyer, allowance=allowance_of(self.actor))
            offers = [*([line] if line else []), *offers]
        # Reserved capacity is launched on from the reservation, which names its offer.
        return [
            one for one in offers if one.offer.capacity_class != CapacityClass.RESERVED or one.offer.public_id == chosen
        ]

    def _page(
        self, request: HttpRequest, form: LaunchForm, offers: list[Any], *, chosen: str, status: int = 200
    ) -> HttpResponse:
        from aion.ids import new_id

        context = {"form": form, "offers": offers, "chosen": chosen, "key": new_id("key")}
        return render(request, "marketplace/launch.html", context, status=status)


class EstimateView(ActorView):
    """The live estimate."""

    scope = Scope.WORKLOADS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the fragment; a form that is not complete yet is no error."""
        form = LaunchForm(request.GET, actor=self.actor)
        context: dict[str, Any] = {"form": form}
        if form.is_valid():
            try:
                now = clock.now()
                quote = estimate(actor=self.actor, request=form.request(), at=now)
                context |= {"estimate": quote, "in_the_way": refusal_of(actor=self.actor, quote=quote, at=now)}
            except DomainError as error:
                context["refusal"] = error
        return render(request, "marketplace/estimate.html", context)
