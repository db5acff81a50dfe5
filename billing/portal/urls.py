# SPDX-License-Identifier: Apache-2.0
"""Pages under /o/<organisation>/."""

from django.urls import path

from billing.portal import budgets, credits, exports, vouchers

urlpatterns = [
    path("budgets/", budgets.BudgetsView.as_view(), name="budgets"),
    path("budgets/<public_id:public_id>/", budgets.BudgetView.as_view(), name="budget"),
    path("budgets/<public_id:public_id>/end/", budgets.EndBudgetView.as_view(), name="budget_end"),
    path("usage/focus.csv", exports.FocusCsvView.as_view(), name="focus_csv"),
    path("usage/focus.parquet", exports.FocusParquetView.as_view(), name="focus_parquet"),
    path("credits/", credits.CreditsView.as_view(), name="credits"),
    path("credits/redeem/", vouchers.RedeemView.as_view(), name="redeem"),
    path("credits/statement.csv", credits.StatementCsvView.as_view(), name="statement_csv"),
    path("credits/entries/<public_id:public_id>/", credits.EntryView.as_view(), name="entry"),
    path("statements/", credits.StatementsView.as_view(), name="statements"),
    path("statements/<public_id:public_id>/", credits.StatementView.as_view(), name="statement"),
    path(
        "statements/<public_id:public_id>/lines.csv",
        credits.StatementLinesCsvView.as_view(),
        name="statement_lines_csv",
    ),
]
