# SPDX-License-Identifier: Apache-2.0
"""Events and attempts are facts; of an event only the note that it was fanned out may change."""

from django.db import migrations

from aion.audit.append_only import protect


class Migration(migrations.Migration):
    """Protect the tables."""

    dependencies = [("events", "0001_initial"), ("audit", "0002_append_only")]
    operations = [
        protect(
            "events_event", frozen=["id", "public_id", "organisation_id", "type", "data", "key", "created_at"]
        ),
        protect("events_webhookattempt"),
    ]
