# SPDX-License-Identifier: Apache-2.0
"""Reserved: offers of operators."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0003_facts")]

    operations: list = []
