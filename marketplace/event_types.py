# SPDX-License-Identifier: Apache-2.0
"""What operators are told of their offers, and customers of what they reserved."""

from django.utils.translation import gettext_lazy as _

from aion.events.types import BUILDERS, OWNERS, SPENDERS, EventType, Family, register, register_families
from aion.tenancy.roles import Role

OPERATORS = OWNERS | {Role.OPERATOR}
_OFFER = {"offer": "off_4qw7m1v9ya5n8x2k", "title": "H100 in Paris", "reason": ""}
_CHANGE = {**_OFFER, "change": "ofc_4qw7m1v9ya5n8x2k", "kind": "price"}
_RESERVATION = {
    "reservation": "rsv_4qw7m1v9ya5n8x2k",
    "title": "H100 booked ahead",
    "gpus": 64,
    "starts_at": "2026-03-09T08:00:00Z",
    "ends_at": "2026-03-16T08:00:00Z",
    "amount_microcredits": 23_546_880_000,
}
_HOLDERS = BUILDERS | SPENDERS
_PAGE = "reservations/%(reservation)s/"

register_families(Family("offer", _("Offers")), Family("reservation", _("Reservations")))
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
register(
    EventType(
        "reservation.confirmed",
        "reservation",
        _("A reservation was confirmed"),
        _(
            "%(gpus)s GPUs of %(title)s are reserved from %(starts_at)s to %(ends_at)s UTC, for %(amount_credits)s "
            "credits in all."
        ),
        _HOLDERS,
        _RESERVATION,
        mail=True,
        link=_PAGE,
    ),
    EventType(
        "reservation.started",
        "reservation",
        _("A reservation has started"),
        _("%(gpus)s GPUs of %(title)s are yours until %(ends_at)s UTC."),
        _HOLDERS,
        _RESERVATION,
        mail=True,
        link=_PAGE,
    ),
    EventType(
        "reservation.ending",
        "reservation",
        _("A reservation ends soon"),
        _("Your %(gpus)s GPUs of %(title)s end on %(ends_at)s UTC: what runs on them is stopped then."),
        _HOLDERS,
        _RESERVATION,
        mail=True,
        link=_PAGE,
    ),
    EventType(
        "reservation.ended",
        "reservation",
        _("A reservation has ended"),
        _("The reservation of %(gpus)s GPUs of %(title)s has ended."),
        _HOLDERS,
        _RESERVATION,
        link=_PAGE,
    ),
    EventType(
        "reservation.cancelled",
        "reservation",
        _("A reservation was cancelled"),
        _(
            "The reservation of %(gpus)s GPUs of %(title)s is cancelled; %(charged_credits)s credits of it are "
            "charged. %(reason)s"
        ),
        _HOLDERS,
        {**_RESERVATION, "charged_microcredits": 0, "reason": "The site's cooling is being replaced."},
        mail=True,
        link=_PAGE,
    ),
)
