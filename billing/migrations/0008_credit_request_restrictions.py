# SPDX-License-Identifier: Apache-2.0
"""Grants with restrictions, drafts with volume tiers, the reconciler's results; what was asked for never changes."""

import django.contrib.postgres.fields
from django.db import migrations, models

from aion.audit.append_only import protect

# What customers were told of a promotion holds, but for an earlier end.
PROMOTIONS = """
CREATE FUNCTION billing_promotion_may_only_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF lower(NEW.valid) <> lower(OLD.valid) OR upper(NEW.valid) > upper(OLD.valid)
     OR (NEW.code, NEW.basis_points_off, NEW.sku_codes, NEW.audiences)
        IS DISTINCT FROM (OLD.code, OLD.basis_points_off, OLD.sku_codes, OLD.audiences) THEN
    RAISE EXCEPTION 'a promotion may only end earlier' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER billing_promotion_end BEFORE UPDATE ON billing_promotion
FOR EACH ROW EXECUTE FUNCTION billing_promotion_may_only_end();
"""
NO_PROMOTIONS = "DROP TRIGGER billing_promotion_end ON billing_promotion; DROP FUNCTION billing_promotion_may_only_end();"
ASKED = ["organisation_id", "amount", "reason", "sku_codes", "site_codes", "programme_codes", "min_level", "starts_at",
         "expires_at", "requested_by_id"]


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0007_reserve"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="when")),
                ("checks", models.PositiveSmallIntegerField(verbose_name="rules checked")),
                ("contradictions", models.BigIntegerField(verbose_name="contradictions")),
                ("failed", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), default=list, size=None, verbose_name="rules that do not hold")),
            ],
            options={
                "verbose_name": "reconciliation",
                "verbose_name_plural": "reconciliations",
                "ordering": ["-at", "-pk"],
            },
        ),
        migrations.AddField(
            model_name="creditrequest",
            name="min_level",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="only from residency level"),
        ),
        migrations.AddField(
            model_name="creditrequest",
            name="programme_codes",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None, verbose_name="only for programmes"),
        ),
        migrations.AddField(
            model_name="creditrequest",
            name="site_codes",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None, verbose_name="only at"),
        ),
        migrations.AddField(
            model_name="creditrequest",
            name="sku_codes",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None, verbose_name="only for"),
        ),
        migrations.AddField(
            model_name="creditrequest",
            name="starts_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="usable from"),
        ),
        migrations.AddField(
            model_name="pricedraft",
            name="tiers",
            field=models.JSONField(default=dict, verbose_name="volume tiers"),
        ),
        protect("billing_creditrequest", frozen=ASKED),
        protect("billing_pricedraft", frozen=["book_id", "valid_from", "lines", "tiers", "reason", "created_by_id"]),
        protect("billing_reconciliation"),
        migrations.RunSQL(PROMOTIONS, NO_PROMOTIONS),
    ]
