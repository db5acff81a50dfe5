# SPDX-License-Identifier: Apache-2.0
"""Acts on one quote or order: each asks on a page of its own, then calls its service."""

from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError
from aion.ids import new_id
from aion.web.middleware import status_of
from aion.web.views import ActorView
from billing.procurement.portal import forms
from billing.procurement.queries import lists
from billing.procurement.queries.figures import of_orders
from billing.procurement.services import acceptance, attestations, orders, quotes


class ActView(ActorView):
    """Asks, then acts. A refusal stands on the page, beside its field where it has one."""

    scope = Scope.PROCUREMENT_WRITE
    title: ClassVar[Any]
    words: ClassVar[Any]
    button: ClassVar[Any]
    done: ClassVar[Any]
    danger: ClassVar[bool] = False
    page: ClassVar[str]
    form: ClassVar[type[forms.MarkedForm]] = forms.NothingForm

    def find(self, public_id: str) -> Any:
        """Return the row. Raises NotFound."""
        raise NotImplementedError

    def act(self, row: Any, form: Any) -> None:
        """Call the service."""
        raise NotImplementedError

    def initial(self, row: Any) -> dict[str, Any]:
        """Return what the form begins with."""
        return {}

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Ask."""
        row = self.find(public_id)
        return self._shown(request, row, self.form(initial=self.initial(row)))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Act and go back, or say why not."""
        row = self.find(public_id)
        form, status = self.form(request.POST), 422
        if form.is_valid():
            try:
                self.act(row, form)
            except DomainError as error:
                form.refuse(error)
                status = status_of(error)
            else:
                messages.success(request, self.done)
                return redirect(self.page, slug=self.organisation.slug, public_id=public_id)
        return self._shown(request, row, form, status=status)

    def _shown(self, request: HttpRequest, row: Any, form: Any, *, status: int = 200) -> HttpResponse:
        context = {"row": row, "form": form, "act": self, "facts": self.facts(row)}
        return render(request, "procurement/act.html", context, status=status)

    def facts(self, row: Any) -> list[tuple[Any, int]]:
        """Return amounts in cents that the page says of the row."""
        return []


class OnQuote(ActView):
    """An act on a quote."""

    page = "portal:quote"

    def find(self, public_id: str) -> Any:
        """Return the quote."""
        return lists.find_quote(self.actor, public_id)

    def facts(self, row: Any) -> list[tuple[Any, int]]:
        """Return what it costs."""
        return [(_("Net"), row.net_cents), (_("VAT"), row.vat_cents), (_("Total"), row.gross_cents)]


class AcceptQuoteView(OnQuote):
    """Accepts a quote."""

    title = _("Accept this quote?")
    words = _(
        "You then owe its total. Pay exactly that by bank transfer, with the number of the quote as its reference: the "
        "credits can be spent once it has arrived, and the invoice follows."
    )
    button, done = _("Accept the quote"), _("Accepted. Pay it by bank transfer now.")

    def act(self, row: Any, form: Any) -> None:
        """Accept."""
        quotes.accept_quote(actor=self.actor, public_id=row.public_id, at=clock.now())


class DeclineQuoteView(OnQuote):
    """Declines a quote."""

    title, words = _("Decline this quote?"), _("It cannot be accepted after that; you can ask for another at any time.")
    button, done, danger = _("Decline the quote"), _("Declined."), True
    form = forms.MaybeReasonForm

    def act(self, row: Any, form: Any) -> None:
        """Decline."""
        reason = form.cleaned_data["reason"]
        quotes.decline_quote(actor=self.actor, public_id=row.public_id, reason=reason, at=clock.now())


class OnOrder(ActView):
    """An act on an order."""

    page = "portal:purchase_order"

    def find(self, public_id: str) -> Any:
        """Return the order."""
        return lists.find_order(self.actor, public_id)

    def facts(self, row: Any) -> list[tuple[Any, int]]:
        """Return its amount."""
        return [(_("Amount without VAT"), row.amount_cents)]


class ApproveOrderView(OnOrder):
    """Approves an order above a soft cap."""

    title, button, done = _("Approve this order?"), _("Approve the order"), _("Approved: staff of AION see it now.")
    words = _("It is above the soft cap of its cost centre or of one above. You approve it as a second person.")

    def act(self, row: Any, form: Any) -> None:
        """Approve."""
        acceptance.approve_order(actor=self.actor, public_id=row.public_id, at=clock.now())


class CancelOrderView(OnOrder):
    """Takes an own order back."""

    title, button, done, danger = _("Cancel this order?"), _("Cancel the order"), _("Cancelled."), True
    words = _("It is not accepted yet. What it committed of the agreement and the cost centre is free again.")
    form = forms.ReasonForm

    def act(self, row: Any, form: Any) -> None:
        """Cancel."""
        reason = form.cleaned_data["reason"]
        acceptance.take_order_back(actor=self.actor, public_id=row.public_id, reason=reason, at=clock.now())


class ReferencesView(OnOrder):
    """Fills in numbers that are missing."""

    title, button, done = _("Add missing numbers"), _("Save"), _("Saved. The next invoice carries them.")
    words = _("Some public bodies refuse invoices without them.")
    form = forms.ReferencesForm

    def initial(self, row: Any) -> dict[str, Any]:
        """Begin with what stands on the order."""
        return {"engagement_number": row.engagement_number, "service_code": row.service_code}

    def act(self, row: Any, form: Any) -> None:
        """Save."""
        orders.complete_references(actor=self.actor, order=row, at=clock.now(), **form.cleaned_data)


class AttestView(OnOrder):
    """Attests the service (service fait)."""

    title, button = _("Attest the service (service fait)"), _("Attest and have it invoiced")
    done = _("Attested. The invoice follows.")
    words = _("You say that the service was delivered. It cannot be undone, and exactly this amount is invoiced.")
    form = forms.AttestForm

    def initial(self, row: Any) -> dict[str, Any]:
        """Begin with all that can be attested."""
        left = of_orders([row.pk])[row.pk].attestable
        day = clock.now().date()
        first = max(row.accepted_at.date(), day.replace(day=1)) if row.accepted_at else day
        amount = Decimal(left).scaleb(-2) if left else None
        return {"amount": amount, "period_first": first, "period_last": day, "key": new_id("key")}

    def facts(self, row: Any) -> list[tuple[Any, int]]:
        """Return what was consumed and attested."""
        figures = of_orders([row.pk])[row.pk]
        return [
            (_("Consumed"), figures.consumed),
            (_("Attested before"), figures.invoiced),
            (_("Can be attested now"), figures.attestable),
        ]

    def act(self, row: Any, form: Any) -> None:
        """Attest."""
        key = form.cleaned_data["key"]
        attestations.attest(
            actor=self.actor,
            public_id=row.public_id,
            wish=form.wish(),
            key=f"portal:{key}" if key else "",
            at=clock.now(),
        )
