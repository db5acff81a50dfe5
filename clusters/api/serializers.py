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
    spot = serializers.BooleanField(help_text="Its site may take the capacity back for work on demand.")
    reservation = serializers.CharField(
        source="reservation.public_id",
        default=None,
        allow_null=True,
        help_text="What pays for it, where it costs nothing.",
    )
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


class UsageDataIn(serializers.Serializer[Any]):
    """What one device of a workload used in one window."""

    device = serializers.CharField(max_length=160, help_text="The pod's uid, or another name that is never used again.")
    window_start = serializers.DateTimeField()
    window_end = serializers.DateTimeField(help_text="Excluded; within the same UTC hour, or its end.")
    milli_gpus = serializers.IntegerField(min_value=1)
    revision = serializers.IntegerField(min_value=0, max_value=30, default=0)


class UsageEventIn(serializers.Serializer[Any]):
    """A CloudEvent (1.0, JSON format). Its attributes ``source`` and ``data`` bear names that DRF uses itself."""

    specversion = serializers.ChoiceField(choices=["1.0"])
    id = serializers.CharField(max_length=160)
    source = serializers.CharField(max_length=160)  # type: ignore[assignment]  # a field named as DRF's
    type = serializers.ChoiceField(choices=["eu.aion.usage.v1"])
    subject = serializers.CharField(max_length=160, help_text="The workload's id.")
    data = UsageDataIn()  # type: ignore[assignment]  # a field named as DRF's


class LineRefusalOut(serializers.Serializer[Any]):
    """A line that did not land."""

    index = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()


class IngestOut(serializers.Serializer[Any]):
    """What became of a batch: received = accepted + duplicate + refused."""

    batch = serializers.IntegerField()
    received = serializers.IntegerField()
    accepted = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    refused = serializers.IntegerField()
    refusals = LineRefusalOut(many=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Count unreadable lines among the refused, and list all refusals by index."""
        batch = instance.result.batch
        refusals = [{"index": one.line, "code": one.code, "detail": one.detail} for one in instance.refusals]
        refusals += [{"index": one.line, "code": "unreadable", "detail": one.detail} for one in instance.unreadable]
        return {
            "batch": batch.batch_id,
            "received": instance.received,
            "accepted": batch.accepted,
            "duplicate": batch.duplicate,
            "refused": len(refusals),
            "refusals": sorted(refusals, key=lambda one: one["index"]),
        }
