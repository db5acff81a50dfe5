# SPDX-License-Identifier: Apache-2.0
"""What forms ask alike of credit and promotions that are only for some GPUs."""

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectMultipleWidget

from aion.staff import AskForm
from billing.models import Sku


class SkusForm(AskForm):
    """For which GPUs."""

    only_skus = forms.ModelMultipleChoiceField(
        label=_("Only for these GPUs"),
        queryset=Sku.objects.all(),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        help_text=_("Choose none for all of them."),
    )
