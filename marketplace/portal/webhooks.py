# SPDX-License-Identifier: Apache-2.0
"""Webhooks: endpoints with how they answer, and one endpoint's log of deliveries."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError, NotFound
from aion.events import queries
from aion.events.models import WebhookAttempt, WebhookEndpoint
from aion.events.services import deliveries, endpoints
from aion.events.states import DeliveryState
from aion.events.types import TYPES
from aion.web.views import ActorView
from marketplace.portal.forms_events import DeliveryFilterForm, EndpointForm

PAGE = 25


class WebhooksView(ActorView):
    """All endpoints; a new one's secret is shown once."""

    scope = Scope.WEBHOOKS_READ
    write_scope = Scope.WEBHOOKS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """List endpoints and offer a form."""
        return self._page(request, EndpointForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Create an endpoint and show its secret, once."""
        form = EndpointForm(request.POST)
        if form.is_valid():
            try:
                _endpoint, secret = endpoints.create_endpoint(actor=self.actor, at=clock.now(), **form.cleaned_data)
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
            else:
                return self._page(request, EndpointForm(), secret=secret)
        return self._page(request, form, status=422)

    def _page(self, request: HttpRequest, form: EndpointForm, *, secret: str = "", status: int = 200) -> HttpResponse:
        now = clock.now()
        rows = list(queries.endpoints(self.actor))
        rates = queries.rates(self.actor, endpoint_ids=[row.pk for row in rows], at=now)
        context = {"form": form, "rows": [(row, rates[row.pk]) for row in rows], "secret": secret}
        response = render(request, "events/webhooks.html", context, status=status)
        if secret:
            response["Cache-Control"] = "no-store"
        return response


class EndpointView(ActorView):
    """The base of everything about one endpoint."""

    scope = Scope.WEBHOOKS_WRITE

    def endpoint(self, public_id: str) -> WebhookEndpoint:
        """Return the endpoint. Raises NotFound for a stranger's."""
        row: WebhookEndpoint | None = queries.endpoints(self.actor).filter(public_id=public_id).first()
        if row is None:
            raise NotFound(gettext("There is no such webhook."))
        return row

    def page(
        self,
        request: HttpRequest,
        endpoint: WebhookEndpoint,
        *,
        form: EndpointForm | None = None,
        secret: str = "",
        status: int = 200,
    ) -> HttpResponse:
        """Show settings and log."""
        now = clock.now()
        chosen = DeliveryFilterForm(request.GET).chosen()
        rows = queries.deliveries(self.actor).filter(endpoint=endpoint)
        if "state" in chosen:
            rows = rows.filter(state=chosen["state"])
        if "type" in chosen:
            rows = rows.filter(event__type=chosen["type"])
        log = Prefetch("log", WebhookAttempt.objects.visible_to(self.actor))
        initial = {
            "url": endpoint.url,
            "description": endpoint.description,
            "event_types": endpoint.event_types,
        }
        context = {
            "endpoint": endpoint,
            "rate": queries.rates(self.actor, endpoint_ids=[endpoint.pk], at=now)[endpoint.pk],
            "form": form or EndpointForm(initial=initial),
            "page": Paginator(rows.prefetch_related(log), PAGE).get_page(request.GET.get("page")),
            "secret": secret,
            "chosen": chosen,
            "states": list(DeliveryState),
            "types": sorted(TYPES),
            "now": now,
        }
        response = render(request, "events/webhook.html", context, status=status)
        if secret:
            response["Cache-Control"] = "no-store"
        return response

    def back(self, public_id: str) -> HttpResponse:
        """Return to the endpoint's page."""
        return redirect("portal:webhook", slug=self.organisation.slug, public_id=public_id)


class WebhookView(EndpointView):
    """One endpoint: its settings and its deliveries."""

    scope = Scope.WEBHOOKS_READ
    write_scope = Scope.WEBHOOKS_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show it."""
        return self.page(request, self.endpoint(public_id))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Save the settings."""
        endpoint = self.endpoint(public_id)
        form = EndpointForm(request.POST)
        if form.is_valid():
            try:
                data: dict[str, Any] = form.cleaned_data
                endpoints.update_endpoint(actor=self.actor, public_id=public_id, at=clock.now(), **data)
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
            else:
                messages.success(request, _("Saved."))
                return self.back(public_id)
        return self.page(request, endpoint, form=form, status=422)


class RotateView(EndpointView):
    """Makes a new secret."""

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Rotate and show the new secret, once."""
        endpoint, secret = endpoints.rotate_secret(actor=self.actor, public_id=public_id, at=clock.now())
        return self.page(request, endpoint, secret=secret)


class SwitchView(EndpointView):
    """Switches an endpoint on or off."""

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Switch to what the form says."""
        enabled = request.POST.get("enabled") == "yes"
        try:
            endpoints.update_endpoint(actor=self.actor, public_id=public_id, at=clock.now(), enabled=enabled)
        except endpoints.EndpointDisabled as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("The webhook is on.") if enabled else _("The webhook is off."))
        return self.back(public_id)


class TestView(EndpointView):
    """Sends a test."""

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Queue the test and go back to the log."""
        try:
            endpoints.send_test_event(actor=self.actor, public_id=public_id, at=clock.now())
        except endpoints.EndpointDisabled as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("The test is on its way; its answer appears in the log."))
        return self.back(public_id)


class DeleteView(EndpointView):
    """Deletes an endpoint."""

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Delete and go to the list."""
        endpoints.delete_endpoint(actor=self.actor, public_id=public_id, at=clock.now())
        messages.success(request, _("The webhook is deleted: nothing is sent to it any more."))
        return redirect("portal:webhooks", slug=self.organisation.slug)


class ResendView(EndpointView):
    """Sends a delivery again."""

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Queue it and go back to the endpoint's log."""
        row = queries.deliveries(self.actor).filter(public_id=public_id).first()
        if row is None:
            raise NotFound(gettext("There is no such delivery."))
        try:
            deliveries.resend(actor=self.actor, public_id=public_id, at=clock.now())
        except (endpoints.EndpointDisabled, deliveries.StillPending) as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("It is sent again."))
        return self.back(row.endpoint.public_id)
