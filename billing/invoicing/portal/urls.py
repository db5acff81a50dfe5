# SPDX-License-Identifier: Apache-2.0
"""Pages of invoices under /o/<organisation>/."""

from django.urls import path

from billing.invoicing.portal import invoices

tenant_pages = [
    path("invoices/", invoices.InvoicesView.as_view(), name="invoices"),
    path("invoices.zip", invoices.InvoicesZipView.as_view(), name="invoices_zip"),
    path("invoices/<public_id:public_id>/", invoices.InvoiceView.as_view(), name="invoice"),
    *(
        path(
            f"invoices/<public_id:public_id>/{name}/",
            invoices.InvoiceFileView.as_view(kind=kind),
            name=f"invoice_{name}",
        )
        for name, kind in invoices.FILES.items()
    ),
]
