# SPDX-License-Identifier: Apache-2.0
"""What the API takes and shows of calls and applications."""

from typing import Any, ClassVar

from rest_framework import serializers

from aion.api.serializers import Email, MoneyOut, StrictSerializer, Text
from aion.residency.policy import Level
from marketplace.grants.services.content import LENGTHS, MAX_ITEMS, MAX_PARTNERS, MAX_TEAM
from marketplace.grants.states import (
    AidRegime,
    ApplicationState,
    AttachmentKind,
    DataClass,
    MoneySource,
    Openness,
    ProgrammeState,
)
from marketplace.grants.words import kept_reason


class CriterionOut(serializers.Serializer[Any]):
    """What reviewers score."""

    code = serializers.CharField()
    name_en = serializers.CharField()
    name_fr = serializers.CharField()
    weight = serializers.IntegerField()
    max_score = serializers.IntegerField()


class RuleOut(serializers.Serializer[Any]):
    """An eligibility rule."""

    id = serializers.CharField()
    kind = serializers.CharField()
    params = serializers.DictField(required=False)


class ProgrammeOut(MoneyOut):
    """A call."""

    money: ClassVar = {"pot": "pot", "cap_per_award": "cap_per_award"}

    id = serializers.CharField(source="public_id")
    code = serializers.CharField()
    name_en = serializers.CharField()
    name_fr = serializers.CharField()
    summary_en = serializers.CharField()
    summary_fr = serializers.CharField()
    funder = serializers.CharField()
    money_source = serializers.ChoiceField(choices=[one.value for one in MoneySource])
    aid_regime = serializers.ChoiceField(choices=[one.value for one in AidRegime])
    opens_at = serializers.DateTimeField()
    closes_at = serializers.DateTimeField()
    zone = serializers.CharField()
    decision_on = serializers.DateField()
    lot_days = serializers.IntegerField()
    report_days = serializers.IntegerField()
    sku_codes = serializers.ListField(child=serializers.CharField())
    site_codes = serializers.ListField(child=serializers.CharField())
    min_level = serializers.SerializerMethodField(help_text="Empty: every residency level.")
    rules = RuleOut(many=True)
    criteria = CriterionOut(many=True)
    state = serializers.ChoiceField(choices=[one.value for one in ProgrammeState])
    takes_applications = serializers.SerializerMethodField()

    def get_min_level(self, row: Any) -> str:
        """Return the name of the level."""
        return Level(row.min_level).name if row.min_level else ""

    def get_takes_applications(self, row: Any) -> bool:
        """Tell whether the call is open now."""
        return bool(row.state == ProgrammeState.OPEN and row.opens_at <= self.context["at"] < row.closes_at)


class WorkItemOut(serializers.Serializer[Any]):
    """A work item with what it takes."""

    title = serializers.CharField()
    sku_code = serializers.CharField()
    gpu_hours = serializers.IntegerField()
    params = serializers.IntegerField(allow_null=True)
    tokens = serializers.IntegerField(allow_null=True)
    mfu_bp = serializers.IntegerField(allow_null=True, help_text="Hundredths of a per cent of the peak.")
    flop = serializers.SerializerMethodField(help_text="A decimal string: it passes 64 bits.")
    amount_microcredits = serializers.IntegerField(source="micro")
    watt_hours = serializers.IntegerField()
    g_co2e = serializers.IntegerField()

    def get_flop(self, row: Any) -> str | None:
        """Return the operations as digits."""
        return None if row.flop is None else str(int(row.flop))


class EligibilityOut(serializers.Serializer[Any]):
    """How one rule came out."""

    rule = serializers.CharField(source="rule_id")
    passed = serializers.BooleanField()
    reason = serializers.SerializerMethodField()

    def get_reason(self, row: Any) -> str:
        """Return the sentence in the language that is accepted."""
        return kept_reason(row)


class AttachmentOut(serializers.Serializer[Any]):
    """A file. Files are attached on the page of the application."""

    id = serializers.CharField(source="public_id")
    kind = serializers.ChoiceField(choices=[one.value for one in AttachmentKind])
    name = serializers.CharField()
    media_type = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class MemberShape(StrictSerializer):
    """A person of the team."""

    name = Text(max_length=120)
    email = Email()
    role = Text(max_length=80, allow_blank=True, default="")
    cv = Text(lines=True, max_length=1500, allow_blank=True, default="")


class PartnerShape(StrictSerializer):
    """Another organisation that takes part."""

    name = Text(max_length=120)


class ApplicationOut(MoneyOut):
    """An application."""

    money: ClassVar = {"requested": "requested_amount"}

    id = serializers.CharField(source="public_id")
    programme = serializers.CharField(source="programme.public_id")
    project = serializers.CharField(source="project.public_id", allow_null=True, default=None)
    state = serializers.ChoiceField(choices=[one.value for one in ApplicationState])
    revision = serializers.IntegerField()
    title = serializers.CharField()
    abstract = serializers.CharField()
    work_plan = serializers.CharField()
    data_class = serializers.CharField()
    openness = serializers.CharField()
    ethics = serializers.CharField()
    acknowledgement = serializers.BooleanField()
    attestations = serializers.ListField(child=serializers.CharField())
    declared_aid_microcredits = serializers.IntegerField(source="declared_aid", allow_null=True)
    team = MemberShape(many=True)
    partners = PartnerShape(many=True)
    items = WorkItemOut(many=True, source="items.all")
    attachments = AttachmentOut(many=True, source="attachments.all")
    eligibility = EligibilityOut(many=True, source="eligibility.all")
    updated_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)


class ApplicationIn(StrictSerializer):
    """A new draft."""

    programme = Text(max_length=40)


class ItemIn(StrictSerializer):
    """A work item: GPU-hours, or model size, tokens and share of the peak."""

    title = Text(max_length=120)
    sku_code = Text(max_length=40)
    gpu_hours = serializers.IntegerField(min_value=1, max_value=10**9, required=False, allow_null=True)
    params = serializers.IntegerField(min_value=1, max_value=10**15, required=False, allow_null=True)
    tokens = serializers.IntegerField(min_value=1, max_value=10**17, required=False, allow_null=True)
    mfu_bp = serializers.IntegerField(min_value=1, max_value=10_000, required=False, allow_null=True)


class ApplicationPatch(StrictSerializer):
    """Changes of a draft; ``revision`` is the one that was read."""

    revision = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    title = Text(max_length=LENGTHS["title"], allow_blank=True, required=False)
    abstract = Text(lines=True, max_length=LENGTHS["abstract"], allow_blank=True, required=False)
    work_plan = Text(lines=True, max_length=LENGTHS["work_plan"], allow_blank=True, required=False)
    ethics = Text(lines=True, max_length=LENGTHS["ethics"], allow_blank=True, required=False)
    data_class = serializers.ChoiceField(choices=["", *(one.value for one in DataClass)], required=False)
    openness = serializers.ChoiceField(choices=["", *(one.value for one in Openness)], required=False)
    acknowledgement = serializers.BooleanField(required=False)
    project = Text(max_length=40, allow_blank=True, required=False)
    attestations = serializers.ListField(child=Text(max_length=500), max_length=40, required=False)
    declared_aid_microcredits = serializers.IntegerField(
        min_value=0, max_value=10**15, allow_null=True, required=False, source="declared_aid"
    )
    team = serializers.ListField(child=MemberShape(), max_length=MAX_TEAM, required=False)
    partners = serializers.ListField(child=PartnerShape(), max_length=MAX_PARTNERS, required=False)
    items = serializers.ListField(child=ItemIn(), max_length=MAX_ITEMS, required=False)


class GrantEstimateIn(ItemIn):
    """What to estimate, and for which call."""

    programme = Text(max_length=40)
    title = Text(max_length=120, required=False, default="")


class GrantEstimateOut(MoneyOut):
    """What the work takes at the cheapest offer that the call allows."""

    money: ClassVar = {"amount": "micro", "price_per_gpu_hour": "micro_per_gpu_hour"}

    sku_code = serializers.CharField(source="wish.sku_code")
    site_code = serializers.CharField()
    flop = serializers.SerializerMethodField(help_text="A decimal string; null where GPU-hours were given.")
    gpu_hours = serializers.IntegerField()
    normalised_hours = serializers.IntegerField(help_text="Hours of an A100 that do as much.")
    watt_hours = serializers.IntegerField()
    g_co2e = serializers.IntegerField()
    table_version = serializers.SerializerMethodField()

    def get_flop(self, row: Any) -> str | None:
        """Return the operations as digits."""
        return None if row.flop is None else str(row.flop)

    def get_table_version(self, _row: Any) -> str:
        """Return the version of the table of peaks."""
        return str(self.context["table_version"])
