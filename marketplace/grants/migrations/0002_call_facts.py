# SPDX-License-Identifier: Apache-2.0
"""Reserved: facts of calls."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("grants", "0001_calls")]

    operations: list = []
