# SPDX-License-Identifier: Apache-2.0
"""Who locks an organisation's lots lets them go at its commit, not when the disk has it (ADR 12).

The caller waits for the disk afterwards (``aion.durability``): nobody is told of a hold that could still be lost.
"""

from importlib import import_module

from django.db import migrations

RESERVE = import_module("billing.migrations.0007_reserve").RESERVE.replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)
PLACE = import_module("billing.migrations.0009_hold_in_one_statement").PLACE
LOCKS = "  -- A lot that is held to the last credit is locked too"
EARLY = "  PERFORM set_config('synchronous_commit', 'off', true);\n"


def early(function: str) -> str:
    """Return ``function`` with its transaction's commit set not to wait for the disk, before it takes the locks."""
    assert function.count(LOCKS) == 1
    return function.replace(LOCKS, EARLY + LOCKS)


class Migration(migrations.Migration):
    dependencies = [("billing", "0013_disputed_and_payable")]

    operations = [
        migrations.RunSQL(early(RESERVE), RESERVE),
        migrations.RunSQL(early(PLACE), PLACE),
    ]
