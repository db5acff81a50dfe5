# SPDX-License-Identifier: Apache-2.0
"""Pages under /o/<organisation>/."""

from django.urls import path

from clusters.portal import views

urlpatterns = [
    path("workloads/", views.WorkloadListView.as_view(), name="workloads"),
    path("workloads/<public_id:public_id>/", views.WorkloadView.as_view(), name="workload"),
    path("workloads/<public_id:public_id>/live/", views.WorkloadLiveView.as_view(), name="workload_live"),
    path("workloads/<public_id:public_id>/stop/", views.StopView.as_view(), name="workload_stop"),
    path("pools/", views.PoolListView.as_view(), name="pools"),
]
