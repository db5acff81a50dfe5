# SPDX-License-Identifier: Apache-2.0
"""Reserved: promo codes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_credit_request_restrictions")]

    operations: list = []
