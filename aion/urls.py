# SPDX-License-Identifier: Apache-2.0
"""The composition root: which path belongs to which edge."""

from django.contrib import admin
from django.urls import include, path

from aion.web import health
from aion.web.languages import switch_language
from billing.purchases.webhooks import stripe_webhook

handler404 = "aion.web.errors.not_found"
handler500 = "aion.web.errors.server_error"
urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("i18n/setlang/", switch_language, name="set_language"),
    path("webhooks/stripe", stripe_webhook, name="stripe_webhook"),
    path("api/", include("marketplace.api.urls")),
    path("", include("marketplace.portal.urls")),
]
