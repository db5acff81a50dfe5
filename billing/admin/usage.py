# SPDX-License-Identifier: Apache-2.0
"""What was metered, by run, meter, hour and batch. Records and days have composite keys: the admin cannot show them."""

from typing import ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.staff import ReadOnlyAdmin, gpus_column
from billing.admin.columns import exact_money, gpu_hours_column, money
from billing.models import Meter, Reconciliation, Run, UsageBatch, UsageHour


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs with the terms that were frozen at launch."""

    list_display: ClassVar = [
        "workload_ref", "name", "organisation", "project", "sku", "site_code", "per_hour", "opened_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["sku", "site_code", "opened_at"]
    list_select_related: ClassVar = ["organisation", "project", "sku"]
    search_fields: ClassVar = ["workload_ref", "name", "organisation__name"]
    ordering: ClassVar = ["-pk"]
    show_full_result_count = False
    fields: ClassVar = [
        "workload_ref", "name", "organisation", "project", "member_id", "sku", "site_code", "price", "per_hour",
        "hold_id", "decision_id", "opened_at",
    ]  # fmt: skip
    per_hour = money("micro_per_gpu_hour", _("credits per GPU-hour"))


@admin.register(Meter)
class MeterAdmin(ReadOnlyAdmin):
    """Metered devices."""

    list_display: ClassVar = ["reference", "organisation", "run", "gpus", "per_hour", "allowed", "opened_at"]
    list_filter: ClassVar = ["allowed", "opened_at"]
    list_select_related: ClassVar = ["organisation", "run"]
    search_fields: ClassVar = ["reference", "run__workload_ref", "organisation__name"]
    ordering: ClassVar = ["-pk"]
    show_full_result_count = False
    fields: ClassVar = ["reference", "organisation", "run", "price", "per_hour", "gpus", "allowed", "opened_at"]
    gpus = gpus_column("milli_gpus", _("GPUs"))
    per_hour = money("micro_per_gpu_hour", _("credits per GPU-hour"))


@admin.register(UsageHour)
class UsageHourAdmin(ReadOnlyAdmin):
    """Usage by hour; the days and months above narrow it."""

    list_display: ClassVar = ["hour", "organisation", "project", "sku", "site_code", "gpu_hours", "charged"]
    list_filter: ClassVar = ["sku", "hour"]
    list_select_related: ClassVar = ["organisation", "project", "sku"]
    search_fields: ClassVar = ["organisation__name", "project__name", "site_code"]
    ordering: ClassVar = ["-pk"]
    show_full_result_count = False
    fields: ClassVar = ["hour", "organisation", "project", "sku", "site_code", "gpu_hours", "charged"]
    gpu_hours = gpu_hours_column()
    charged = exact_money()


@admin.register(UsageBatch)
class UsageBatchAdmin(ReadOnlyAdmin):
    """Ingested batches."""

    list_display: ClassVar = ["id", "source", "received", "accepted", "duplicate", "refused", "posted_at"]
    list_filter: ClassVar = ["posted_at"]
    search_fields: ClassVar = ["source"]
    ordering: ClassVar = ["-pk"]
    show_full_result_count = False


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    """What the reconciler found, run by run."""

    list_display: ClassVar = ["at", "checks", "contradictions", "failed"]
    show_full_result_count = False
