# SPDX-License-Identifier: Apache-2.0
"""Reserved: hardware of nodes and pools."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("clusters", "0005_metered_by")]

    operations: list = []
