# SPDX-License-Identifier: Apache-2.0
"""Addresses of the catalogue and operators' offers."""

from django.urls import URLPattern, path

from marketplace.portal.offers import calculator, catalogue, changes, operator

tenant_pages: list[URLPattern] = [
    path("offers/", operator.OffersView.as_view(), name="offers"),
    path("offers/new/", operator.NewOfferView.as_view(), name="offer_new"),
    path("offers/<public_id:public_id>/", operator.OfferView.as_view(), name="offer"),
    path("offers/<public_id:public_id>/propose/", operator.ProposeView.as_view(), name="offer_propose"),
    path("offers/<public_id:public_id>/withdraw/", operator.WithdrawView.as_view(), name="offer_withdraw"),
    path("offers/<public_id:public_id>/price/", changes.NewPriceView.as_view(), name="offer_price"),
    path("offers/<public_id:public_id>/revise/", changes.ReviseView.as_view(), name="offer_revise"),
    path(
        "offer-changes/<public_id:public_id>/withdraw/",
        changes.WithdrawChangeView.as_view(),
        name="offer_change_withdraw",
    ),
]
public_pages: list[URLPattern] = [
    path("prices/", catalogue.PricesView.as_view(), name="prices"),
    path("prices.csv", catalogue.PricesCsvView.as_view(), name="prices_csv"),
    path("prices/calculator/", calculator.CalculatorView.as_view(), name="calculator"),
    path("prices/<public_id:public_id>/", catalogue.PriceView.as_view(), name="price"),
]
