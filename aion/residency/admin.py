# SPDX-License-Identifier: Apache-2.0
"""Residency decisions for staff: to read."""

from typing import ClassVar

from django.contrib import admin

from aion.residency.models import ResidencyDecision
from aion.staff import ReadOnlyAdmin


@admin.register(ResidencyDecision)
class ResidencyDecisionAdmin(ReadOnlyAdmin):
    """Decisions with their facts."""

    list_display: ClassVar = ["decided_at", "subject", "gate", "policy", "allowed"]
    list_filter: ClassVar = ["allowed", "gate", "policy"]
    search_fields: ClassVar = ["subject"]
    show_full_result_count = False
