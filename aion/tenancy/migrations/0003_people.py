# SPDX-License-Identifier: Apache-2.0
"""Reserved: people and organisations."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0002_project_programme")]

    operations: list = []
