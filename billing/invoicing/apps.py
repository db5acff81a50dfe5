# SPDX-License-Identifier: Apache-2.0
"""The app of invoicing."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InvoicingConfig(AppConfig):
    """Invoices that a tax office accepts: VAT, numbers, documents, their checks and their way out."""

    name = "billing.invoicing"
    label = "invoicing"
    verbose_name = _("Invoices")
