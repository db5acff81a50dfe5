# SPDX-License-Identifier: Apache-2.0
"""Redeeming a promo code."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError, TooMany
from aion.figures import credits
from aion.web.views import ActorView
from billing import queries
from billing.services import vouchers


class RedeemForm(forms.Form):
    """A code."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"class": "control", "autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
        help_text=gettext_lazy("Small or capital letters, with or without spaces."),
    )

    def add_error(self, field: str | None, error: Any) -> None:
        """Mark the control as well."""
        super().add_error(field, error)
        if field in self.fields:
            self.fields[field].widget.attrs["aria-invalid"] = "true"


class RedeemView(ActorView):
    """Turns a code into a lot, once for the organisation."""

    scope = Scope.CREDITS_REDEEM

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form and what was redeemed before."""
        return self._page(request, RedeemForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Redeem, or say beside the field why not."""
        form, status = RedeemForm(request.POST), 422
        if form.is_valid():
            at = clock.now()
            try:
                vouchers.count_try(actor=self.actor, at=at)
                redemption = vouchers.redeem(actor=self.actor, code=form.cleaned_data["code"], at=at)
            except DomainError as error:
                form.add_error("code", error.detail)
                status = 429 if isinstance(error, TooMany) else 422
            else:
                messages.success(
                    request,
                    _("%(amount)s credits were added. You can spend them now.")
                    % {"amount": credits(redemption.promo.amount)},
                )
                return redirect("portal:credits", slug=self.organisation.slug)
        return self._page(request, form, status=status)

    def _page(self, request: HttpRequest, form: RedeemForm, *, status: int = 200) -> HttpResponse:
        context = {"form": form, "redemptions": list(queries.redemptions(self.actor))}
        return render(request, "billing/redeem.html", context, status=status)
