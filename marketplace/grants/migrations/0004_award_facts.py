# SPDX-License-Identifier: Apache-2.0
"""Reserved: facts of awards."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("grants", "0003_awards")]

    operations: list = []
