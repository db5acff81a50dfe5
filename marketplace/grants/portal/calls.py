# SPDX-License-Identifier: Apache-2.0
"""The public pages of calls."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View

from aion import clock
from aion.residency.policy import Level
from aion.tenancy.models import Organisation
from aion.web.listing import page_of, wanted
from aion.web.text import text_in
from clusters.queries import site_names
from marketplace.grants.eligibility import rules_of
from marketplace.grants.estimator import accelerators
from marketplace.grants.models import Programme
from marketplace.grants.queries import calls
from marketplace.grants.words import declaration


def with_phases(programmes: Any, at: Any) -> list[tuple[Programme, str]]:
    """Return programmes, each with whether it takes applications at ``at``."""
    return [(one, calls.phase(one, at)) for one in programmes]


@method_decorator(login_not_required, name="dispatch")
class CallsView(View):
    """All calls that were published."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them."""
        now, asked = clock.now(), wanted(request)
        only_open = request.GET.get("open") == "yes"
        rows = calls.not_closed(now) if only_open else calls.published()
        page = page_of(request, asked.rows(rows, texts=("name_en", "name_fr", "funder")))
        context = {
            "calls": with_phases(page.object_list, now), "page": page, "wanted": asked, "only_open": only_open,
        }  # fmt: skip
        return render(request, "grants/calls.html", context)


@method_decorator(login_not_required, name="dispatch")
class CallView(View):
    """One call: money, dates, rules, criteria, and the way to apply."""

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        """Show it; who is signed in chooses the organisation to apply for."""
        programme = calls.published_by_code(code)
        user: Any = request.user
        mine = list(Organisation.objects.of_user(user)[:20]) if user.is_authenticated else []
        chosen = text_in(request.GET, "for")
        names, known = site_names(), accelerators()
        context = {
            "programme": programme,
            "phase": calls.phase(programme, clock.now()),
            "mine": sorted(mine, key=lambda one: one.slug != chosen),
            "rules": rules_of(programme.rules),
            "declarations": [declaration(one.params) for one in rules_of(programme.rules) if one.kind == "attestation"],
            "criteria": programme.criteria.all(),
            "sites": [names.get(code, code) for code in programme.site_codes],
            "gpus": [known[code].name if code in known else code for code in programme.sku_codes],
            "level": Level(programme.min_level).name if programme.min_level else "",
        }
        return render(request, "grants/call.html", context)
