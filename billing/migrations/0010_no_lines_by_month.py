# SPDX-License-Identifier: Apache-2.0
"""No query looks for a month of usage: all read an organisation's lines whole, by the key's own index."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Drop an index that only cost writes."""

    dependencies: ClassVar = [("billing", "0009_hold_in_one_statement")]
    operations: ClassVar = [migrations.RemoveIndex(model_name="statementline", name="lines_by_month_of_usage")]
