# SPDX-License-Identifier: Apache-2.0
"""Reserved: single recipients and addresses."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("events", "0002_facts")]

    operations: list = []
