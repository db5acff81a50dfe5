# SPDX-License-Identifier: Apache-2.0
"""What procurement tells of."""

from django.utils.translation import gettext_lazy as _

from aion.events.types import OWNERS, SPENDERS, EventType, Family, register, register_families

QUOTE_PAGE, ORDER_PAGE = "quotes/%(quote)s/", "orders/%(order)s/"
_QUOTE = {
    "quote": "qte_5n8x2k4qw7m1v9ya",
    "number": "DE-2026-00012",
    "amount_microcredits": 5_000_000_000,
    "gross_microcredits": 6_000_000_000,
    "valid_until": "2027-02-01T00:00:00Z",
}
_ORDER = {"order": "po_5n8x2k4qw7m1v9ya", "number": "BC-2026-00031", "amount_microcredits": 20_000_000_000}
_REASON = {"reason": "The engagement number is of another year."}
register_families(Family("quote", _("Quotes")), Family("order", _("Agreements and purchase orders")))
register(
    EventType(
        "quote.offered",
        "quote",
        _("A quote is ready"),
        _(
            "Quote %(number)s over %(amount_credits)s credits (%(gross_credits)s euros with VAT) is ready: you can "
            "accept it until %(valid_until)s UTC."
        ),
        SPENDERS,
        _QUOTE,
        mail=True,
        link=QUOTE_PAGE,
    ),
    EventType(
        "quote.expiring",
        "quote",
        _("A quote expires soon"),
        _("Quote %(number)s over %(amount_credits)s credits can be accepted until %(valid_until)s UTC."),
        SPENDERS,
        _QUOTE,
        mail=True,
        link=QUOTE_PAGE,
    ),
    EventType(
        "quote.expired",
        "quote",
        _("A quote has expired"),
        _("Quote %(number)s was not accepted in time: ask for a new one if you still want it."),
        SPENDERS,
        _QUOTE,
        link=QUOTE_PAGE,
    ),
    EventType(
        "quote.withdrawn",
        "quote",
        _("A quote was withdrawn"),
        _("Quote %(number)s was withdrawn: %(reason)s"),
        SPENDERS,
        {**_QUOTE, "reason": "It was asked for twice."},
        mail=True,
        link=QUOTE_PAGE,
    ),
    EventType(
        "quote.paid",
        "quote",
        _("A quote is paid"),
        _("Quote %(number)s is paid: its %(amount_credits)s credits can be spent now, and the invoice follows."),
        SPENDERS,
        _QUOTE,
        mail=True,
        link=QUOTE_PAGE,
    ),
    EventType(
        "agreement.activated",
        "order",
        _("A framework agreement is in force"),
        _("Agreement %(number)s (%(title)s) takes orders up to %(amount_credits)s euros until %(ends_on)s."),
        SPENDERS,
        {
            "agreement": "fwa_5n8x2k4qw7m1v9ya", "number": "AC-2026-00003", "title": "GPU computing 2026 to 2029",
            "amount_microcredits": 400_000_000_000, "ends_on": "2029-12-31",
        },
        mail=True,
        link="agreements/%(agreement)s/",
    ),
    EventType(
        "order.approval_needed",
        "order",
        _("A purchase order needs an approval"),
        _("Order %(number)s over %(amount_credits)s euros is above the soft cap of %(centre)s: please decide."),
        OWNERS,
        {**_ORDER, "centre": "4711 Research"},
        mail=True,
        link=ORDER_PAGE,
    ),
    EventType(
        "order.accepted",
        "order",
        _("A purchase order was accepted"),
        _("Order %(number)s was accepted: its %(amount_credits)s credits can be spent now."),
        SPENDERS,
        {**_ORDER, "lot": "lot_7m1v9ya5n8x2k4qw", "expires_at": "2029-01-01T00:00:00Z"},
        mail=True,
        link=ORDER_PAGE,
    ),
    EventType(
        "order.refused",
        "order",
        _("A purchase order was refused"),
        _("Order %(number)s was refused: %(reason)s"),
        SPENDERS,
        {**_ORDER, **_REASON},
        mail=True,
        link=ORDER_PAGE,
        essential=True,
    ),
    EventType(
        "order.cancelled",
        "order",
        _("A purchase order was cancelled"),
        _("Order %(number)s was cancelled and its credits were taken back: %(reason)s"),
        SPENDERS,
        {**_ORDER, **_REASON},
        mail=True,
        link=ORDER_PAGE,
        essential=True,
    ),
    EventType(
        "order.exhausted",
        "order",
        _("A purchase order is nearly used up"),
        _("%(threshold_percent)s %% of order %(number)s is used: %(used_credits)s of %(amount_credits)s credits."),
        SPENDERS,
        {**_ORDER, "threshold_percent": 80, "used_microcredits": 16_000_000_000},
        mail=True,
        link=ORDER_PAGE,
    ),
    EventType(
        "attestation.recorded",
        "order",
        _("A service was attested"),
        _("%(attested_credits)s euros of order %(number)s were attested: the invoice follows."),
        SPENDERS,
        {**_ORDER, "attestation": "sat_5n8x2k4qw7m1v9ya", "attested_microcredits": 4_000_000_000},
        mail=True,
        link=ORDER_PAGE,
    ),
)  # fmt: skip
