# SPDX-License-Identifier: Apache-2.0
"""Budgets, corrections, statements, price classes; lots restricted by programme and level; more account kinds."""

import aion.ids
import billing.states
import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import django.db.models.expressions
import functools
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0003_ledger_rules"),
        ("tenancy", "0002_project_programme"),
    ]

    operations = [
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(aion.ids.new_id, *("bud",), **{}),
                        editable=False,
                        max_length=24,
                        unique=True,
                    ),
                ),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            (billing.states.BudgetScope["ORGANISATION"], "the whole organisation"),
                            (billing.states.BudgetScope["PROJECT"], "one project"),
                            (billing.states.BudgetScope["MEMBER"], "one member"),
                            (billing.states.BudgetScope["GRANT"], "one credit lot"),
                            (billing.states.BudgetScope["WORKLOAD"], "each single workload"),
                        ],
                        max_length=12,
                        verbose_name="for",
                    ),
                ),
                ("member_id", models.BigIntegerField(blank=True, null=True, verbose_name="member")),
                (
                    "period",
                    models.CharField(
                        choices=[
                            (billing.states.BudgetPeriod["DAY"], "each day"),
                            (billing.states.BudgetPeriod["WEEK"], "each week"),
                            (billing.states.BudgetPeriod["MONTH"], "each month"),
                            (billing.states.BudgetPeriod["LIFETIME"], "in all"),
                        ],
                        max_length=8,
                        verbose_name="period",
                    ),
                ),
                ("amount", models.BigIntegerField(verbose_name="cap (micro-credits)")),
                ("created_by", models.CharField(max_length=120, verbose_name="set by")),
                ("created_at", models.DateTimeField(verbose_name="set")),
                ("changed_at", models.DateTimeField(verbose_name="changed")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                ('lot', models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.ledgeraccount",
                verbose_name="credit lot",
            )),
                ('organisation', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenancy.organisation",
                verbose_name="organisation",
            )),
                ('project', models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenancy.project",
                verbose_name="project",
            )),
            ],
            options={
                "verbose_name": "budget",
                "verbose_name_plural": "budgets",
                "ordering": ["pk"],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="budget_positive"),
                    models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        (
                            "scope__in",
                            [billing.states.BudgetScope["ORGANISATION"], billing.states.BudgetScope["WORKLOAD"]],
                        ),
                        ("lot", None),
                        ("member_id", None),
                        ("project", None),
                    ),
                    models.Q(
                        ("lot", None),
                        ("member_id", None),
                        ("project__isnull", False),
                        ("scope", billing.states.BudgetScope["PROJECT"]),
                    ),
                    models.Q(
                        ("lot", None),
                        ("member_id__isnull", False),
                        ("project", None),
                        ("scope", billing.states.BudgetScope["MEMBER"]),
                    ),
                    models.Q(
                        ("lot__isnull", False),
                        ("member_id", None),
                        ("project", None),
                        ("scope", billing.states.BudgetScope["GRANT"]),
                    ),
                    _connector="OR",
                ),
                name="budget_target_fits_scope",
            ),
                    models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("organisation", "scope", "project", "member_id", "lot", "period"),
                name="one_budget_per_scope_and_period",
                nulls_distinct=False,
            ),
                ],
                'indexes': [
                    models.Index(
                condition=models.Q(("ended_at", None)), fields=["organisation"], name="budgets_in_force"
            ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BudgetCrossing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("period_start", models.DateTimeField()),
                ("percent", models.PositiveSmallIntegerField()),
                (
                    "action",
                    models.CharField(
                        choices=[
                            (billing.states.BudgetAction["ALERT"], "tell us"),
                            (billing.states.BudgetAction["FREEZE"], "start nothing new"),
                            (billing.states.BudgetAction["DRAIN"], "stop what runs, with notice"),
                        ],
                        max_length=8,
                    ),
                ),
                ("amount", models.BigIntegerField()),
                ("spent", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ('budget', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="crossings", to="billing.budget"
            )),
                ('organisation', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
            )),
            ],
            options={
                "verbose_name": "budget crossing",
                "verbose_name_plural": "budget crossings",
                "ordering": ["-at", "-pk"],
                'constraints': [
                    models.UniqueConstraint(
                fields=("budget", "period_start", "percent", "amount"), name="a_step_is_crossed_once"
            ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BudgetStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("percent", models.PositiveSmallIntegerField(verbose_name="per cent")),
                (
                    "action",
                    models.CharField(
                        choices=[
                            (billing.states.BudgetAction["ALERT"], "tell us"),
                            (billing.states.BudgetAction["FREEZE"], "start nothing new"),
                            (billing.states.BudgetAction["DRAIN"], "stop what runs, with notice"),
                        ],
                        max_length=8,
                        verbose_name="then",
                    ),
                ),
                ('budget', models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="steps", to="billing.budget"
            )),
            ],
            options={
                "verbose_name": "budget step",
                "verbose_name_plural": "budget steps",
                "ordering": ["percent"],
                'constraints': [
                    models.UniqueConstraint(fields=("budget", "percent"), name="one_step_per_share"),
                    models.CheckConstraint(
                condition=models.Q(("percent__gte", 1), ("percent__lte", 100)), name="step_is_a_share"
            ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CorrectionRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(aion.ids.new_id, *("cor",), **{}),
                        editable=False,
                        max_length=24,
                        unique=True,
                    ),
                ),
                ("hour", models.DateTimeField(verbose_name="hour")),
                ("start_second", models.PositiveSmallIntegerField(verbose_name="from second")),
                ("seconds_before", models.SmallIntegerField(verbose_name="seconds metered")),
                ("seconds_after", models.SmallIntegerField(verbose_name="seconds that are right")),
                ("reason", models.TextField(verbose_name="reason")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            (billing.states.RequestState["PENDING"], billing.states.RequestState["PENDING"]),
                            (billing.states.RequestState["APPROVED"], billing.states.RequestState["APPROVED"]),
                            (billing.states.RequestState["REJECTED"], billing.states.RequestState["REJECTED"]),
                        ],
                        default=billing.states.RequestState["PENDING"],
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("requested_by_id", models.BigIntegerField()),
                ("requested_by", models.CharField(max_length=120, verbose_name="asked by")),
                ("requested_at", models.DateTimeField(verbose_name="asked")),
                ("decided_by", models.CharField(blank=True, max_length=120, verbose_name="decided by")),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided")),
                ('batch', models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="correction",
                to="billing.usagebatch",
            )),
                ('meter', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="billing.meter",
                verbose_name="meter",
            )),
                ('organisation', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenancy.organisation",
                verbose_name="organisation",
            )),
            ],
            options={
                "verbose_name": "usage correction",
                "verbose_name_plural": "usage corrections",
                "ordering": ["-requested_at"],
                'constraints': [
                    models.CheckConstraint(
                condition=models.Q(("seconds_after__gte", 0), ("seconds_after__lte", 3600)),
                name="correction_within_an_hour",
            ),
                    models.UniqueConstraint(
                condition=models.Q(("state", billing.states.RequestState["PENDING"])),
                fields=("meter", "hour", "start_second"),
                name="one_pending_correction_per_window",
            ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MonthStatement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(aion.ids.new_id, *("stm",), **{}),
                        editable=False,
                        max_length=24,
                        unique=True,
                    ),
                ),
                ("month", models.DateField(verbose_name="month")),
                ("exact", models.DecimalField(decimal_places=0, max_digits=32)),
                ("milli_gpu_seconds", models.BigIntegerField(verbose_name="milli-GPU-seconds")),
                ("closed_at", models.DateTimeField(verbose_name="closed")),
                ('organisation', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenancy.organisation",
                verbose_name="organisation",
            )),
            ],
            options={
                "verbose_name": "month statement",
                "verbose_name_plural": "month statements",
                "ordering": ["-month", "organisation"],
                'constraints': [
                    models.UniqueConstraint(fields=("organisation", "month"), name="a_month_closes_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="PriceDraft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=functools.partial(aion.ids.new_id, *("pdr",), **{}),
                        editable=False,
                        max_length=24,
                        unique=True,
                    ),
                ),
                ("valid_from", models.DateTimeField(verbose_name="valid from")),
                ("lines", models.JSONField(default=dict, verbose_name="prices")),
                ("reason", models.TextField(verbose_name="reason")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            (billing.states.DraftState["DRAFT"], billing.states.DraftState["DRAFT"]),
                            (billing.states.DraftState["PUBLISHED"], billing.states.DraftState["PUBLISHED"]),
                            (billing.states.DraftState["DISCARDED"], billing.states.DraftState["DISCARDED"]),
                        ],
                        default=billing.states.DraftState["DRAFT"],
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("created_by_id", models.BigIntegerField()),
                ("created_by", models.CharField(max_length=120, verbose_name="prepared by")),
                ("created_at", models.DateTimeField(verbose_name="prepared")),
                ("decided_by", models.CharField(blank=True, max_length=120, verbose_name="decided by")),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided")),
                ('book', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="drafts",
                to="billing.pricebook",
                verbose_name="price book",
            )),
            ],
            options={
                "verbose_name": "price draft",
                "verbose_name_plural": "price drafts",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="PriceTier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_gpu_hours", models.PositiveIntegerField(verbose_name="from GPU-hours a month")),
                ("micro_per_gpu_hour", models.BigIntegerField(verbose_name="micro-credits per GPU-hour")),
                ('price', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="tiers", to="billing.price"
            )),
            ],
            options={
                "verbose_name": "volume tier",
                "verbose_name_plural": "volume tiers",
                "ordering": ["from_gpu_hours"],
                'constraints': [
                    models.UniqueConstraint(fields=("price", "from_gpu_hours"), name="one_tier_per_volume"),
                    models.CheckConstraint(
                condition=models.Q(("from_gpu_hours__gt", 0), ("micro_per_gpu_hour__gt", 0)), name="tier_positive"
            ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Promotion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, unique=True, verbose_name="code")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("valid", django.contrib.postgres.fields.ranges.DateTimeRangeField(verbose_name="valid")),
                (
                    "basis_points_off",
                    models.PositiveSmallIntegerField(
                        help_text="1,000 is ten per cent.", verbose_name="off (hundredths of a per cent)"
                    ),
                ),
                (
                    "sku_codes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="only for SKUs",
                    ),
                ),
                (
                    "audiences",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("startup", "Start-up"),
                                ("company", "Company"),
                                ("research", "Research"),
                                ("public", "Public body"),
                                ("member", "Consortium member"),
                            ],
                            max_length=16,
                        ),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="only for kinds of organisation",
                    ),
                ),
            ],
            options={
                "verbose_name": "promotion",
                "verbose_name_plural": "promotions",
                "ordering": ["code"],
                'constraints': [
                    models.CheckConstraint(
                condition=models.Q(("basis_points_off__gte", 1), ("basis_points_off__lte", 9000)),
                name="promotion_share",
            ),
                    models.CheckConstraint(
                condition=models.Q(
                    ("valid__endswith__isnull", False), ("valid__isempty", False), ("valid__startswith__isnull", False)
                ),
                name="promotion_ends",
            ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QuarantineReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("note", models.TextField(verbose_name="finding")),
                ("reviewed_by", models.CharField(max_length=120, verbose_name="by")),
                ("reviewed_at", models.DateTimeField(verbose_name="at")),
                ('usage', models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="review", to="billing.quarantinedusage"
            )),
            ],
            options={
                "verbose_name": "quarantine review",
                "verbose_name_plural": "quarantine reviews",
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("member_id", models.BigIntegerField(null=True)),
                ("workload_ref", models.CharField(max_length=24, unique=True)),
                ("name", models.CharField(max_length=63)),
                ("site_code", models.CharField(max_length=40)),
                ("micro_per_gpu_hour", models.BigIntegerField()),
                ("decision_id", models.BigIntegerField(null=True)),
                ("opened_at", models.DateTimeField()),
                ('hold', models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.hold"
            )),
                ('organisation', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
            )),
                ('price', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.price")),
                ('project', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.project"
            )),
                ('sku', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.sku")),
            ],
            options={
                "verbose_name": "run",
                "verbose_name_plural": "runs",
                'constraints': [
                    models.CheckConstraint(
                condition=models.Q(("micro_per_gpu_hour__gt", 0)), name="run_price_positive"
            ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StatementLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            (billing.states.LineKind["USAGE"], billing.states.LineKind["USAGE"]),
                            (billing.states.LineKind["CORRECTION"], billing.states.LineKind["CORRECTION"]),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("usage_month", models.DateField(verbose_name="month of usage")),
                ("micro_per_gpu_hour", models.BigIntegerField(verbose_name="micro-credits per GPU-hour")),
                ("milli_gpu_seconds", models.BigIntegerField(verbose_name="milli-GPU-seconds")),
                ("exact", models.DecimalField(decimal_places=0, max_digits=32)),
                ('organisation', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.organisation"
            )),
                ('project', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.project"
            )),
                ('sku', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.sku")),
                ('statement', models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="billing.monthstatement"
            )),
            ],
            options={
                "verbose_name": "statement line",
                "verbose_name_plural": "statement lines",
                "ordering": ["usage_month", "project", "sku", "micro_per_gpu_hour"],
                'constraints': [
                    models.UniqueConstraint(
                fields=("statement", "usage_month", "project", "sku", "micro_per_gpu_hour"), name="a_line_stands_once"
            ),
                ],
                'indexes': [
                    models.Index(fields=["organisation", "usage_month"], name="lines_by_month_of_usage"),
                ],
            },
        ),
        migrations.CreateModel(
            name="UsageDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "organisation_id", "day", "run_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateTimeField()),
                ("milli_gpu_seconds", models.BigIntegerField()),
                ("exact", models.DecimalField(decimal_places=0, max_digits=30)),
                (
                    "organisation",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenancy.organisation",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="days",
                        to="billing.run",
                    ),
                ),
            ],
            options={"verbose_name": "daily usage", "verbose_name_plural": "daily usage"},
        ),
        migrations.RemoveConstraint(
            model_name="holdleg",
            name="one_leg_per_lot",
        ),
        migrations.RemoveConstraint(
            model_name="ledgeraccount",
            name="account_owner_fits_kind",
        ),
        migrations.AddField(
            model_name="hold",
            name="level",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="hold",
            name="member_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="hold",
            name="programme_code",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="hold",
            name="site_code",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="hold",
            name="sku_code",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="ledgeraccount",
            name="min_level",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="only from residency level"),
        ),
        migrations.AddField(
            model_name="ledgeraccount",
            name="programme_codes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=40), default=list, size=None, verbose_name="only for programmes"
            ),
        ),
        migrations.AddField(
            model_name="pricebook",
            name="audience",
            field=models.CharField(
                blank=True,
                choices=[
                    ("startup", "Start-up"),
                    ("company", "Company"),
                    ("research", "Research"),
                    ("public", "Public body"),
                    ("member", "Consortium member"),
                ],
                help_text="Empty for the list, which holds where a class has no price of its own.",
                max_length=16,
                null=True,
                unique=True,
                verbose_name="for",
            ),
        ),
        migrations.AddField(
            model_name="transfer",
            name="usage_day",
            field=models.DateTimeField(null=True, verbose_name="day of usage"),
        ),
        migrations.AlterField(
            model_name="ledgeraccount",
            name="kind",
            field=models.CharField(
                choices=[
                    (billing.states.AccountKind["LOT"], billing.states.AccountKind["LOT"]),
                    (billing.states.AccountKind["RECEIVABLE"], billing.states.AccountKind["RECEIVABLE"]),
                    (billing.states.AccountKind["FUNDING"], billing.states.AccountKind["FUNDING"]),
                    (billing.states.AccountKind["CLEARING"], billing.states.AccountKind["CLEARING"]),
                    (billing.states.AccountKind["BREAKAGE"], billing.states.AccountKind["BREAKAGE"]),
                    (billing.states.AccountKind["GOODWILL"], billing.states.AccountKind["GOODWILL"]),
                ],
                max_length=12,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="ledgeraccount",
            name="origin",
            field=models.CharField(
                blank=True,
                choices=[
                    (billing.states.Origin["GRANT"], billing.states.Origin["GRANT"]),
                    (billing.states.Origin["PROMO"], billing.states.Origin["PROMO"]),
                    (billing.states.Origin["GOODWILL"], billing.states.Origin["GOODWILL"]),
                    (billing.states.Origin["PURCHASE"], billing.states.Origin["PURCHASE"]),
                ],
                max_length=12,
                verbose_name="origin",
            ),
        ),
        migrations.RemoveField(model_name="ledgeraccount", name="restricted"),
        migrations.AddField(
            model_name="ledgeraccount",
            name="restricted",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Q(
                    ("sku_codes__len__gt", 0),
                    ("site_codes__len__gt", 0),
                    ("programme_codes__len__gt", 0),
                    ("min_level__gt", 0),
                    _connector="OR",
                ),
                output_field=models.BooleanField(),
            ),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="kind",
            field=models.CharField(
                choices=[
                    (billing.states.TransferKind["GRANT"], billing.states.TransferKind["GRANT"]),
                    (billing.states.TransferKind["PURCHASE"], billing.states.TransferKind["PURCHASE"]),
                    (billing.states.TransferKind["USAGE"], billing.states.TransferKind["USAGE"]),
                    (billing.states.TransferKind["CORRECTION"], billing.states.TransferKind["CORRECTION"]),
                    (billing.states.TransferKind["EXPIRY"], billing.states.TransferKind["EXPIRY"]),
                    (billing.states.TransferKind["REFUND"], billing.states.TransferKind["REFUND"]),
                    (billing.states.TransferKind["SETTLEMENT"], billing.states.TransferKind["SETTLEMENT"]),
                    (billing.states.TransferKind["REVERSAL"], billing.states.TransferKind["REVERSAL"]),
                ],
                max_length=12,
                verbose_name="kind",
            ),
        ),
        migrations.AddIndex(
            model_name="transfer",
            index=models.Index(fields=["organisation", "effective_at"], name="transfer_by_accounting_time"),
        ),
        migrations.AddConstraint(
            model_name="holdleg",
            constraint=models.UniqueConstraint(fields=("hold", "position"), name="one_leg_per_position"),
        ),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("kind__in", [billing.states.AccountKind["LOT"], billing.states.AccountKind["RECEIVABLE"]]),
                        ("organisation__isnull", False),
                    ),
                    models.Q(
                        (
                            "kind__in",
                            [
                                billing.states.AccountKind["BREAKAGE"],
                                billing.states.AccountKind["CLEARING"],
                                billing.states.AccountKind["FUNDING"],
                                billing.states.AccountKind["GOODWILL"],
                            ],
                        ),
                        ("organisation__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="account_owner_fits_kind",
            ),
        ),
        migrations.RunSQL(
            "UPDATE billing_ledgeraccount SET expires_at = date_trunc('day', expires_at, 'UTC') + interval '1 day' "
            "WHERE mod(extract(epoch FROM expires_at), 86400) <> 0;"
            "ALTER TABLE billing_ledgeraccount ADD CONSTRAINT lot_ends_at_midnight "
            "CHECK (mod(extract(epoch FROM expires_at), 86400) = 0)",
            "ALTER TABLE billing_ledgeraccount DROP CONSTRAINT lot_ends_at_midnight",
        ),
    ]
