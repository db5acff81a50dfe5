# SPDX-License-Identifier: Apache-2.0
"""How staff begin and end to look at the portal as a member does."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views import View

from aion import clock
from aion.errors import DomainError
from aion.people import impersonation
from aion.web.text import text_in
from aion.web.views import LOOKING


class LookView(View):
    """Asks staff why, then shows the organisation as the member sees it."""

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Ask. Everybody but staff gets 404."""
        staff: Any = request.user
        member = impersonation.member_to_look_at(staff=staff, public_id=public_id)
        return render(request, "people/look.html", {"member": member})

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Begin and go to the member's first page, or say what is missing."""
        staff: Any = request.user
        member = impersonation.member_to_look_at(staff=staff, public_id=public_id)
        try:
            looking = impersonation.begin(
                staff=staff, public_id=public_id, reason=text_in(request.POST, "reason", limit=200), at=clock.now()
            )
        except DomainError as error:
            return render(request, "people/look.html", {"member": member, "problem": error.detail}, status=422)
        request.session[LOOKING] = looking.public_id
        return redirect("portal:team", slug=looking.organisation.slug)


class StopLookingView(View):
    """Ends it."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """End it and go back to the staff site."""
        staff: Any = request.user
        impersonation.end(staff=staff, public_id=str(request.session.pop(LOOKING, "")), at=clock.now())
        return redirect(reverse("admin:index") if staff.is_staff else reverse("portal:home"))
