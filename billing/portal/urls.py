# SPDX-License-Identifier: Apache-2.0
"""Pages under /o/<organisation>/."""

from django.urls import path

from billing.portal import exports, views

urlpatterns = [
    path("usage/", views.UsageView.as_view(), name="usage"),
    path("usage.csv", views.UsageCsvView.as_view(), name="usage_csv"),
    path("usage/focus.csv", exports.FocusCsvView.as_view(), name="focus_csv"),
    path("usage/focus.parquet", exports.FocusParquetView.as_view(), name="focus_parquet"),
    path("credits/", views.CreditsView.as_view(), name="credits"),
    path("credits/statement.csv", views.StatementCsvView.as_view(), name="statement_csv"),
]
