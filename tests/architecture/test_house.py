# SPDX-License-Identifier: Apache-2.0
"""Rules of the house that import contracts cannot see."""

import re
from pathlib import Path

import pytest
from celery import current_app
from celery.schedules import crontab
from django.apps import apps
from django.conf import settings
from django.db import models

from aion.periodic import DAY

ROOT = Path(__file__).resolve().parents[2]
ORDER = [
    "clock",
    "audit",
    "residency",
    "tenancy",
    "events",
    "api",
    "web",
    "billing",
    "settlement",
    "clusters",
    "marketplace",
    "grants",
]
# Rows without an organisation, each with its reason.
UNOWNED = {
    "clock.VirtualClock": "one row of the whole database",
    "audit.AuditEvent": "staff act for no organisation",
    "residency.Territory": "reference data",
    "tenancy.TermsVersion": "documents for everybody",
    "tenancy.User": "a person belongs to several",
    "tenancy.Organisation": "is the owner",
    "events.NotificationPreference": "a person's, for all organisations",
    "billing.LedgerAccount": "platform accounts have none; a constraint ties the kind to the owner",
    "billing.HoldLeg": "owned through its hold",
    "billing.Sku": "public catalogue",
    "billing.PriceBook": "public catalogue",
    "billing.Price": "public catalogue",
    "billing.PriceTier": "public catalogue",
    "billing.PriceDraft": "prices that staff prepare",
    "billing.Promotion": "public catalogue",
    "billing.PromoCode": "who knows it may redeem it",
    "billing.BudgetStep": "owned through its budget",
    "billing.Reconciliation": "proves the books of all organisations at once",
    "billing.QuarantineReview": "owned through the usage it is about",
    "billing.UsageBatch": "a batch spans organisations",
    "clusters.Site": "owned by its operator",
    "clusters.Cluster": "owned through its site",
    "clusters.NodeFlavour": "reference data",
    "grants.AidEntry": "owned through its record",
    "grants.AidRule": "the law",
    "grants.Criterion": "owned through its programme",
    "grants.ExcludedSector": "the law",
    "grants.PublicHoliday": "the calendar",
    "grants.Undertaking": "spans organisations",
    "settlement.AccountMapping": "the chart of accounts",
    "settlement.GaugeAlert": "watches the credit of all organisations at once",
    "settlement.NetworkThreshold": "the law",
    "marketplace.ReplayRun": "local runs only",
}
OURS = [model for model in apps.get_models() if model._meta.app_label in ORDER]


def test_foreign_keys_point_one_way() -> None:
    wrong = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in OURS
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey)
        and field.related_model._meta.app_label in ORDER
        and ORDER.index(field.related_model._meta.app_label) > ORDER.index(model._meta.app_label)
    ]
    assert wrong == []


def test_every_tenant_row_has_its_organisation() -> None:
    unowned = {
        model._meta.label
        for model in OURS
        if not any(field.attname == "organisation_id" and not field.null for field in model._meta.concrete_fields)
    }
    assert unowned == set(UNOWNED)


def test_every_owned_model_can_be_read_for_an_actor() -> None:
    missing = [
        model._meta.label
        for model in OURS
        if any(field.attname == "organisation_id" for field in model._meta.concrete_fields)
        and not hasattr(model._default_manager, "visible_to")
        and model._meta.label not in {"billing.RatingCarry", "api.IdempotencyRecord"}
    ]
    assert missing == []


def test_every_periodic_task_and_every_nudge_exists() -> None:
    current_app.loader.import_default_modules()
    names = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    for path in [*ROOT.glob("*/services/*.py"), *ROOT.glob("*/*/services/*.py")]:
        names |= set(re.findall(r'nudge\("([a-z_.]+)"', path.read_text(encoding="utf-8")))
    assert names - set(current_app.tasks) == set()


def test_no_periodic_task_waits_in_the_queue_beside_its_next_run() -> None:
    lasting = [
        name
        for name, entry in settings.CELERY_BEAT_SCHEDULE.items()
        if not 0 < entry["options"]["expires"] <= (DAY if isinstance(entry["schedule"], crontab) else entry["schedule"])
    ]
    assert lasting == []


@pytest.mark.parametrize("app", ["aion", "billing", "clusters", "marketplace"])
def test_every_module_says_its_licence(app: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / app).rglob("*.py")
        if "SPDX-License-Identifier: Apache-2.0" not in path.read_text(encoding="utf-8")
        and not re.match(r"0\d{3}_(initial|references)", path.stem)
    ]
    assert silent == []


def test_templates_have_no_inline_script_style_or_handler() -> None:
    pattern = re.compile(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|hx-on", re.IGNORECASE)
    wrong = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "templates").rglob("*.html")
        if pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


def test_templates_can_be_read_and_reviewed() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / "templates").rglob("*.html")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 280
    ]
    assert long == []


def test_every_icon_that_a_template_names_is_vendored() -> None:
    have = {path.stem for path in (ROOT / "static" / "vendor" / "lucide").glob("*.svg")}
    pattern = re.compile(r"""(?:{% icon |\bicon=)["']([a-z0-9-]+)["']""")
    named = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in pattern.findall(path.read_text(encoding="utf-8"))
    }
    assert named - have == set()


def test_every_cotton_component_stands_in_the_style_guide() -> None:
    guide = (ROOT / "templates" / "marketplace" / "style_guide.html").read_text(encoding="utf-8")
    shell = {"messages"}
    names = {path.stem for path in (ROOT / "templates" / "cotton").glob("*.html")} - shell
    assert {name for name in names if f"<c-{name.replace('_', '-')}" not in guide} == set()
