# SPDX-License-Identifier: Apache-2.0
"""Offers and orders for staff."""

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from aion import clock
from aion.errors import DomainError
from aion.staff import KeptAdmin, ReadOnlyAdmin, staff_actor, state_column
from marketplace.models import Offer, Order
from marketplace.services import catalogue


@admin.register(Offer)
class OfferAdmin(KeptAdmin):
    """Offers; publishing is refused while residency facts or a price are missing."""

    list_display: ClassVar = ["title", "sku", "pool", "state_word", "position"]
    list_filter: ClassVar = ["state"]
    list_select_related: ClassVar = ["sku", "pool"]
    readonly_fields: ClassVar = ["state"]
    actions: ClassVar = ["publish", "withdraw"]
    state_word = state_column()

    @admin.action(description=_("Publish"))
    def publish(self, request: HttpRequest, rows: QuerySet[Offer]) -> None:
        """Put on sale."""
        for offer in rows:
            try:
                catalogue.publish_offer(actor=staff_actor(request), offer=offer, at=clock.now())
            except DomainError as error:
                messages.error(request, f"{offer}: {error.detail}")
            else:
                messages.success(request, f"{offer}: {_('on sale')}")

    @admin.action(description=_("Withdraw"))
    def withdraw(self, request: HttpRequest, rows: QuerySet[Offer]) -> None:
        """Take off sale."""
        for offer in rows:
            catalogue.withdraw_offer(actor=staff_actor(request), offer=offer, at=clock.now())
            messages.success(request, f"{offer}: {_('withdrawn')}")


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Orders."""

    list_display: ClassVar = ["public_id", "organisation", "offer", "workload", "amount", "placed_at"]
    list_select_related: ClassVar = ["organisation", "offer", "workload"]
    search_fields: ClassVar = ["public_id", "organisation__name"]
    show_full_result_count = False
