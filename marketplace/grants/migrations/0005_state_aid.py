# SPDX-License-Identifier: Apache-2.0
"""Reserved: state aid."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("grants", "0004_award_facts")]

    operations: list = []
