# SPDX-License-Identifier: Apache-2.0
"""The style guide: every component of the portal in every state, for those who build pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views import View

from aion.web.templatetags.aion import STATE_WORDS

TONES = ("neutral", "info", "success", "warning", "danger")
TOKENS = (
    "background", "card", "foreground", "muted", "primary", "border", "success", "warning", "destructive", "info",
    "energy", "chart-1", "chart-2", "chart-3", "chart-4", "chart-5",
)  # fmt: skip
FIRST_DAY = datetime(2026, 11, 1, tzinfo=UTC)


class ExampleForm(forms.Form):
    """Every kind of field, one of them refused."""

    name = forms.CharField(label=_("Name"), help_text=_("Lower-case letters, digits and hyphens."))
    gpus = forms.IntegerField(label=_("Number of GPUs"), min_value=1)
    site = forms.ChoiceField(label=_("Site"), choices=[("par-1", "Paris DC5"), ("gre-1", "Grenoble Alpes")])
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}), required=False)
    rights = forms.MultipleChoiceField(
        label=_("Rights"),
        choices=[("workloads:read", "workloads:read"), ("usage:read", "usage:read")],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Give text-like controls the portal's class, and a wrong one its mark."""
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if not isinstance(field.widget, forms.CheckboxSelectMultiple):
                field.widget.attrs["class"] = "control"
            if name in self.errors:
                field.widget.attrs["aria-invalid"] = "true"


@method_decorator(login_not_required, name="dispatch")
class StyleGuideView(View):
    """The guide; a page of developers, so only where they work."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show every component. Raises Http404 where neither debugging nor the demo is on."""
        if not (settings.DEBUG or settings.LOCAL_MAILBOX):
            raise Http404
        days = [int((FIRST_DAY + timedelta(days=day)).timestamp()) for day in range(21)]
        level = [18_400 - 210 * day for day in range(21)]
        context = {
            "tones": TONES,
            "states": list(STATE_WORDS),
            "tokens": TOKENS,
            "form": ExampleForm({"name": "Not a name", "gpus": 0, "site": "par-1", "rights": ["usage:read"]}),
            "page": Paginator(range(120), 25).get_page(request.GET.get("page", "2")),
            "line": {
                "kind": "line",
                "times": days,
                "series": [{"label": "balance"}, {"label": "forecast", "dashed": True}],
                "values": [
                    [value if day <= 14 else None for day, value in enumerate(level)],
                    [value if day >= 14 else None for day, value in enumerate(level)],
                ],
            },
            "bars": {
                "kind": "bars",
                "times": days,
                "series": [{"label": name} for name in ("Language models", "Health data", "Climate")],
                "values": [[(day * step) % 17 + 4 for day in range(21)] for step in (3, 5, 7)],
            },
            "now": FIRST_DAY,
        }
        return render(request, "marketplace/style_guide.html", context)
