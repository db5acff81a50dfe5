# SPDX-License-Identifier: Apache-2.0
"""What the API shows of clusters."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from aion.money import decimal_string
from clusters.states import Reason, WorkloadState


class WorkloadOut(serializers.Serializer[Any]):
    """One workload. Clients treat unknown states as not ended."""

    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    project = serializers.CharField(source="project.public_id")
    pool = serializers.CharField(source="pool.public_id")
    site = serializers.CharField(source="pool.cluster.site.code")
    country = serializers.CharField(source="pool.cluster.site.country_id")
    image = serializers.CharField()
    command = serializers.ListField(child=serializers.CharField())
    gpus = serializers.SerializerMethodField()
    max_duration_seconds = serializers.IntegerField(source="max_seconds")
    state = serializers.ChoiceField(choices=[s.value for s in WorkloadState])
    status_reason = serializers.ChoiceField(source="reason", choices=[r.value for r in Reason])
    status_message = serializers.CharField(source="message")
    price_microcredits_per_gpu_hour = serializers.IntegerField(source="micro_per_gpu_hour")
    held_microcredits = serializers.IntegerField(source="worst_case")
    cost_microcredits = serializers.SerializerMethodField()
    cost = serializers.SerializerMethodField()
    currency = serializers.SerializerMethodField()
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.DecimalField(max_digits=12, decimal_places=3, coerce_to_string=True))
    def get_gpus(self, row: Any) -> str:
        """Return the GPUs as a decimal string."""
        return f"{row.milli_gpus / 1000:.3f}"

    def get_cost_microcredits(self, row: Any) -> int:
        """Return the cost until now."""
        costs = self.context.get("costs") or {}
        return costs[row.pk].microcredits if row.pk in costs else 0

    def get_cost(self, row: Any) -> str:
        """Return the cost until now as a decimal string."""
        return decimal_string(self.get_cost_microcredits(row))

    def get_currency(self, row: Any) -> str:
        """Return the currency of every amount."""
        return "EUR"


class PoolOut(serializers.Serializer[Any]):
    """One pool of the operator."""

    id = serializers.CharField(source="public_id")
    code = serializers.CharField()
    name = serializers.CharField()
    site = serializers.CharField(source="cluster.site.code")
    flavour = serializers.CharField(source="flavour.code")
    milli_gpus = serializers.IntegerField()
