# SPDX-License-Identifier: Apache-2.0
"""Where GPUs are: sites, clusters, kinds of node, pools."""

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from aion import ids
from aion.residency.policy import UNKNOWN, Facts
from clusters.querysets import PoolQuerySet
from clusters.states import MeteredBy

KINDS = (("gpu", "GPU"), ("npu", "NPU"), ("cpu", "CPU"), ("qpu", "QPU"))


class Site(models.Model):
    """A data centre with the facts a residency decision needs. Whether it is EU is decided by policy alone."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.site_id, editable=False)
    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    operator = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("operator")
    )
    country = models.ForeignKey(
        "residency.Territory", on_delete=models.PROTECT, related_name="+", verbose_name=_("country")
    )
    subdivision = models.ForeignKey(
        "residency.Territory",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("subdivision"),
        help_text=_("Only where the part has a status of its own, such as Åland or the Canary Islands."),
    )
    pue = models.DecimalField(_("PUE"), max_digits=4, decimal_places=2, default=Decimal("1.20"))
    g_co2e_per_kwh = models.PositiveIntegerField(_("gCO2e per kWh"), default=50)
    storage_code = models.CharField(_("storage in"), max_length=16, default=UNKNOWN)
    backup_code = models.CharField(_("backup in"), max_length=16, default=UNKNOWN)
    failover_code = models.CharField(_("failover in"), max_length=16, default=UNKNOWN)
    support_from = models.CharField(_("support from"), max_length=16, default=UNKNOWN)
    telemetry_code = models.CharField(_("telemetry in"), max_length=16, default=UNKNOWN)
    transit = models.CharField(_("transit"), max_length=16, default=UNKNOWN)
    operator_seat = models.CharField(_("operator's seat"), max_length=16, default=UNKNOWN)
    non_eu_max_holder_pct = models.DecimalField(
        _("largest non-EU holder (%)"), max_digits=5, decimal_places=2, null=True, blank=True
    )
    non_eu_total_pct = models.DecimalField(
        _("all non-EU holders (%)"), max_digits=5, decimal_places=2, null=True, blank=True
    )
    certificate = models.CharField(_("certificate"), max_length=24, default="none")

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = _("site")
        verbose_name_plural = _("sites")

    def __str__(self) -> str:
        return self.name

    def missing_facts(self) -> list[str]:
        """Return the names of what a residency decision needs and nobody has recorded."""
        fields: list[Any] = [self._meta.get_field(name) for name in FACTS]
        return [str(field.verbose_name) for field in fields if getattr(self, field.name) in {UNKNOWN, "", None}]

    def facts(self) -> Facts:
        """Return the facts as the pure policy takes them; what is not recorded stays unknown."""
        return Facts(
            site=self.subdivision_id or self.country_id,
            storage=self.storage_code,
            backup=self.backup_code,
            failover=self.failover_code,
            support=self.support_from,
            telemetry=self.telemetry_code,
            transit=self.transit,
            operator_seat=self.operator_seat,
            non_eu_max_holder_pct=self.non_eu_max_holder_pct,
            non_eu_total_pct=self.non_eu_total_pct,
            certificate=self.certificate,
        )


FACTS = (
    "storage_code",
    "backup_code",
    "failover_code",
    "support_from",
    "telemetry_code",
    "transit",
    "operator_seat",
    "non_eu_max_holder_pct",
    "non_eu_total_pct",
)

FACT_NAMES = tuple(name.removesuffix("_code").removesuffix("_from") for name in FACTS)


class Cluster(models.Model):
    """A Kubernetes API. The row refers to its credential; the secret itself is never in the database."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="clusters")
    code = models.SlugField(_("code"), max_length=40, unique=True)
    api_url = models.CharField(_("API address"), max_length=200)
    ca_pem = models.TextField(_("certificate authority (PEM)"), blank=True)
    credential_ref = models.CharField(
        _("credential"),
        max_length=120,
        blank=True,
        help_text=_("The environment variable that holds the service account's token, never the token."),
    )
    enabled = models.BooleanField(_("connected"), default=True)
    last_seen_at = models.DateTimeField(_("last answer"), null=True)
    last_error = models.CharField(_("last error"), max_length=200, blank=True)
    clock_skew_seconds = models.IntegerField(_("clock skew (s)"), default=0)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = _("cluster")
        verbose_name_plural = _("clusters")

    def __str__(self) -> str:
        return self.code


class NodeFlavour(models.Model):
    """A kind of node (Kueue: ResourceFlavor)."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    vendor = models.CharField(_("vendor"), max_length=40)
    kind = models.CharField(_("kind"), max_length=8, choices=KINDS)
    product = models.CharField(_("product label"), max_length=80)
    resource_name = models.CharField(_("Kubernetes resource"), max_length=80, default="nvidia.com/gpu")
    per_node = models.PositiveIntegerField(_("accelerators a node"), default=8)
    memory_gib = models.PositiveIntegerField(_("memory (GiB) each"))
    interconnect = models.CharField(_("interconnect"), max_length=60, blank=True)
    watts = models.PositiveIntegerField(_("power (W) each"), default=700)
    vcpus = models.PositiveIntegerField(_("vCPUs a node"), default=0)
    host_memory_gib = models.PositiveIntegerField(_("host memory (GiB) a node"), default=0)
    local_disk_gib = models.PositiveIntegerField(_("local disk (GiB) a node"), default=0)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = _("node flavour")
        verbose_name_plural = _("node flavours")

    def __str__(self) -> str:
        return self.name


class Pool(models.Model):
    """Schedulable capacity of one flavour in one cluster (Kueue: ClusterQueue), brought by a member."""

    public_id = models.CharField(max_length=24, unique=True, default=ids.pool_id, editable=False)
    organisation = models.ForeignKey(
        "tenancy.Organisation", on_delete=models.PROTECT, related_name="+", verbose_name=_("operator")
    )
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="pools")
    flavour = models.ForeignKey(NodeFlavour, on_delete=models.PROTECT, related_name="pools")
    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    milli_gpus = models.PositiveBigIntegerField(_("capacity (milli-GPUs)"))
    reservable_milli_gpus = models.PositiveBigIntegerField(
        _("sold as reserved at most (milli-GPUs)"), null=True, blank=True, help_text=_("Empty: all of it.")
    )
    storage_class = models.CharField(_("storage class"), max_length=60, blank=True)
    fractions = models.BooleanField(_("sells fractions"), default=False)
    metered_by = models.CharField(
        _("metered by"),
        max_length=8,
        choices=[(MeteredBy.AION, _("AION, from the pods")), (MeteredBy.OPERATOR, _("the operator, over the API"))],
        default=MeteredBy.AION,
    )

    objects = PoolQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = _("pool")
        verbose_name_plural = _("pools")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(milli_gpus__gt=0), name="pool_has_capacity"),
            models.CheckConstraint(
                condition=Q(reservable_milli_gpus=None) | Q(reservable_milli_gpus__lte=F("milli_gpus")),
                name="pool_sells_what_it_has",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reservable(self) -> int:
        """Return the most that may be reserved at any instant, in milli-GPUs."""
        return self.milli_gpus if self.reservable_milli_gpus is None else self.reservable_milli_gpus
