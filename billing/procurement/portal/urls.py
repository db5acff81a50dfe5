# SPDX-License-Identifier: Apache-2.0
"""Addresses of procurement under /o/<organisation>/."""

from django.urls import URLPattern, path

from billing.procurement.portal import acts, pages

tenant_pages: list[URLPattern] = [
    path("quotes/", pages.QuotesView.as_view(), name="quotes"),
    path("quotes/new/", pages.NewQuoteView.as_view(), name="quote_new"),
    path("quotes/<public_id:public_id>/", pages.QuoteView.as_view(), name="quote"),
    path("quotes/<public_id:public_id>/quote.pdf", pages.QuotePdfView.as_view(), name="quote_pdf"),
    path("quotes/<public_id:public_id>/accept/", acts.AcceptQuoteView.as_view(), name="quote_accept"),
    path("quotes/<public_id:public_id>/decline/", acts.DeclineQuoteView.as_view(), name="quote_decline"),
    path("agreements/", pages.AgreementsView.as_view(), name="agreements"),
    path("agreements/<public_id:public_id>/", pages.AgreementView.as_view(), name="agreement"),
    path("orders/", pages.OrdersView.as_view(), name="purchase_orders"),
    path("orders/new/", pages.NewOrderView.as_view(), name="purchase_order_new"),
    path("orders/<public_id:public_id>/", pages.OrderView.as_view(), name="purchase_order"),
    path("orders/<public_id:public_id>/approve/", acts.ApproveOrderView.as_view(), name="purchase_order_approve"),
    path("orders/<public_id:public_id>/cancel/", acts.CancelOrderView.as_view(), name="purchase_order_cancel"),
    path("orders/<public_id:public_id>/numbers/", acts.ReferencesView.as_view(), name="purchase_order_numbers"),
    path("orders/<public_id:public_id>/attest/", acts.AttestView.as_view(), name="purchase_order_attest"),
    path("cost-centres/", pages.CentresView.as_view(), name="cost_centres"),
    path("cost-centres/<public_id:public_id>/", pages.CentreView.as_view(), name="cost_centre"),
]
