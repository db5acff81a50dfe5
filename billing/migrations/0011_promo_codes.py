# SPDX-License-Identifier: Apache-2.0
"""Reserved: promo codes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0010_no_lines_by_month")]

    operations: list = []
