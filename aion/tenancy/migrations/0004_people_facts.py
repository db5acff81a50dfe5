# SPDX-License-Identifier: Apache-2.0
"""Reserved: what the database refuses about people."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0003_people")]

    operations: list = []
