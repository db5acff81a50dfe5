# SPDX-License-Identifier: Apache-2.0
"""The composition root: which path belongs to which edge."""

from django.contrib import admin
from django.urls import include, path

from aion.web import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
]
