# SPDX-License-Identifier: Apache-2.0
"""The longest device on the cluster with the longest code has a place: only the catalogue of the database changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0015_a_lot_is_locked_last")]

    operations = [
        migrations.AlterField("meter", "reference", models.CharField(max_length=201, unique=True)),
        migrations.AlterField(
            "quarantinedusage",
            "reference",
            models.CharField(blank=True, max_length=201, verbose_name="device"),
        ),
    ]
