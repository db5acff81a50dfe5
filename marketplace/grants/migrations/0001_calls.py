# SPDX-License-Identifier: Apache-2.0
"""Reserved: programmes and applications."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0005_projects_quotas")]

    operations: list = []
