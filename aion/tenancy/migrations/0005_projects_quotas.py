# SPDX-License-Identifier: Apache-2.0
"""Reserved: projects and quotas."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0004_people_facts")]

    operations: list = []
