# SPDX-License-Identifier: Apache-2.0
"""What the API takes and shows of the marketplace."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from aion.api.serializers import QuickSerializer, StrictSerializer, Text
from aion.money import decimal_string
from aion.residency.policy import Level
from aion.tenancy.models import OrganisationKind, OrganisationState
from marketplace.services.orders import Request
from marketplace.services.quotes import Reason


class OrganisationOut(serializers.Serializer[Any]):
    """The organisation the key belongs to."""

    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    slug = serializers.CharField()
    kind = serializers.ChoiceField(choices=OrganisationKind.choices)
    country = serializers.CharField(source="country_id")
    state = serializers.ChoiceField(choices=OrganisationState.choices)
    milli_gpu_quota = serializers.IntegerField()


class ProjectOut(serializers.Serializer[Any]):
    """A project."""

    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    slug = serializers.CharField()
    residency_policy = serializers.CharField()
    milli_gpu_quota = serializers.IntegerField()
    restricted = serializers.BooleanField(help_text="Only its members launch and stop work.")
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class ProjectIn(StrictSerializer):
    """A new project."""

    name = Text(max_length=80)
    residency_policy = serializers.ChoiceField(choices=[level.name for level in Level], default="EU_RESIDENT")
    gpu_quota = serializers.IntegerField(min_value=1, max_value=1_000_000, default=8)


class ProjectPatch(StrictSerializer):
    """What changes of a project; what is left out stays."""

    name = Text(max_length=80, required=False)
    residency_policy = serializers.ChoiceField(choices=[level.name for level in Level], required=False)
    gpu_quota = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False)
    archived = serializers.BooleanField(required=False, help_text="True: nothing new starts; what runs runs on.")


class PriceVersionOut(QuickSerializer):
    """Which price applies: its version, the book it stands in, and what lowered it."""

    price_id = serializers.IntegerField()
    book = serializers.CharField(source="book_code")
    list_microcredits_per_gpu_hour = serializers.IntegerField(source="list_micro")
    tier_from_gpu_hours = serializers.IntegerField(help_text="0: no volume tier is reached.")
    promotion = serializers.CharField(source="promotion_code", help_text="Empty: none applies.")


class AvailabilityOut(QuickSerializer):
    """What could start now for the organisation that asks: free capacity, clipped by quota and by the offer."""

    level = serializers.ChoiceField(choices=["now", "partly", "none", "unknown"], help_text="Of what was asked for.")
    available_milli_gpus = serializers.IntegerField(source="mine")
    free_milli_gpus = serializers.IntegerField(source="free")
    limit_milli_gpus = serializers.IntegerField(source="limit", help_text="The most that one workload may take.")
    by_quota = serializers.BooleanField(help_text="Whether the quota is what limits it.")
    as_of = serializers.DateTimeField(allow_null=True)
    stale = serializers.BooleanField(help_text="The site has not answered for a minute.")


class CarbonOut(QuickSerializer):
    """What the site's electricity emits, and its overhead."""

    g_per_kwh = serializers.IntegerField(source="g_co2e_per_kwh")
    pue = serializers.DecimalField(max_digits=4, decimal_places=2)


TIMES = serializers.DateTimeField()


class AnnouncedPriceOut(serializers.Serializer[Any]):
    """The operator's price from a date on, before promotions."""

    valid_from = serializers.DateTimeField()
    price_microcredits_per_gpu_hour = serializers.IntegerField(allow_null=True, help_text="Null: the list price.")
    price_per_gpu_hour = serializers.CharField(allow_null=True)


def announced_out(offer: Any) -> Any:
    """Return the announced price of ``offer`` as the API shows it."""
    micro = offer.announced_micro_per_gpu_hour
    return {
        "valid_from": TIMES.to_representation(offer.announced_from),
        "price_microcredits_per_gpu_hour": micro,
        "price_per_gpu_hour": None if micro is None else decimal_string(micro),
    }


class OfferOut(QuickSerializer):
    """What is on sale: a line of the price list."""

    id = serializers.CharField(source="offer.public_id")
    title = serializers.CharField(source="offer.title")
    sku = serializers.CharField(source="offer.sku.code")
    accelerator = serializers.CharField(source="offer.sku.accelerator")
    vendor = serializers.CharField(source="offer.pool.flavour.vendor")
    kind = serializers.CharField(source="offer.pool.flavour.kind")
    capacity_class = serializers.CharField(source="offer.capacity_class")
    memory_gib = serializers.IntegerField(source="offer.pool.flavour.memory_gib")
    gpus_per_node = serializers.IntegerField(source="offer.pool.flavour.per_node")
    vcpus_per_node = serializers.IntegerField(source="offer.pool.flavour.vcpus")
    host_memory_gib_per_node = serializers.IntegerField(source="offer.pool.flavour.host_memory_gib")
    local_disk_gib_per_node = serializers.IntegerField(source="offer.disk_gib")
    storage_class = serializers.CharField(source="offer.storage")
    interconnect = serializers.CharField(source="offer.pool.flavour.interconnect")
    site = serializers.CharField(source="offer.pool.cluster.site.code")
    country = serializers.CharField(source="offer.pool.cluster.site.country_id")
    operator = serializers.CharField(source="offer.organisation.name")
    residency_level = serializers.CharField(source="level")
    pue = serializers.DecimalField(source="offer.pool.cluster.site.pue", max_digits=4, decimal_places=2)
    g_co2e_per_kwh = serializers.IntegerField(source="offer.pool.cluster.site.g_co2e_per_kwh")
    price_microcredits_per_gpu_hour = serializers.IntegerField(source="micro_per_gpu_hour")
    price_per_gpu_hour = serializers.SerializerMethodField()
    price_version = PriceVersionOut(source="price")
    announced_price = serializers.SerializerMethodField()
    currency = serializers.SerializerMethodField()
    min_milli_gpus = serializers.IntegerField(source="offer.min_milli_gpus")
    max_milli_gpus = serializers.IntegerField(source="offer.max_milli_gpus")
    max_duration_seconds = serializers.IntegerField(source="offer.max_seconds")
    availability = AvailabilityOut()
    carbon = CarbonOut(source="offer.pool.cluster.site")
    free_milli_gpus = serializers.IntegerField()
    as_of = serializers.DateTimeField(allow_null=True)

    def get_price_per_gpu_hour(self, row: Any) -> str:
        """Return the price as a decimal string."""
        return decimal_string(row.micro_per_gpu_hour)

    @extend_schema_field(AnnouncedPriceOut(allow_null=True))
    def get_announced_price(self, row: Any) -> Any:
        """Return the price that is announced, or null."""
        return announced_out(row.offer) if row.announced_from is not None else None

    def get_currency(self, row: Any) -> str:
        """Return the currency."""
        return "EUR"


class LaunchIn(StrictSerializer):
    """A launch."""

    project = Text(max_length=40)
    offer = Text(max_length=40)
    name = Text(max_length=63)
    image = Text(max_length=200)
    command = serializers.ListField(child=Text(max_length=1000, allow_blank=True), default=list, max_length=64)
    gpus = serializers.DecimalField(max_digits=10, decimal_places=3)
    max_duration_seconds = serializers.IntegerField(min_value=-(2**31), max_value=2**31 - 1)

    def to_request(self) -> Request:
        """Return the order's request."""
        return request_of(self.validated_data)


class ExtendIn(StrictSerializer):
    """More time for a workload."""

    extra_seconds = serializers.IntegerField(min_value=-(2**31), max_value=2**31 - 1)


class EstimateIn(StrictSerializer):
    """What a launch would cost."""

    project = Text(max_length=40)
    offer = Text(max_length=40)
    gpus = serializers.DecimalField(max_digits=10, decimal_places=3)
    max_duration_seconds = serializers.IntegerField(min_value=-(2**31), max_value=2**31 - 1)


def request_of(data: dict[str, Any]) -> Request:
    """Return an order's request from parsed data."""
    gpus: Decimal = data["gpus"]
    return Request(
        project_id=data["project"],
        offer_id=data["offer"],
        name=data.get("name", "estimate"),
        image=data.get("image", "estimate"),
        command=tuple(data.get("command", ())),
        milli_gpus=int(gpus * 1000),
        max_seconds=data["max_duration_seconds"],
    )


class DecisionOut(serializers.Serializer[Any]):
    """A residency decision with every failing rule."""

    allowed = serializers.BooleanField()
    policy = serializers.CharField()
    failing = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())


class RefusalOut(serializers.Serializer[Any]):
    """The one thing that would refuse a launch now. A quota refuses the estimate itself, with 409."""

    reason = serializers.ChoiceField(choices=[(reason.value, reason.name) for reason in Reason])
    code = serializers.CharField()
    detail = serializers.CharField()
    over_microcredits = serializers.IntegerField(
        source="over", allow_null=True, help_text="What is missing in credit or budget; null for policy."
    )


class EstimateOut(serializers.Serializer[Any]):
    """Worst case, balance and residency decision."""

    amount_microcredits = serializers.IntegerField(source="amount")
    amount = serializers.SerializerMethodField()
    currency = serializers.SerializerMethodField()
    per_hour_microcredits = serializers.IntegerField(source="per_hour")
    available_microcredits = serializers.IntegerField(source="available")
    balance_after_microcredits = serializers.IntegerField(source="balance_after")
    energy_wh = serializers.IntegerField(source="watt_hours")
    g_co2e = serializers.IntegerField()
    price_microcredits_per_gpu_hour = serializers.IntegerField(source="price.micro_per_gpu_hour")
    price_version = PriceVersionOut(source="price")
    decision = DecisionOut()
    refusal = serializers.SerializerMethodField()

    @extend_schema_field(RefusalOut(allow_null=True))
    def get_refusal(self, row: Any) -> Any:
        """Return what would refuse a launch, or null."""
        refusal = self.context["refusal"]
        return RefusalOut(refusal).data if refusal is not None else None

    @extend_schema_field(serializers.CharField())
    def get_amount(self, row: Any) -> str:
        """Return the worst case as a decimal string."""
        return decimal_string(row.amount)

    def get_currency(self, row: Any) -> str:
        """Return the currency."""
        return "EUR"
