# SPDX-License-Identifier: Apache-2.0
"""The audit log for staff: to read."""

from typing import ClassVar

from django.contrib import admin

from aion.audit.models import AuditEvent
from aion.staff import ReadOnlyAdmin


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Every act, newest first."""

    list_display: ClassVar = ["at", "actor_label", "action", "subject_label", "via", "reason"]
    list_filter: ClassVar = ["action", "via"]
    search_fields: ClassVar = ["actor_label", "subject_label", "subject_id", "request_id"]
    date_hierarchy = "at"
    show_full_result_count = False
