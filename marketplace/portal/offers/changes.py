# SPDX-License-Identifier: Apache-2.0
"""What an operator changes of an offer on sale: a price from a date on, other facts; and taking a proposal back."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError, NotFound
from aion.web.middleware import status_of
from aion.web.views import ActorView
from marketplace.models import Offer, OfferChange
from marketplace.portal.offers.operator import OfferBase, refuse
from marketplace.portal.offers.operator_forms import PriceForm, ReasonedForm, RevisionForm, terms_of
from marketplace.services import offer_changes


class ChangeBase(OfferBase):
    """A form that proposes a change of one offer."""

    template: str
    title: Any

    def answer(
        self, request: HttpRequest, offer: Offer, form: ReasonedForm, propose: Callable[[], OfferChange]
    ) -> HttpResponse:
        """Propose and go back to the offer, or show what is wrong beside its field."""
        status = 422
        if form.is_valid():
            try:
                propose()
            except DomainError as error:
                refuse(form, error)
                status = status_of(error)
            else:
                messages.success(request, _("Proposed. AION looks at it and tells you what was decided."))
                return redirect("portal:offer", slug=self.organisation.slug, public_id=offer.public_id)
        return self.page(request, offer, form, status=status)

    def page(self, request: HttpRequest, offer: Offer, form: ReasonedForm, *, status: int = 200) -> HttpResponse:
        """Show the form."""
        now = clock.now()
        context: dict[str, Any] = {"title": self.title, "offer": offer, "form": form, "own": offer.own_at(now)}
        return render(request, self.template, context, status=status)


class NewPriceView(ChangeBase):
    """Another price from a day on."""

    template = "offers/new_price.html"
    title = gettext_lazy("New price")

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show the form."""
        day = offer_changes.earliest(rises=True, at=clock.now()).date()
        return self.page(request, self.offer(public_id), PriceForm(initial={"valid_from": day}))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Propose it."""
        offer, form = self.offer(public_id), PriceForm(request.POST)
        return self.answer(
            request,
            offer,
            form,
            lambda: offer_changes.propose_price(
                actor=self.actor,
                offer_id=public_id,
                micro_per_gpu_hour=form.micro(),
                valid_from=form.begins(),
                reason=form.cleaned_data["reason"],
                at=clock.now(),
            ),
        )


class ReviseView(ChangeBase):
    """Other facts."""

    template = "offers/revise.html"
    title = gettext_lazy("Change facts")

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show the form."""
        offer = self.offer(public_id)
        return self.page(request, offer, RevisionForm(initial=terms_of(offer)))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Propose them."""
        offer, form = self.offer(public_id), RevisionForm(request.POST)
        return self.answer(
            request,
            offer,
            form,
            lambda: offer_changes.propose_facts(
                actor=self.actor,
                offer_id=public_id,
                facts=form.terms(),
                reason=form.cleaned_data["reason"],
                at=clock.now(),
            ),
        )


class WithdrawChangeView(ActorView):
    """Asks, then takes a proposal back."""

    scope = Scope.OFFERS_WRITE

    def _row(self, public_id: str) -> OfferChange:
        rows = OfferChange.objects.visible_to(self.actor).select_related("offer")
        found: OfferChange | None = rows.filter(public_id=public_id).first()
        if found is None:
            raise NotFound(_("There is no such change."))
        return found

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Ask."""
        return render(request, "offers/withdraw_change.html", {"row": self._row(public_id)})

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Take it back and go to the offer; what refuses it is said there."""
        row = self._row(public_id)
        try:
            offer_changes.withdraw_change(actor=self.actor, public_id=public_id, at=clock.now())
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("The proposal is withdrawn: the offer stays as it is."))
        return redirect("portal:offer", slug=self.organisation.slug, public_id=row.offer.public_id)
