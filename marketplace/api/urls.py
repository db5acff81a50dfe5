# SPDX-License-Identifier: Apache-2.0
"""/api/v1/: every resource of the product."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from billing.api.budgets import BudgetViewSet, CrossingViewSet
from billing.api.exports import FocusExportViewSet
from billing.api.money import BalanceViewSet, ForecastViewSet, MonthStatementViewSet
from billing.api.views import EntryViewSet, LotViewSet, UsageViewSet
from billing.invoicing.api import invoices
from billing.procurement.api import views as procurement
from billing.purchases import api as purchases
from billing.settlement.api import settlements
from clusters.api.views import PoolViewSet, UsageIngestViewSet
from marketplace.api import offers, people, projects, reservations, views, views_events
from marketplace.grants.api import awards, calls, reviews

app_name = "api"
router = SimpleRouter(trailing_slash=False)
router.register("organisations", views.OrganisationViewSet, basename="organisation")
router.register("projects", views.ProjectViewSet, basename="project")
router.register("estimates", views.EstimateViewSet, basename="estimate")
router.register("workloads", views.WorkloadViewSet, basename="workload")
router.register("usage-records", UsageViewSet, basename="usage_record")
router.register("credit-lots", LotViewSet, basename="credit_lot")
router.register("ledger-entries", EntryViewSet, basename="ledger_entry")
router.register("budgets", BudgetViewSet, basename="budget")
router.register("budget-crossings", CrossingViewSet, basename="budget_crossing")
router.register("balance", BalanceViewSet, basename="balance")
router.register("forecast", ForecastViewSet, basename="forecast")
router.register("month-statements", MonthStatementViewSet, basename="month_statement")
router.register("exports/focus", FocusExportViewSet, basename="focus_export")
router.register("pools", PoolViewSet, basename="pool")
router.register("event-types", views_events.EventTypeViewSet, basename="event_type")
router.register("events", views_events.EventViewSet, basename="event")
router.register("webhook-endpoints", views_events.EndpointViewSet, basename="webhook_endpoint")
router.register("webhook-deliveries", views_events.DeliveryViewSet, basename="webhook_delivery")
BUYING = (invoices, purchases, procurement, settlements)
for part in (people, offers, projects, reservations, calls, awards, reviews, *BUYING):
    part.register(router)

urlpatterns = [
    path("v1/usage-records:ingest", UsageIngestViewSet.as_view({"post": "ingest"}), name="usage_ingest"),
    path("v1/", include(router.urls)),
    path("openapi.yaml", login_not_required(SpectacularAPIView.as_view()), name="schema"),
    path(
        "docs/",
        login_not_required(SpectacularSwaggerSplitView.as_view(url_name="api:schema")),
        name="docs",
    ),
]
