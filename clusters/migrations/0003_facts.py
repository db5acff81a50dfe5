# SPDX-License-Identifier: Apache-2.0
"""Timelines and billed intervals are facts: an interval's end is written once."""

from django.db import migrations

from aion.audit.append_only import protect

CLOSED = """
CREATE TRIGGER clusters_podinterval_closed BEFORE UPDATE OF ended_at, end_source ON clusters_podinterval
FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION aion_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("clusters", "0001_initial"), ("audit", "0002_append_only")]
    operations = [
        protect("clusters_workloadevent"),
        protect(
            "clusters_podinterval",
            frozen=["organisation_id", "workload_id", "cluster_id", "pod_uid", "milli_gpus", "started_at", "meter_id"],
        ),
        migrations.RunSQL(CLOSED, "DROP TRIGGER clusters_podinterval_closed ON clusters_podinterval"),
        protect(
            "clusters_workload",
            frozen=["organisation_id", "project_id", "micro_per_gpu_hour", "hold_id", "decision_id", "queued_at"],
        ),
    ]
