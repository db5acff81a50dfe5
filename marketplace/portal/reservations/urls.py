# SPDX-License-Identifier: Apache-2.0
"""Addresses of reserved capacity."""

from django.urls import URLPattern, path

from marketplace.portal.reservations import views

tenant_pages: list[URLPattern] = [
    path("reservations/", views.ReservationsView.as_view(), name="reservations"),
    path("reservations/new/", views.ReserveView.as_view(), name="reserve"),
    path("reservations/quote/", views.QuoteView.as_view(), name="reserve_quote"),
    path("reservations/<public_id:public_id>/", views.ReservationView.as_view(), name="reservation"),
    path("reservations/<public_id:public_id>/cancel/", views.CancelView.as_view(), name="reservation_cancel"),
]
