# SPDX-License-Identifier: Apache-2.0
"""What happens in grants, and who is told."""

from django.utils.translation import gettext_lazy as _

from aion.events.types import BUILDERS, OWNERS, SPENDERS, EventType, Family, register, register_families

APPLICANTS = BUILDERS | SPENDERS
_CALL = {"programme": "prg_5n8x2k4qw7m1v9ya", "code": "raise-2026", "name": "RAISE the Stakes"}
_APPLICATION = {**_CALL, "application": "app_8h2k4qw7m1v9ya5n", "title": "A Breton language model"}

register_families(Family("grant", _("Grants")))
register(
    EventType(
        "grant.call_opened",
        "grant",
        _("A call was published"),
        _("The call %(name)s is published: it takes applications until %(closes_at)s UTC."),
        OWNERS,
        {**_CALL, "closes_at": "2026-12-31T16:00:00Z"},
    ),
    EventType(
        "grant.application_submitted",
        "grant",
        _("An application was submitted"),
        _("%(title)s was submitted to %(name)s and asks for %(amount_credits)s credits."),
        APPLICANTS,
        {**_APPLICATION, "amount_microcredits": 50_000_000_000},
        mail=True,
    ),
    EventType(
        "grant.ineligible",
        "grant",
        _("An application is not eligible"),
        _("%(title)s is not eligible for %(name)s: %(reason)s"),
        APPLICANTS,
        {**_APPLICATION, "reason": "This call is for startup; your organisation is registered as company."},
        mail=True,
    ),
    EventType(
        "grant.let_pass",
        "grant",
        _("An application is eligible after all"),
        _("%(title)s was let pass for %(name)s: %(reason)s"),
        APPLICANTS,
        {**_APPLICATION, "reason": "The size was entered wrongly."},
        mail=True,
    ),
    EventType(
        "grant.deadline_moved",
        "grant",
        _("A deadline was moved"),
        _("%(name)s takes applications until %(closes_at)s UTC: %(reason)s"),
        APPLICANTS,
        {**_CALL, "closes_at": "2027-01-15T16:00:00Z", "reason": "More time was asked for."},
        mail=True,
    ),
    EventType(
        "grant.call_cancelled",
        "grant",
        _("A call was cancelled"),
        _("%(name)s was cancelled: %(reason)s"),
        APPLICANTS,
        {**_CALL, "reason": "The funder withdrew."},
        mail=True,
    ),
)
# Types of reviews, decisions and awards follow here.
