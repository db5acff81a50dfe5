# SPDX-License-Identifier: Apache-2.0
"""Events and attempts stay facts, and go when retention says that their time is over."""

from django.db import migrations

from aion.audit.append_only import KEPT_FUNCTION, let_go


class Migration(migrations.Migration):
    """Let retention pass."""

    dependencies = [("events", "0003_outbox")]
    operations = [
        migrations.RunSQL(KEPT_FUNCTION, "DROP FUNCTION aion_forget_only_old()"),
        let_go(
            "events_event",
            since="created_at",
            frozen=["id", "public_id", "organisation_id", "type", "data", "key", "created_at"],
        ),
        let_go("events_webhookattempt", since="at"),
    ]
