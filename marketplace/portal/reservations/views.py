# SPDX-License-Identifier: Apache-2.0
"""Reserving GPUs for a window: the quote beside the form is the code that decides the confirmation."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError, NotFound
from aion.ids import new_id
from aion.web.middleware import status_of
from aion.web.text import text_in
from aion.web.views import ActorView
from billing.queries import Buyer
from clusters import queries as clusters
from clusters.queries.reservations import in_use, reservations, uses_of, workloads_on
from clusters.services.reservations import cancel_reservation, cancellation_hours, cost_of
from clusters.states import CANCELLATION, PROMISED, ReservationState
from marketplace.portal.reservations.forms import ReserveForm, first_wish
from marketplace.queries import PricedOffer, allowance_of, priced_offer
from marketplace.services.quotes import refusal_of
from marketplace.services.reservations import confirm_reservation, quote_reservation
from marketplace.states import CapacityClass

PAGE = 25
SHOWN = 20
FIELDS = {"gpus": "gpus", "project": "project", "starts_at": "start_day", "ends_at": "end_day"}


class ReservationsView(ActorView):
    """What the organisation has reserved, and how much of it was used."""

    scope = Scope.WORKLOADS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page."""
        page = Paginator(reservations(self.actor), PAGE).get_page(request.GET.get("page"))
        uses = uses_of(page.object_list, clock.now())
        context = {"page": page, "rows": [(row, uses[row.pk]) for row in page.object_list]}
        return render(request, "reservations/reservations.html", context)


class Quoting(ActorView):
    """What the form's page and its live part share."""

    scope = Scope.WORKLOADS_READ

    def quoted(self, form: ReserveForm) -> dict[str, Any]:
        """Return the quote and what is in its way; a form that is not complete yet is no error."""
        context: dict[str, Any] = {"form": form, "rule": CANCELLATION}
        if form.is_valid():
            now = clock.now()
            try:
                quote = quote_reservation(actor=self.actor, wish=form.wish(), at=now)
                refusal = refusal_of(actor=self.actor, quote=quote, at=now)
                context |= {"quote": quote, "in_the_way": refusal, "short": quote.free < quote.milli_gpus}
            except DomainError as error:
                context["refusal"] = error
        return context


class ReserveView(Quoting):
    """Chooses count and window, shows the price, and confirms."""

    write_scope = Scope.WORKLOADS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form; the query string fills it, so that a link can carry a wish."""
        self.actor.require(Scope.WORKLOADS_WRITE)
        line = self._line(text_in(request.GET, "offer", limit=40))
        wanted = {name: value for name, value in request.GET.items() if name in ReserveForm.base_fields}
        filled = {**first_wish(line.offer, clock.now()), **wanted}
        return self._page(request, line, ReserveForm(initial=filled, actor=self.actor), filled=filled)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Confirm what was quoted; without the quote's amount, show the quote first."""
        line = self._line(text_in(request.POST, "offer", limit=40))
        form = ReserveForm(request.POST, actor=self.actor)
        agreed, status = text_in(request.POST, "agreed", limit=18), 422
        if form.is_valid() and agreed.isdecimal():
            key = text_in(request.POST, "key", limit=80)
            try:
                row = confirm_reservation(
                    actor=self.actor,
                    wish=form.wish(int(agreed)),
                    at=clock.now(),
                    idempotency_key=f"portal:{key}" if key else None,
                )
            except DomainError as error:
                form.add_error(FIELDS.get(error.field or ""), error.detail)
                status = status_of(error)
            else:
                messages.success(request, _("Reserved. The price of the whole window is held; launch once it starts."))
                return redirect("portal:reservation", slug=self.organisation.slug, public_id=row.public_id)
        elif form.is_valid():
            status = 200
        return self._page(request, line, form, status=status)

    def _line(self, public_id: str) -> PricedOffer:
        buyer = Buyer(self.organisation.pk, self.organisation.kind)
        line = priced_offer(public_id=public_id, at=clock.now(), buyer=buyer, allowance=allowance_of(self.actor))
        if line is None or line.offer.capacity_class != CapacityClass.RESERVED:
            raise NotFound(_("No such offer is sold by reservation: choose one from the price list."))
        return line

    def _page(
        self,
        request: HttpRequest,
        line: PricedOffer,
        form: ReserveForm,
        *,
        status: int = 200,
        filled: dict[str, Any] | None = None,
    ) -> HttpResponse:
        # A first look is quoted as well, so that the page needs no script to show a price.
        asked = form if filled is None else ReserveForm({"project": _first(form), **filled}, actor=self.actor)
        context = {**self.quoted(asked), "form": form, "line": line, "key": new_id("key")}
        return render(request, "reservations/new.html", context, status=status)


class QuoteView(Quoting):
    """The live quote."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the fragment."""
        return render(request, "reservations/quote.html", self.quoted(ReserveForm(request.GET, actor=self.actor)))


class OneReservation(ActorView):
    """The base of everything about one reservation."""

    scope = Scope.WORKLOADS_READ

    def row(self, public_id: str) -> Any:
        """Return it. Raises NotFound for a stranger's."""
        found = reservations(self.actor).filter(public_id=public_id).first()
        if found is None:
            raise NotFound(_("There is no such reservation."))
        return found


class ReservationView(OneReservation):
    """One reservation: window, price, what is used and what is not, and what runs on it."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        row, now = self.row(public_id), clock.now()
        on_it = list(workloads_on(self.actor, row)[:SHOWN])
        costs = clusters.costs_of(on_it, now)
        context = {
            "row": row,
            "use": uses_of([row], now)[row.pk],
            "free": row.milli_gpus - in_use([row])[row.pk],
            "rows": [(one, costs[one.pk]) for one in on_it],
            "usable": row.state in PROMISED and row.starts_at <= now < row.ends_at,
            "cancellable": row.state == ReservationState.CONFIRMED and now < row.starts_at,
            "per_hour": cost_of(row, 1),
        }
        return render(request, "reservations/reservation.html", context)


class CancelView(OneReservation):
    """Asks with what it costs, then gives a reservation back."""

    scope = Scope.WORKLOADS_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Ask."""
        row = self.row(public_id)
        hours = cancellation_hours(row, clock.now())
        charged = cost_of(row, hours)
        context = {"row": row, "hours": hours, "charged": charged, "back": row.amount - charged}
        return render(request, "reservations/cancel.html", context)

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Cancel and go back; what refuses it is said there."""
        self.row(public_id)
        try:
            cancel_reservation(actor=self.actor, public_id=public_id, at=clock.now())
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("Cancelled. What is not charged of it is credit to spend again."))
        return redirect("portal:reservation", slug=self.organisation.slug, public_id=public_id)


def _first(form: ReserveForm) -> str:
    projects: Any = form.fields["project"]
    first = projects.queryset.first()
    return str(first.public_id) if first is not None else ""
