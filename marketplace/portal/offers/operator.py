# SPDX-License-Identifier: Apache-2.0
"""Offers of an operator: the list, writing and changing one, proposing it to AION, withdrawing it."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError, NotFound
from aion.web.middleware import status_of
from aion.web.views import ActorView
from billing import queries as billing
from clusters import queries as clusters
from marketplace.errors import OfferInWrongState
from marketplace.models import Offer
from marketplace.portal.offers.forms import MarkedForm
from marketplace.portal.offers.operator_forms import OfferForm, initial_of
from marketplace.queries import level_reached
from marketplace.services import offers
from marketplace.states import EDITABLE, OfferState

PAGE = 25
VERSIONS = 20


def refuse(form: MarkedForm, error: DomainError) -> None:
    """Say what a service refused beside the field that it names."""
    form.add_error(error.field if error.field in form.fields else None, error.detail)


class OffersView(ActorView):
    """What the organisation offers, in every state."""

    scope = Scope.OFFERS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """List offers."""
        rows = Offer.objects.visible_to(self.actor).select_related("pool__cluster__site", "pool__flavour", "sku")
        page = Paginator(rows.order_by("position", "pk"), PAGE).get_page(request.GET.get("page"))
        for offer in page:
            offer.own_now = offer.own_at(clock.now())
        has_pools = clusters.pools_operated_by(self.actor).exists()
        return render(request, "offers/offers.html", {"page": page, "has_pools": has_pools})


class NewOfferView(ActorView):
    """Writes a draft."""

    scope = Scope.OFFERS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form."""
        return self._page(request, OfferForm(actor=self.actor))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Write the draft, or show what is wrong beside the field."""
        form = OfferForm(request.POST, actor=self.actor)
        status = 422
        if form.is_valid():
            try:
                offer = offers.create_offer(actor=self.actor, wish=form.wish(), at=clock.now())
            except DomainError as error:
                refuse(form, error)
                status = status_of(error)
            else:
                messages.success(request, _("The draft is kept. Propose it when it is right."))
                return redirect("portal:offer", slug=self.organisation.slug, public_id=offer.public_id)
        return self._page(request, form, status=status)

    def _page(self, request: HttpRequest, form: OfferForm, *, status: int = 200) -> HttpResponse:
        return render(request, "offers/new.html", {"form": form}, status=status)


class OfferBase(ActorView):
    """The base of everything about one offer."""

    scope = Scope.OFFERS_WRITE

    def offer(self, public_id: str) -> Offer:
        """Return the offer. Raises NotFound for a stranger's."""
        rows = Offer.objects.visible_to(self.actor).select_related("pool__cluster__site", "pool__flavour", "sku")
        found: Offer | None = rows.filter(public_id=public_id).first()
        if found is None:
            raise NotFound(_("There is no such offer."))
        return found


class OfferView(OfferBase):
    """One offer: what it says, what staff decided, and the form while it may change."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        offer = self.offer(public_id)
        return self._page(request, offer, OfferForm(actor=self.actor, initial=initial_of(offer, clock.now())))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Change it, or show what is wrong beside the field."""
        offer = self.offer(public_id)
        form = OfferForm(request.POST, actor=self.actor)
        status = 422
        if form.is_valid():
            try:
                offers.change_offer(actor=self.actor, public_id=public_id, wish=form.wish(), at=clock.now())
            except DomainError as error:
                refuse(form, error)
                status = status_of(error)
            else:
                messages.success(request, _("Kept. It goes on sale when it is proposed and approved."))
                return redirect("portal:offer", slug=self.organisation.slug, public_id=public_id)
        return self._page(request, offer, form, status=status)

    def _page(self, request: HttpRequest, offer: Offer, form: OfferForm, *, status: int = 200) -> HttpResponse:
        site, now = offer.pool.cluster.site, clock.now()
        context: dict[str, Any] = {
            "offer": offer,
            "form": form,
            "editable": offer.state in EDITABLE,
            "withdrawable": offer.state in {OfferState.PUBLISHED, OfferState.PROPOSED},
            "on_sale": offer.state == OfferState.PUBLISHED,
            "own": offer.own_at(now),
            "announced": offer.is_announced(now),
            "changes": offer.changes.all()[:VERSIONS],
            "now": now,
            "missing": site.missing_facts(),
            "level": level_reached(offer).name,
            "versions": billing.price_versions(sku_id=offer.sku_id, book_id=offer.price_book_id)[:VERSIONS],
        }
        return render(request, "offers/offer.html", context, status=status)


class ProposeView(OfferBase):
    """Puts an offer before AION."""

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Propose and go back; what refuses it is said there."""
        try:
            offers.propose_offer(actor=self.actor, public_id=public_id, at=clock.now())
        except OfferInWrongState as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("Proposed. AION looks at it and tells you what was decided."))
        return redirect("portal:offer", slug=self.organisation.slug, public_id=public_id)


class WithdrawView(OfferBase):
    """Asks, then takes an offer off sale or a proposal back."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Ask."""
        return render(request, "offers/withdraw.html", {"offer": self.offer(public_id)})

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Withdraw and go back."""
        try:
            offers.withdraw_own_offer(actor=self.actor, public_id=public_id, at=clock.now())
        except OfferInWrongState as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("Withdrawn: nothing new starts on it. What runs goes on."))
        return redirect("portal:offer", slug=self.organisation.slug, public_id=public_id)
