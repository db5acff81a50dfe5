# SPDX-License-Identifier: Apache-2.0
"""The function that refuses to change a fact, and its trigger on the audit log."""

from django.db import migrations

from aion.audit.append_only import FUNCTION, protect


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION aion_refuse_change() CASCADE"),
        protect("audit_auditevent"),
    ]
