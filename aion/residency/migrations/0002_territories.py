# SPDX-License-Identifier: Apache-2.0
"""Load the territories that may be stored as a location, and make decisions append-only."""

from django.db import migrations

from aion.audit.append_only import protect


def load(apps, schema_editor):
    from aion.residency.regions import territories

    territory = apps.get_model("residency", "Territory")
    territory.objects.bulk_create(
        [territory(code=facts.code, name=facts.name) for facts in territories().values() if facts.known],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("residency", "0001_initial"), ("audit", "0002_append_only")]
    operations = [
        migrations.RunPython(load, migrations.RunPython.noop),
        protect("residency_residencydecision"),
    ]
