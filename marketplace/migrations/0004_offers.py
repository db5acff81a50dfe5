# SPDX-License-Identifier: Apache-2.0
"""Offers of operators: whose they are, their capacity class, own price, and what staff decided."""

import django.db.models.deletion
from django.db import migrations, models

# The foreign key's check waits for the end of the transaction, and the table cannot be altered while it does.
OWNERS = """
UPDATE marketplace_offer o SET organisation_id = p.organisation_id FROM clusters_pool p WHERE p.id = o.pool_id;
SET CONSTRAINTS ALL IMMEDIATE;
"""
CLASSES = [("on_demand", "On demand"), ("spot", "Spot"), ("reserved", "Reserved")]
STATES = [
    ("draft", "Draft"),
    ("proposed", "Proposed"),
    ("published", "Published"),
    ("rejected", "Rejected"),
    ("withdrawn", "Withdrawn"),
]


def _operator(**fields):
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="tenancy.organisation",
        verbose_name="operator",
        **fields,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0003_facts"),
        ("billing", "0012_operator_books"),
        ("clusters", "0006_hardware"),
    ]

    operations = [
        migrations.AddField("offer", "organisation", _operator(null=True)),
        migrations.RunSQL(OWNERS, migrations.RunSQL.noop),
        migrations.AlterField("offer", "organisation", _operator()),
        migrations.AddField(
            "offer",
            "capacity_class",
            models.CharField("capacity class", choices=CLASSES, default="on_demand", max_length=12),
        ),
        migrations.AddField(
            "offer",
            "price_book",
            models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.pricebook",
                verbose_name="price book",
            ),
        ),
        migrations.AddField(
            "offer",
            "own_micro_per_gpu_hour",
            models.BigIntegerField("own price (micro-credits per GPU-hour)", blank=True, null=True),
        ),
        migrations.AddField("offer", "proposed_at", models.DateTimeField("proposed", blank=True, null=True)),
        migrations.AddField("offer", "decided_at", models.DateTimeField("decided", blank=True, null=True)),
        migrations.AddField("offer", "decision_reason", models.CharField("reason", blank=True, max_length=200)),
        migrations.AlterField(
            "offer", "state", models.CharField("state", choices=STATES, default="draft", max_length=12)
        ),
        migrations.AddIndex("offer", models.Index(fields=["state", "position"], name="offers_by_state")),
        migrations.RemoveConstraint("offer", "one_offer_per_pool_and_sku"),
        migrations.AddConstraint(
            "offer",
            models.UniqueConstraint(
                fields=["pool", "sku", "capacity_class"], name="one_offer_per_pool_sku_and_class"
            ),
        ),
        migrations.AddConstraint(
            "offer",
            models.CheckConstraint(
                condition=models.Q(own_micro_per_gpu_hour=None) | models.Q(own_micro_per_gpu_hour__gt=0),
                name="offer_price_positive",
            ),
        ),
    ]
