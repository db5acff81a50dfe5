# SPDX-License-Identifier: Apache-2.0
"""A run holds what its meters repeated; usage records become lean and are partitioned by month; what is there moves along."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

from aion.audit.append_only import protect

METERS = """
ALTER TABLE billing_meter DISABLE TRIGGER USER;
INSERT INTO billing_run (organisation_id, project_id, workload_ref, name, site_code, sku_id, price_id,
    micro_per_gpu_hour, hold_id, decision_id, opened_at)
SELECT DISTINCT ON (workload_ref) organisation_id, project_id, workload_ref, '', site_code, sku_id, price_id,
    micro_per_gpu_hour, hold_id, decision_id, opened_at
FROM billing_meter ORDER BY workload_ref, id;
ALTER TABLE billing_meter ADD COLUMN run_id bigint REFERENCES billing_run DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN allowed boolean;
UPDATE billing_meter m SET run_id = r.id,
    allowed = EXISTS (SELECT 1 FROM residency_residencydecision d WHERE d.id = r.decision_id AND d.allowed)
FROM billing_run r WHERE r.workload_ref = m.workload_ref;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
ALTER TABLE billing_meter ALTER COLUMN run_id SET NOT NULL, ALTER COLUMN allowed SET NOT NULL,
    DROP COLUMN project_id, DROP COLUMN workload_ref, DROP COLUMN site_code, DROP COLUMN sku_id, DROP COLUMN hold_id,
    DROP COLUMN decision_id,
    ADD CONSTRAINT meter_fits_bigint CHECK (micro_per_gpu_hour <= 2000000000000000 / milli_gpus);
CREATE INDEX billing_meter_run_id ON billing_meter (run_id);
ALTER TABLE billing_meter ENABLE TRIGGER USER;
"""
QUARANTINE = """
ALTER TABLE billing_quarantinedusage DISABLE TRIGGER USER;
ALTER TABLE billing_quarantinedusage DROP CONSTRAINT quarantined_once,
    ADD COLUMN hour timestamptz, ADD COLUMN start_second integer, ADD COLUMN reference varchar(200) NOT NULL DEFAULT '',
    ALTER COLUMN meter_id DROP NOT NULL, ALTER COLUMN milli_gpus TYPE bigint, ALTER COLUMN seconds TYPE bigint;
ALTER TABLE billing_quarantinedusage ALTER COLUMN reference DROP DEFAULT;
UPDATE billing_quarantinedusage SET hour = date_trunc('hour', window_start, 'UTC'),
    start_second = extract(epoch FROM window_start - date_trunc('hour', window_start, 'UTC'));
ALTER TABLE billing_quarantinedusage ALTER COLUMN hour SET NOT NULL, ALTER COLUMN start_second SET NOT NULL,
    DROP COLUMN window_start,
    ADD CONSTRAINT quarantined_once UNIQUE NULLS NOT DISTINCT
        (hour, meter_id, reference, start_second, revision, reason, seconds);
ALTER TABLE billing_quarantinedusage ENABLE TRIGGER USER;
"""
# Wide columns first, so that no row pays for padding. None but the key: each further index costs a third of the insert.
RECORDS = """
ALTER TABLE billing_usagerecord RENAME TO billing_usagerecord_before;
ALTER INDEX billing_usagerecord_pkey RENAME TO billing_usagerecord_before_pkey;
CREATE TABLE billing_usagerecord (
  hour timestamptz NOT NULL,
  meter_id bigint NOT NULL,
  organisation_id bigint NOT NULL,
  price_id bigint NOT NULL,
  batch_id bigint NOT NULL,
  exact bigint NOT NULL,
  milli_gpus integer NOT NULL,
  start_second smallint NOT NULL,
  seconds smallint NOT NULL,
  revision smallint NOT NULL DEFAULT 0,
  CONSTRAINT billing_usagerecord_pkey PRIMARY KEY (hour, meter_id, start_second, revision),
  CONSTRAINT usage_within_its_hour CHECK (
    start_second >= 0 AND seconds <> 0 AND seconds BETWEEN -3600 AND 3600 AND start_second + seconds <= 3600
    AND (seconds > 0 OR revision > 0))
) PARTITION BY RANGE (hour);
CREATE FUNCTION billing_ensure_usage_partitions(first timestamptz, last timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  month timestamptz := date_trunc('month', first, 'UTC');
  name text;
BEGIN
  WHILE month <= last LOOP
    name := 'billing_usagerecord_' || to_char(month AT TIME ZONE 'UTC', '"y"YYYY"m"MM');
    IF to_regclass(name) IS NULL THEN
      PERFORM pg_advisory_xact_lock(hashtext('billing.partitions'));
      -- A query, not to_regclass: that may answer from a cache of before the wait.
      IF NOT EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = current_schema()::regnamespace) THEN
        -- Made apart and attached: the parent is then locked against other partitions only, never against batches.
        EXECUTE format('CREATE TABLE %I (LIKE billing_usagerecord INCLUDING ALL)', name);
        EXECUTE format('ALTER TABLE billing_usagerecord ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       name, month, date_trunc('month', month + interval '32 days', 'UTC'));
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION aion_refuse_change()',
                       name || '_no_truncate', name);
      END IF;
    END IF;
    month := date_trunc('month', month + interval '32 days', 'UTC');
  END LOOP;
END $$;
SELECT billing_ensure_usage_partitions(min(window_start), max(window_start)) FROM billing_usagerecord_before;
SELECT billing_ensure_usage_partitions(now(), now() + interval '62 days');
INSERT INTO billing_usagerecord (hour, meter_id, organisation_id, price_id, batch_id, exact, milli_gpus, start_second,
    seconds, revision)
SELECT date_trunc('hour', window_start, 'UTC'), meter_id, organisation_id, price_id, batch_id, exact, milli_gpus,
    extract(epoch FROM window_start - date_trunc('hour', window_start, 'UTC')), seconds, revision
FROM billing_usagerecord_before;
INSERT INTO billing_usageday (organisation_id, run_id, day, milli_gpu_seconds, exact)
SELECT u.organisation_id, m.run_id, date_trunc('day', u.hour, 'UTC'), sum(u.milli_gpus::bigint * u.seconds), sum(u.exact)
FROM billing_usagerecord u JOIN billing_meter m ON m.id = u.meter_id GROUP BY 1, 2, 3;
DROP TABLE billing_usagerecord_before;
"""
# A hold may be extended on request, never shrunk: what is left of it is released, not rewritten.
HOLDS = """
DROP TRIGGER billing_hold_facts ON billing_hold;
CREATE FUNCTION billing_hold_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.amount < OLD.amount OR OLD.state = 'closed' THEN
    RAISE EXCEPTION 'an open hold may grow, no other may change' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER billing_hold_grows BEFORE UPDATE OF amount ON billing_hold
FOR EACH ROW WHEN (OLD.amount <> NEW.amount) EXECUTE FUNCTION billing_hold_only_grows();
CREATE TRIGGER billing_hold_facts BEFORE DELETE OR UPDATE OF organisation_id, project_id, member_id, reference
ON billing_hold FOR EACH ROW EXECUTE FUNCTION aion_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_money_core"),
        ("residency", "0002_territories"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    name="quarantinedusage",
                    options={
                        "ordering": ["-recorded_at", "-pk"],
                        "verbose_name": "quarantined usage",
                        "verbose_name_plural": "quarantined usage",
                    },
                ),
                migrations.AlterModelOptions(
                    name="usagerecord",
                    options={"managed": False, "verbose_name": "usage record", "verbose_name_plural": "usage records"},
                ),
                migrations.RemoveConstraint(
                    model_name="quarantinedusage",
                    name="quarantined_once",
                ),
                migrations.RemoveField(
                    model_name="meter",
                    name="decision_id",
                ),
                migrations.RemoveField(
                    model_name="meter",
                    name="hold",
                ),
                migrations.RemoveField(
                    model_name="meter",
                    name="project",
                ),
                migrations.RemoveField(
                    model_name="meter",
                    name="site_code",
                ),
                migrations.RemoveField(
                    model_name="meter",
                    name="sku",
                ),
                migrations.RemoveField(
                    model_name="meter",
                    name="workload_ref",
                ),
                migrations.RemoveField(
                    model_name="quarantinedusage",
                    name="window_start",
                ),
                migrations.AddField(
                    model_name="meter",
                    name="allowed",
                    field=models.BooleanField(default=None),
                    preserve_default=False,
                ),
                migrations.AddField(
                    model_name="quarantinedusage",
                    name="hour",
                    field=models.DateTimeField(default=None, verbose_name="hour"),
                    preserve_default=False,
                ),
                migrations.AddField(
                    model_name="quarantinedusage",
                    name="reference",
                    field=models.CharField(blank=True, max_length=200, verbose_name="device"),
                ),
                migrations.AddField(
                    model_name="quarantinedusage",
                    name="start_second",
                    field=models.IntegerField(default=None, verbose_name="from second"),
                    preserve_default=False,
                ),
                migrations.AlterField(
                    model_name="quarantinedusage",
                    name="meter",
                    field=models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.meter"
                    ),
                ),
                migrations.AlterField(
                    model_name="quarantinedusage",
                    name="milli_gpus",
                    field=models.BigIntegerField(verbose_name="milli-GPUs"),
                ),
                migrations.AlterField(
                    model_name="quarantinedusage",
                    name="seconds",
                    field=models.BigIntegerField(verbose_name="seconds"),
                ),
                migrations.AddConstraint(
                    model_name="quarantinedusage",
                    constraint=models.UniqueConstraint(
                        fields=("hour", "meter", "reference", "start_second", "revision", "reason", "seconds"),
                        name="quarantined_once",
                        nulls_distinct=False,
                    ),
                ),
                migrations.AddField(
                    model_name="meter",
                    name="run",
                    field=models.ForeignKey(
                        default=None,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="meters",
                        to="billing.run",
                    ),
                    preserve_default=False,
                ),
                migrations.AddConstraint(
                    model_name="meter",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            (
                                "micro_per_gpu_hour__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.Value(2000000000000000), "/", models.F("milli_gpus")
                                ),
                            )
                        ),
                        name="meter_fits_bigint",
                    ),
                ),
            ],
            database_operations=[
                migrations.RunSQL(METERS, migrations.RunSQL.noop),
                migrations.RunSQL(QUARANTINE, migrations.RunSQL.noop),
                migrations.RunSQL(RECORDS, migrations.RunSQL.noop),
            ],
        ),
        protect("billing_usagerecord"),
        protect("billing_run"),
        protect("billing_quarantinereview"),
        protect("billing_budgetcrossing"),
        protect("billing_monthstatement"),
        protect("billing_statementline"),
        protect("billing_pricetier"),
        protect("billing_correctionrequest", frozen=["meter_id", "hour", "start_second", "seconds_after", "reason"]),
        migrations.RunSQL(HOLDS, migrations.RunSQL.noop),
    ]
