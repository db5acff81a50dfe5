# SPDX-License-Identifier: Apache-2.0
"""More time for a workload that runs: the difference is held before its hard stop moves."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError, NotFound
from aion.web.middleware import status_of
from aion.web.views import ActorView
from billing import queries as billing
from clusters import queries as clusters
from marketplace.services.orders import extend_order


class ExtendForm(forms.Form):
    """How much longer."""

    hours = forms.DecimalField(
        label=gettext_lazy("More hours"),
        min_value=Decimal("0.2"),
        max_value=Decimal(8760),
        max_digits=7,
        decimal_places=2,
        initial=1,
        widget=forms.NumberInput(attrs={"class": "control"}),
        help_text=gettext_lazy("The whole of it is held now; what is not used comes back when the workload ends."),
    )


class ExtendView(ActorView):
    """The page that extends a workload."""

    scope = Scope.WORKLOADS_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show the form with what an hour costs and what can be held."""
        return self._page(request, self._find(public_id), ExtendForm())

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Extend, or show what is wrong beside the field."""
        workload = self._find(public_id)
        form = ExtendForm(request.POST)
        status = 422
        if form.is_valid():
            seconds = int(form.cleaned_data["hours"] * 3600)
            try:
                extend_order(actor=self.actor, workload_id=public_id, extra_seconds=seconds, at=clock.now())
            except DomainError as error:
                form.add_error("hours" if error.field else None, error.detail)
                status = status_of(error)
            else:
                messages.success(request, _("Extended. The site is told at its next look, within seconds."))
                return redirect("portal:workload", slug=self.organisation.slug, public_id=public_id)
        return self._page(request, workload, form, status=status)

    def _find(self, public_id: str) -> Any:
        workload = clusters.workloads(self.actor).filter(public_id=public_id).first()
        if workload is None:
            raise NotFound(gettext("There is no such workload."))
        return workload

    def _page(self, request: HttpRequest, workload: Any, form: ExtendForm, *, status: int = 200) -> HttpResponse:
        context = {
            "workload": workload,
            "form": form,
            "balance": billing.balance(self.organisation.pk, clock.now()),
        }
        return render(request, "marketplace/extend.html", context, status=status)
