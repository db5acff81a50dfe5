# SPDX-License-Identifier: Apache-2.0
"""Quotes, agreements, orders and cost centres: their lists, each one's page, and what makes new ones."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError, NotFound
from aion.ids import new_id
from aion.web.listing import page_of, wanted
from aion.web.middleware import status_of
from aion.web.views import ActorView
from billing.procurement.papers import quote_pdf
from billing.procurement.portal import forms
from billing.procurement.queries import figures, lists
from billing.procurement.queries.accounts import bank_account
from billing.procurement.services import centres, orders, quotes
from billing.procurement.services.acceptance import APPROVERS
from billing.procurement.states import AgreementState, OrderState, QuoteState

SHOWN = 20


class QuotesView(ActorView):
    """The organisation's quotes."""

    scope = Scope.PROCUREMENT_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them."""
        states = [one.value for one in QuoteState]
        asked = wanted(request, states=states)
        rows = asked.rows(lists.quotes(self.actor), texts=("number", "public_id", "note"))
        context = {"page": page_of(request, rows), "wanted": asked, "states": states}
        return render(request, "procurement/quotes.html", context)


class QuoteView(ActorView):
    """One quote: what it costs, its prices, and what came in for it."""

    scope = Scope.PROCUREMENT_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        row = lists.find_quote(self.actor, public_id)
        booked, waiting = lists.received(row.transfers)
        context = {
            "row": row,
            "open": row.state == QuoteState.OFFERED and row.valid_until and row.valid_until > clock.now(),
            "booked": booked,
            "waiting": waiting,
            "left": row.gross_cents - booked,
            "transfers": lists.transfers_of(row),
            "account": bank_account(clock.now()) if row.awaits_payment else None,
        }
        return render(request, "procurement/quote.html", context)


class QuotePdfView(ActorView):
    """A quote as PDF."""

    scope = Scope.PROCUREMENT_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Send it. Raises NotFound for a draft, which is no paper yet."""
        row = lists.find_quote(self.actor, public_id)
        if row.number is None:
            raise NotFound(_("This quote is not offered yet."))
        response = HttpResponse(quote_pdf(row, at=clock.now()), content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{row.number}.pdf"'
        return response


class NewView(ActorView):
    """The base of pages that make something."""

    scope = Scope.PROCUREMENT_WRITE
    template: str

    def blank(self, request: HttpRequest) -> Any:
        """Return the form as it begins."""
        raise NotImplementedError

    def filled(self, request: HttpRequest) -> Any:
        """Return the form as it was sent."""
        raise NotImplementedError

    def make(self, form: Any) -> HttpResponse:
        """Call the service and go on."""
        raise NotImplementedError

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form."""
        return render(request, self.template, {"form": self.blank(request)})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make it, or say beside the field why not."""
        form, status = self.filled(request), 422
        if form.is_valid():
            try:
                return self.make(form)
            except DomainError as error:
                form.refuse(error)
                status = status_of(error)
        return render(request, self.template, {"form": form}, status=status)


class NewQuoteView(NewView):
    """Asks for a quote."""

    template = "procurement/quote_new.html"

    def blank(self, request: HttpRequest) -> Any:
        """Return an empty form."""
        return forms.QuoteForm()

    def filled(self, request: HttpRequest) -> Any:
        """Return what was sent."""
        return forms.QuoteForm(request.POST)

    def make(self, form: Any) -> HttpResponse:
        """Ask for it."""
        row = quotes.request_quote(
            actor=self.actor, organisation_id=self.organisation.pk, at=clock.now(), **form.cleaned_data
        )
        messages.success(self.request, _("Your request is with us: you are told when the quote is ready."))
        return redirect("portal:quote", slug=self.organisation.slug, public_id=row.public_id)


class AgreementsView(ActorView):
    """The organisation's framework agreements."""

    scope = Scope.PROCUREMENT_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them with their four numbers."""
        states = [AgreementState.ACTIVE.value, AgreementState.ENDED.value]
        asked = wanted(request, states=states)
        rows = asked.rows(lists.agreements(self.actor), texts=("number", "title", "reference"))
        page = page_of(request, rows)
        found = figures.of_agreements(row.pk for row in page.object_list)
        context = {
            "page": page,
            "rows": [(row, found[row.pk]) for row in page.object_list],
            "wanted": asked,
            "states": states,
        }
        return render(request, "procurement/agreements.html", context)


class AgreementView(ActorView):
    """One agreement: its maximum and what is left of it, lots, prices and orders."""

    scope = Scope.PROCUREMENT_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        row = lists.find_agreement(self.actor, public_id)
        placed = list(lists.orders(self.actor).filter(agreement=row)[:SHOWN])
        used = figures.of_orders(one.pk for one in placed)
        lots = list(row.lots.all())
        of_lots = figures.of_agreement_lots(lot.pk for lot in lots)
        day = clock.now().date()
        context = {
            "row": row,
            "figures": figures.of_agreements([row.pk])[row.pk],
            "left": row.maximum_cents - row.ordered_cents,
            "lots": [(lot, of_lots[lot.pk], lot.maximum_cents - lot.ordered_cents) for lot in lots],
            "rows": [(one, used[one.pk]) for one in placed],
            "open": row.state == AgreementState.ACTIVE and row.starts_on <= day <= row.ends_on,
        }
        return render(request, "procurement/agreement.html", context)


class OrdersView(ActorView):
    """The organisation's purchase orders."""

    scope = Scope.PROCUREMENT_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them with their four numbers."""
        states = [one.value for one in OrderState]
        asked = wanted(request, states=states)
        texts = ("number", "engagement_number", "contract_reference", "cost_centre__code")
        page = page_of(request, asked.rows(lists.orders(self.actor), texts=texts))
        found = figures.of_orders(row.pk for row in page.object_list)
        context = {
            "page": page,
            "rows": [(row, found[row.pk]) for row in page.object_list],
            "wanted": asked,
            "states": states,
        }
        return render(request, "procurement/orders.html", context)


class OrderView(ActorView):
    """One order: its four numbers, its references, what was attested, and what can be done."""

    scope = Scope.PROCUREMENT_READ

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        row = lists.find_order(self.actor, public_id)
        found = figures.of_orders([row.pk])[row.pk]
        writes = self.actor.has(Scope.PROCUREMENT_WRITE)
        waits = row.state in {OrderState.IN_REVIEW, OrderState.SUBMITTED}
        own = self.actor.user_id == row.placed_by_id and not row.by_staff
        context = {
            "row": row,
            "figures": found,
            "attestations": lists.attestations(self.actor).filter(order=row),
            "missing": lists.missing_references(row),
            "approvable": row.state == OrderState.IN_REVIEW and self.actor.role in APPROVERS and not own,
            "cancellable": writes and waits,
            "attestable": writes and row.state == OrderState.ACCEPTED and found.attestable > 0,
            "completable": writes and not (row.engagement_number and row.service_code),
        }
        return render(request, "procurement/order.html", context)


class NewOrderView(NewView):
    """Places an order."""

    template = "procurement/order_new.html"

    def blank(self, request: HttpRequest) -> Any:
        """Return a form for the agreement of the address, with a key so that a second click is the same order."""
        initial = {"key": new_id("key"), "under": request.GET.get("under", "")[:60]}
        return forms.OrderForm(initial=initial, actor=self.actor, day=clock.now().date())

    def filled(self, request: HttpRequest) -> Any:
        """Return what was sent."""
        return forms.OrderForm(request.POST, actor=self.actor, day=clock.now().date())

    def make(self, form: Any) -> HttpResponse:
        """Place it."""
        key = form.cleaned_data["key"]
        row = orders.place_order(actor=self.actor, wish=form.wish(), key=f"portal:{key}" if key else "", at=clock.now())
        if row.state == OrderState.IN_REVIEW:
            words = _("Placed. It is above a soft cap: another owner or admin must approve it.")
        else:
            words = _("Placed. You are told when it is accepted.")
        messages.success(self.request, words)
        return redirect("portal:purchase_order", slug=self.organisation.slug, public_id=row.public_id)


class CentresView(NewView):
    """The tree of cost centres, and a form that adds one."""

    scope = Scope.PROCUREMENT_READ
    write_scope = Scope.PROCUREMENT_WRITE
    template = "procurement/centres.html"

    def blank(self, request: HttpRequest) -> Any:
        """Return an empty form."""
        return forms.CentreForm(actor=self.actor)

    def filled(self, request: HttpRequest) -> Any:
        """Return what was sent."""
        return forms.CentreForm(request.POST, actor=self.actor)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show tree and form."""
        return self._shown(request, self.blank(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Add one, or say why not."""
        form, status = self.filled(request), 422
        if form.is_valid():
            try:
                return self.make(form)
            except DomainError as error:
                form.refuse(error)
                status = status_of(error)
        return self._shown(request, form, status=status)

    def make(self, form: Any) -> HttpResponse:
        """Add it."""
        data = form.cleaned_data
        centres.create_centre(
            actor=self.actor,
            code=data["code"],
            name=data["name"],
            parent=data["parent"],
            soft_cap_cents=forms.cents(data["soft_cap"]),
            hard_cap_cents=forms.cents(data["hard_cap"]),
            at=clock.now(),
        )
        messages.success(self.request, _("The cost centre is there: orders can name it."))
        return redirect("portal:cost_centres", slug=self.organisation.slug)

    def _shown(self, request: HttpRequest, form: Any, *, status: int = 200) -> HttpResponse:
        tree = lists.as_tree(list(lists.centres(self.actor)))
        page = page_of(request, tree)
        found = figures.of_centres(row.pk for row in page.object_list)
        rows = [(row, found[row.pk]) for row in page.object_list]
        return render(request, self.template, {"page": page, "rows": rows, "form": form}, status=status)


class CentreView(ActorView):
    """One cost centre and its caps."""

    scope = Scope.PROCUREMENT_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        row = lists.find_centre(self.actor, public_id)
        return self._shown(request, row, forms.CentreChangeForm(initial=forms.of_centre(row)))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Change it, or say why not."""
        row = lists.find_centre(self.actor, public_id)
        form, status = forms.CentreChangeForm(request.POST), 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                centres.change_centre(
                    actor=self.actor,
                    public_id=public_id,
                    name=data["name"],
                    soft_cap_cents=forms.cents(data["soft_cap"]),
                    hard_cap_cents=forms.cents(data["hard_cap"]),
                    closed=data["closed"],
                    at=clock.now(),
                )
            except DomainError as error:
                form.refuse(error)
                status = status_of(error)
            else:
                messages.success(request, _("Saved."))
                return redirect("portal:cost_centres", slug=self.organisation.slug)
        return self._shown(request, row, form, status=status)

    def _shown(self, request: HttpRequest, row: Any, form: Any, *, status: int = 200) -> HttpResponse:
        context = {"row": row, "figures": figures.of_centres([row.pk])[row.pk], "form": form}
        return render(request, "procurement/centre.html", context, status=status)
