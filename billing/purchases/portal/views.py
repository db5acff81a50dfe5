# SPDX-License-Identifier: Apache-2.0
"""Adding credit, the payments that did it, and the methods that are kept for it."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError, NotFound
from aion.ids import new_id
from aion.money import MICRO
from aion.web.listing import page_of, wanted
from aion.web.middleware import status_of
from aion.web.text import text_in
from aion.web.views import ActorView
from billing.invoicing.states import DocumentState
from billing.purchases.errors import ProcessorUnavailable
from billing.purchases.models import Payment, ProcessorCustomer, Refund
from billing.purchases.payments.connect import configured, gateway
from billing.purchases.portal.forms import PRESETS, AddCreditsForm, RechargeForm
from billing.purchases.queries import payments, recharge
from billing.purchases.services.checkout import Return, answered, quote, start_payment
from billing.purchases.services.recharge import saved_methods, set_recharge, stop_recharge
from billing.purchases.states import REFUND_AT_WORK, UNSETTLED, Method, PaymentState
from billing.purchases.words import METHODS, problem_of
from billing.queries import balance

FIRST_WISH = 500


def _language() -> str:
    return "fr" if (get_language() or "").startswith("fr") else "en"


class Selling(ActorView):
    """What the pages of buying share."""

    scope = Scope.INVOICES_READ
    write_scope = Scope.PURCHASES_WRITE

    def address(self, name: str, **kwargs: Any) -> str:
        """Return a page's whole address, for the processor to send the browser back to."""
        return f"{settings.BASE_URL}{reverse(name, kwargs={'slug': self.organisation.slug, **kwargs})}"

    def priced(self, form: AddCreditsForm) -> dict[str, Any]:
        """Return what the form's wish costs, or why it cannot be sold."""
        if not form.is_valid():
            return {}
        try:
            vat = quote(organisation_id=self.organisation.pk, credits_=form.cleaned_data["credits"], at=clock.now())
        except DomainError as error:
            return {"refusal": error}
        return {"vat": vat, "micro": form.cleaned_data["credits"] * MICRO}


class AddCreditsView(Selling):
    """Choose an amount and a way to pay; the processor's own page takes the money."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form; a link may carry an amount."""
        self.actor.require(Scope.PURCHASES_WRITE)
        asked = text_in(request.GET, "credits", limit=9)
        filled = {"credits": asked if asked.isdecimal() else FIRST_WISH, "method": Method.CARD}
        return self._page(request, AddCreditsForm(initial=filled), AddCreditsForm(filled))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Write the payment down and lead to the processor's page; a refusal stands beside its field."""
        form, status = AddCreditsForm(request.POST), 422
        if form.is_valid():
            key = text_in(request.POST, "key", limit=80)
            try:
                payment = start_payment(
                    actor=self.actor,
                    credits_=form.cleaned_data["credits"],
                    method=Method(form.cleaned_data["method"]),
                    returns=self._returns(),
                    at=clock.now(),
                    key=f"portal:{key}" if key else None,
                )
            except DomainError as error:
                form.add_error(error.field, error.detail)
                status = status_of(error)
            else:
                if payment.state in UNSETTLED and payment.checkout_url:
                    return redirect(payment.checkout_url)
                return redirect("portal:payment", slug=self.organisation.slug, public_id=payment.public_id)
        return self._page(request, form, form, status=status)

    def _returns(self) -> Return:
        page = self.address("portal:payment", public_id="pay_x").replace("pay_x", "{payment}")
        return Return(f"{page}?back=paid", f"{page}?back=cancelled", _language())

    def _page(
        self, request: HttpRequest, form: AddCreditsForm, asked: AddCreditsForm, *, status: int = 200
    ) -> HttpResponse:
        context = {
            "form": form,
            "presets": [(one, one * MICRO) for one in PRESETS],
            "key": new_id("key"),
            "possible": configured(),
            "balance": balance(self.organisation.pk, clock.now()),
            "advance": settings.SEPA_SPEND_LIMIT_MICROCREDITS,
            "days": settings.PURCHASED_CREDIT_DAYS,
            **self.priced(asked),
        }
        return render(request, "purchases/add.html", context, status=status)


class PriceView(Selling):
    """The live price with VAT."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the fragment."""
        return render(request, "purchases/price.html", self.priced(AddCreditsForm(request.GET)))


class PaymentsView(Selling):
    """Every payment, newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page."""
        states = [one.value for one in PaymentState]
        asked = wanted(request, states=states)
        rows = asked.rows(payments(self.actor), texts=["public_id", "requested_by"])
        context = {"page": page_of(request, rows), "wanted": asked, "states": states, "methods": METHODS}
        return render(request, "purchases/payments.html", context)


def moving(row: Payment, refunds: Sequence[Refund]) -> tuple[str, int]:
    """Return where a payment and what followed from it stand, and after how many seconds to look again: 0 is never."""
    invoice = row.document.state if row.document else ""
    stage = ".".join([row.state, invoice, *(one.state for one in refunds)])
    if row.state in UNSETTLED:
        return stage, 2
    at_work = invoice == DocumentState.DRAFT or any(one.state in REFUND_AT_WORK for one in refunds)
    return stage, 5 if at_work else 0


class PaymentView(Selling):
    """One payment: where it stands, its credit, its invoice, and what went back."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it, or only its state for the part that looks again by itself."""
        row = payments(self.actor).filter(public_id=public_id).first()
        if row is None:
            raise NotFound(_("There is no such payment."))
        refunds = list(row.refunds.order_by("pk"))
        stage, pace = moving(row, refunds)
        context = {
            "row": row,
            "stage": stage,
            "pace": pace,
            "problem": problem_of(row.problem),
            "method": METHODS[Method(row.method)],
            "back": text_in(request.GET, "back", limit=9),
            "refunds": refunds,
            "disputes": list(row.disputes.order_by("pk")),
        }
        part = request.headers.get("HX-Request") == "true"
        answer = render(request, "purchases/payment_state.html" if part else "purchases/payment.html", context)
        if part and stage != request.GET.get("seen"):
            answer["HX-Refresh"] = "true"  # the rest of the page has changed as well: lot, invoice, what can be done
        return answer


class MethodsView(Selling):
    """Saved methods, and buying by itself when the balance is low."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show both."""
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Switch the automatic recharge on or change it; a refusal stands beside its field."""
        methods, away = self._methods()
        form, status = RechargeForm(request.POST, methods=methods), 422
        if form.is_valid():
            try:
                set_recharge(actor=self.actor, wish=form.wish(), at=clock.now())
            except DomainError as error:
                form.add_error(error.field, error.detail)
                status = status_of(error)
            else:
                messages.success(request, _("The automatic recharge is on."))
                return redirect("portal:payment_methods", slug=self.organisation.slug)
        return self._page(request, form, status=503 if away else status)

    def _methods(self) -> tuple[list[Any], bool]:
        try:
            return (saved_methods(organisation_id=self.organisation.pk) if configured() else []), False
        except ProcessorUnavailable:
            return [], True

    def _page(self, request: HttpRequest, form: RechargeForm | None = None, *, status: int = 200) -> HttpResponse:
        methods, away = self._methods()
        row = recharge(self.actor)
        if form is None:
            first = {"below": 100, "credits": 500, "monthly_credits": 2_000}
            kept = row and {
                "below": row.below_microcredits // MICRO,
                "credits": row.net_cents // 100,
                "monthly_credits": row.monthly_cap_cents // 100,
                "method": row.saved_method,
            }
            form = RechargeForm(initial=kept or first, methods=methods)
        context = {"methods": methods, "away": away, "row": row, "form": form, "possible": configured()}
        return render(request, "purchases/methods.html", context, status=status)


class StopRechargeView(Selling):
    """Switches the automatic recharge off."""

    scope = Scope.PURCHASES_WRITE
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it."""
        stop_recharge(actor=self.actor, organisation_id=self.organisation.pk, at=clock.now())
        messages.success(request, _("The automatic recharge is off."))
        return redirect("portal:payment_methods", slug=self.organisation.slug)


class ManageMethodsView(Selling):
    """Leads to the processor's page where saved methods are managed."""

    scope = Scope.PURCHASES_WRITE
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Go there. Raises NotFound before anything was bought, ProcessorUnavailable."""
        customer = ProcessorCustomer.objects.visible_to(self.actor).first()
        if customer is None or not configured():
            raise NotFound(_("Nothing is saved yet: a method is saved when you pay for credit the first time."))
        with answered():
            url = gateway().method_page(
                customer=customer.processor_id,
                return_url=self.address("portal:payment_methods"),
                language=_language(),
            )
        return redirect(url)
