# SPDX-License-Identifier: Apache-2.0
"""Addresses of settlements below an organisation's."""

from django.urls import URLPattern, path

from billing.settlement.portal import views

tenant_pages: list[URLPattern] = [
    path("settlements/", views.SettlementsView.as_view(), name="settlements"),
    path("settlements/<public_id:public_id>/", views.SettlementView.as_view(), name="settlement"),
    path("settlements/<public_id:public_id>/lines.csv", views.SettlementCsvView.as_view(), name="settlement_csv"),
    path("settlements/<public_id:public_id>/settlement.pdf", views.SettlementPdfView.as_view(), name="settlement_pdf"),
]
