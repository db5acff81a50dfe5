# SPDX-License-Identifier: Apache-2.0
"""The portal: public pages, and everything under /o/<organisation>/ so that a link names its tenant."""

from django.urls import include, path

from billing.invoicing.portal import urls as invoice_urls
from billing.portal.urls import urlpatterns as billing_pages
from billing.procurement.portal.urls import tenant_pages as procurement_pages
from billing.purchases.portal.urls import tenant_pages as purchase_pages
from billing.settlement.portal import urls as settlement_urls
from clusters.portal.urls import urlpatterns as cluster_pages
from marketplace.grants.portal import award_urls, call_urls
from marketplace.portal import (
    account,
    extend,
    launch,
    notifications,
    organisation,
    overview,
    public,
    style_guide,
    usage,
    webhooks,
)
from marketplace.portal.offers import urls as offer_urls
from marketplace.portal.people import urls as people_urls
from marketplace.portal.projects import urls as project_urls
from marketplace.portal.reservations import urls as reservation_urls

app_name = "portal"
tenant_pages = [
    path("", overview.OverviewView.as_view(), name="overview"),
    path("live/", overview.FiguresView.as_view(), name="live"),
    path("stream/", overview.StreamView.as_view(), name="stream"),
    path("launch/", launch.LaunchView.as_view(), name="launch"),
    path("launch/estimate/", launch.EstimateView.as_view(), name="estimate"),
    path("usage/", usage.UsageView.as_view(), name="usage"),
    path("usage.csv", usage.UsageCsvView.as_view(), name="usage_csv"),
    path("keys/", organisation.KeysView.as_view(), name="keys"),
    path("keys/<public_id:public_id>/revoke/", organisation.RevokeKeyView.as_view(), name="revoke_key"),
    path("projects/", organisation.ProjectsView.as_view(), name="projects"),
    path("audit/", organisation.AuditView.as_view(), name="audit"),
    path("webhooks/", webhooks.WebhooksView.as_view(), name="webhooks"),
    path("webhooks/deliveries/<public_id:public_id>/resend/", webhooks.ResendView.as_view(), name="webhook_resend"),
    path("webhooks/<public_id:public_id>/", webhooks.WebhookView.as_view(), name="webhook"),
    path("webhooks/<public_id:public_id>/rotate/", webhooks.RotateView.as_view(), name="webhook_rotate"),
    path("webhooks/<public_id:public_id>/switch/", webhooks.SwitchView.as_view(), name="webhook_switch"),
    path("webhooks/<public_id:public_id>/test/", webhooks.TestView.as_view(), name="webhook_test"),
    path("webhooks/<public_id:public_id>/delete/", webhooks.DeleteView.as_view(), name="webhook_delete"),
    path("notifications/", notifications.NotificationsView.as_view(), name="notifications"),
    path("notifications/read/", notifications.ReadAllView.as_view(), name="notifications_read"),
    path("notifications/<public_id:public_id>/read/", notifications.ReadView.as_view(), name="notification_read"),
    *people_urls.tenant_pages,
    *offer_urls.tenant_pages,
    *project_urls.tenant_pages,
    *reservation_urls.tenant_pages,
    *call_urls.tenant_pages,
    *award_urls.tenant_pages,
    *purchase_pages,
    *billing_pages,
    *settlement_urls.tenant_pages,
    *procurement_pages,
    *invoice_urls.tenant_pages,
    path("workloads/<public_id:public_id>/extend/", extend.ExtendView.as_view(), name="workload_extend"),
    *cluster_pages,
]
urlpatterns = [
    path("", public.HomeView.as_view(), name="home"),
    path("mailbox/", public.MailboxView.as_view(), name="mailbox"),
    path("ui/", style_guide.StyleGuideView.as_view(), name="style_guide"),
    path("account/", account.AccountView.as_view(), name="account"),
    path("account/notifications/", notifications.PreferencesView.as_view(), name="account_notifications"),
    *people_urls.public_pages,
    *offer_urls.public_pages,
    *call_urls.public_pages,
    path("o/<slug:slug>/", include(tenant_pages)),
]
