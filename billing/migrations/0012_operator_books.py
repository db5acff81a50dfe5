# SPDX-License-Identifier: Apache-2.0
"""Reserved: price books of operators."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0011_promo_codes")]

    operations: list = []
