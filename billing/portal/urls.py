# SPDX-License-Identifier: Apache-2.0
"""Pages under /o/<organisation>/."""

from django.urls import path

from billing.portal import budgets, views

urlpatterns = [
    path("budgets/", budgets.BudgetsView.as_view(), name="budgets"),
    path("budgets/<str:public_id>/", budgets.BudgetView.as_view(), name="budget"),
    path("budgets/<str:public_id>/end/", budgets.EndBudgetView.as_view(), name="budget_end"),
    path("usage/", views.UsageView.as_view(), name="usage"),
    path("usage.csv", views.UsageCsvView.as_view(), name="usage_csv"),
    path("credits/", views.CreditsView.as_view(), name="credits"),
    path("credits/statement.csv", views.StatementCsvView.as_view(), name="statement_csv"),
]
