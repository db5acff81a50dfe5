# SPDX-License-Identifier: Apache-2.0
"""Addresses of projects and quotas."""

from django.urls import URLPattern, path

from marketplace.portal.projects import quotas, views

tenant_pages: list[URLPattern] = [
    path("projects/<public_id:public_id>/", views.ProjectView.as_view(), name="project"),
    path("projects/<public_id:public_id>/members/", views.MembersView.as_view(), name="project_members"),
    path("projects/<public_id:public_id>/archive/", views.ArchiveView.as_view(), name="project_archive"),
    path("projects/<public_id:public_id>/reopen/", views.ReopenView.as_view(), name="project_reopen"),
    path("quotas/", quotas.QuotasView.as_view(), name="quotas"),
    path("quotas/<public_id:public_id>/withdraw/", quotas.WithdrawQuotaView.as_view(), name="quota_withdraw"),
]
public_pages: list[URLPattern] = []
