# SPDX-License-Identifier: Apache-2.0
"""Orders are facts."""

from django.db import migrations

from aion.audit.append_only import protect


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0001_initial"), ("audit", "0002_append_only")]
    operations = [protect("marketplace_order")]
