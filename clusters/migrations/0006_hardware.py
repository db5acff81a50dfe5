# SPDX-License-Identifier: Apache-2.0
"""Hardware of nodes and pools: what a buyer compares beside the accelerator."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clusters", "0005_metered_by")]

    operations = [
        migrations.AddField("nodeflavour", "vcpus", models.PositiveIntegerField("vCPUs a node", default=0)),
        migrations.AddField(
            "nodeflavour", "host_memory_gib", models.PositiveIntegerField("host memory (GiB) a node", default=0)
        ),
        migrations.AddField(
            "nodeflavour", "local_disk_gib", models.PositiveIntegerField("local disk (GiB) a node", default=0)
        ),
        migrations.AlterField(
            "nodeflavour",
            "kind",
            models.CharField(
                "kind", choices=[("gpu", "GPU"), ("npu", "NPU"), ("cpu", "CPU"), ("qpu", "QPU")], max_length=8
            ),
        ),
        migrations.AddField("pool", "storage_class", models.CharField("storage class", blank=True, max_length=60)),
    ]
