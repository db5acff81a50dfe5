# SPDX-License-Identifier: Apache-2.0
"""Indexes that a longer one covers go; rows that each batch updates leave room for their next version on the page."""

import django.db.models.deletion
from django.db import migrations, models

ROOM = "".join(
    f"ALTER TABLE {table} SET (fillfactor = 60);"
    for table in ("billing_usagehour", "billing_usageday", "billing_holdleg", "billing_ledgeraccount", "billing_hold")
)


# Django gives a unique text a second index for LIKE; nobody searches a key by its beginning.
NO_LIKE = """
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT indexname FROM pg_indexes WHERE indexname LIKE '%\\_like'
    AND tablename IN ('billing_transfer', 'billing_meter', 'billing_run', 'billing_hold') LOOP
    EXECUTE format('DROP INDEX %I', name);
  END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0005_runs_and_partitions"),
        ("tenancy", "0002_project_programme"),
    ]

    operations = [
        migrations.AlterField(
            model_name="holdleg",
            name="hold",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="legs", to="billing.hold"
            ),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="organisation",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenancy.organisation",
                verbose_name="organisation",
            ),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="sku",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.sku",
            ),
        ),
        migrations.AlterField(
            model_name="usagehour",
            name="organisation",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenancy.organisation",
            ),
        ),
        migrations.AlterField(
            model_name="usagehour",
            name="project",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenancy.project",
            ),
        ),
        migrations.AlterField(
            model_name="usagehour",
            name="sku",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.sku",
            ),
        ),
        migrations.RunSQL(ROOM, migrations.RunSQL.noop),
        migrations.RunSQL(NO_LIKE, migrations.RunSQL.noop),
    ]
