# SPDX-License-Identifier: Apache-2.0
"""Reserved: erasure of a person's name."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]

    operations: list = []
