# SPDX-License-Identifier: Apache-2.0
"""What forms ask alike of credit and promotions that are only for some work."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectMultipleWidget, UnfoldAdminSelectWidget

from aion.residency.policy import Level
from aion.staff import AskForm
from aion.web.templatetags.aion import LEVEL_WORDS
from billing.models import Sku
from billing.places import places
from billing.programmes import programmes
from billing.services.credits import NO_LEVEL, Restriction


class SkusForm(AskForm):
    """For which GPUs."""

    only_skus = forms.ModelMultipleChoiceField(
        label=_("Only for these GPUs"),
        queryset=Sku.objects.all(),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        help_text=_("Choose none for all of them."),
    )


class RestrictionForm(SkusForm):
    """What credit may be spent on."""

    only_sites = forms.MultipleChoiceField(
        label=_("Only at these sites"),
        choices=lambda: sorted((code, f"{place.name} ({code})") for code, place in places().items()),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        help_text=_("Choose none for all of them."),
    )
    only_programmes = forms.MultipleChoiceField(
        label=_("Only for these programmes"),
        choices=lambda: sorted((code, f"{name} ({code})") for code, name in programmes().items()),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        help_text=_("Choose none for all work."),
    )
    min_level = forms.TypedChoiceField(
        label=_("Only from residency level"),
        choices=[(NO_LEVEL, _("None")), *((one.value, LEVEL_WORDS[one.name]) for one in Level)],
        coerce=int,
        widget=UnfoldAdminSelectWidget,
    )


def restriction_of(data: dict[str, Any]) -> Restriction:
    """Return the restriction that a valid form asks for."""
    return Restriction(
        sku_codes=tuple(sku.code for sku in data["only_skus"]),
        site_codes=tuple(data["only_sites"]),
        programme_codes=tuple(data["only_programmes"]),
        min_level=data["min_level"],
    )
