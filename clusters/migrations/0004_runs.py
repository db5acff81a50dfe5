# SPDX-License-Identifier: Apache-2.0
"""A workload names its run; those that were launched before get theirs."""

from django.db import migrations, models

RUNS = """
INSERT INTO billing_run (organisation_id, project_id, workload_ref, name, site_code, sku_id, price_id,
    micro_per_gpu_hour, hold_id, decision_id, opened_at)
SELECT w.organisation_id, w.project_id, w.public_id, w.name, s.code, w.sku_id, w.price_id, w.micro_per_gpu_hour,
    w.hold_id, w.decision_id, w.queued_at
FROM clusters_workload w
JOIN clusters_pool p ON p.id = w.pool_id JOIN clusters_cluster c ON c.id = p.cluster_id
JOIN clusters_site s ON s.id = c.site_id
ON CONFLICT DO NOTHING;
UPDATE clusters_workload w SET run_id = r.id FROM billing_run r WHERE r.workload_ref = w.public_id;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("clusters", "0003_facts"),
        ("billing", "0005_runs_and_partitions"),
    ]

    operations = [
        migrations.AddField("workload", "member_id", models.BigIntegerField(null=True)),
        migrations.AddField("workload", "run_id", models.BigIntegerField(unique=True, null=True)),
        migrations.RunSQL(RUNS, migrations.RunSQL.noop),
        migrations.AlterField("workload", "run_id", models.BigIntegerField(unique=True)),
    ]
