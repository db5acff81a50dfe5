# SPDX-License-Identifier: Apache-2.0
"""Pages under /o/<organisation>/."""

from django.urls import path

from billing.purchases.portal import views

tenant_pages = [
    path("credits/add/", views.AddCreditsView.as_view(), name="add_credits"),
    path("credits/add/price/", views.PriceView.as_view(), name="add_credits_price"),
    path("payments/", views.PaymentsView.as_view(), name="payments"),
    path("payments/<public_id:public_id>/", views.PaymentView.as_view(), name="payment"),
    path("payment-methods/", views.MethodsView.as_view(), name="payment_methods"),
    path("payment-methods/manage/", views.ManageMethodsView.as_view(), name="payment_methods_manage"),
    path("payment-methods/recharge/stop/", views.StopRechargeView.as_view(), name="recharge_stop"),
]
