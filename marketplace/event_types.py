# SPDX-License-Identifier: Apache-2.0
"""What operators are told of their offers."""

from django.utils.translation import gettext_lazy as _

from aion.events.types import OWNERS, EventType, Family, register, register_families
from aion.tenancy.roles import Role

OPERATORS = OWNERS | {Role.OPERATOR}
_OFFER = {"offer": "off_4qw7m1v9ya5n8x2k", "title": "H100 in Paris", "reason": ""}
_CHANGE = {**_OFFER, "change": "ofc_4qw7m1v9ya5n8x2k", "kind": "price"}

register_families(Family("offer", _("Offers")))
register(
    EventType(
        "offer.approved",
        "offer",
        _("An offer is on sale"),
        _("%(title)s was approved and is on sale."),
        OPERATORS,
        _OFFER,
        mail=True,
    ),
    EventType(
        "offer.rejected",
        "offer",
        _("An offer was rejected"),
        _("%(title)s was rejected: %(reason)s"),
        OPERATORS,
        {**_OFFER, "reason": "The price is missing a digit."},
        mail=True,
    ),
    EventType(
        "offer.withdrawn",
        "offer",
        _("An offer was withdrawn"),
        _("%(title)s was taken off sale: %(reason)s"),
        OPERATORS,
        {**_OFFER, "reason": "The site's certificate has expired."},
        mail=True,
    ),
    EventType(
        "offer.change_approved",
        "offer",
        _("A change of an offer was approved"),
        _("The change of %(title)s was approved."),
        OPERATORS,
        _CHANGE,
        mail=True,
    ),
    EventType(
        "offer.change_rejected",
        "offer",
        _("A change of an offer was rejected"),
        _("The change of %(title)s was rejected: %(reason)s"),
        OPERATORS,
        {**_CHANGE, "reason": "The notice is too short."},
        mail=True,
    ),
)
