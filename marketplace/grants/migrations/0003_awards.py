# SPDX-License-Identifier: Apache-2.0
"""Reserved: reviews, decisions, awards."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("grants", "0002_call_facts"), ("billing", "0011_promo_codes")]

    operations: list = []
