# SPDX-License-Identifier: Apache-2.0
"""What auditors look at: the facts of each VAT decision, answers of VIES, and what went to the platform."""

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from aion.figures import basis_points
from aion.staff import ReadOnlyAdmin, state_column
from billing.invoicing.models import Dispatch, VatEvidence, ViesAnswer


@admin.register(VatEvidence)
class VatEvidenceAdmin(ReadOnlyAdmin):
    """Evidence, newest first."""

    list_display: ClassVar = [
        "document", "organisation", "country", "place", "buyer", "number_state", "rule", "rate", "decided_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["place", "number_state", "rule"]
    list_select_related: ClassVar = ["document", "organisation"]
    search_fields: ClassVar = ["document__number", "document__public_id", "organisation__name", "vat_number"]
    show_full_result_count = False
    fields: ClassVar = [
        "document", "organisation", "decided_at", "country", "place", "buyer", "address", "vat_number", "number_check",
        "number_state", "vies", "rule", "rate",
    ]  # fmt: skip

    @admin.display(description=_("rate"), ordering="rate_basis_points")
    def rate(self, row: Any) -> str:
        """Write the rate."""
        return basis_points(row.rate_basis_points)


@admin.register(ViesAnswer)
class ViesAnswerAdmin(ReadOnlyAdmin):
    """Answers of VIES, newest first."""

    list_display: ClassVar = ["number", "state_word", "consultation", "name", "source", "detail", "asked_at"]
    list_filter: ClassVar = ["state", "source"]
    search_fields: ClassVar = ["number", "consultation", "name"]
    show_full_result_count = False
    state_word = state_column()


@admin.register(Dispatch)
class DispatchAdmin(ReadOnlyAdmin):
    """The way to the platform. A document is sent again from its own page."""

    list_display: ClassVar = [
        "document", "organisation", "state_word", "attempts", "next_attempt_at", "last_error", "address", "sent_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["state"]
    list_select_related: ClassVar = ["document", "organisation"]
    search_fields: ClassVar = ["document__number", "organisation__name", "flow_id"]
    show_full_result_count = False
    state_word = state_column()
