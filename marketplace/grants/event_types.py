# SPDX-License-Identifier: Apache-2.0
"""What happens in grants, and who is told."""

from django.utils.translation import gettext_lazy as _

from aion.events.types import BUILDERS, OWNERS, SPENDERS, EventType, Family, register, register_families
from aion.tenancy.roles import Role

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
_AWARD = {**_APPLICATION, "award": "awd_5n8x2k4qw7m1v9ya", "amount_microcredits": 50_000_000_000}
AWARD_PAGE = "grants/awards/%(award)s/"
register_families(Family("review", _("Reviews")))
register(
    EventType(
        "grant.review_assigned",
        "review",
        _("You were asked for a review"),
        _("Please review %(title)s for %(name)s until %(due_at)s UTC: first say whether you are independent."),
        frozenset({Role.REVIEWER}),
        {**_APPLICATION, "review": "rvw_5n8x2k4qw7m1v9ya", "due_at": "2027-02-01T16:00:00Z"},
        mail=True,
        subscribable=False,
        link="reviews/%(review)s/",
    ),
    EventType(
        "grant.review_due",
        "review",
        _("A review is due soon"),
        _("Your review of %(title)s for %(name)s is due on %(due_at)s UTC."),
        frozenset({Role.REVIEWER}),
        {**_APPLICATION, "review": "rvw_5n8x2k4qw7m1v9ya", "due_at": "2027-02-01T16:00:00Z"},
        mail=True,
        subscribable=False,
        link="reviews/%(review)s/",
    ),
    EventType(
        "grant.awarded",
        "grant",
        _("Your application was awarded"),
        _(
            "%(title)s was awarded %(amount_credits)s credits by %(name)s: you can spend them now, until "
            "%(expires_at)s UTC. The panel says: %(reason)s"
        ),
        APPLICANTS,
        {**_AWARD, "expires_at": "2027-12-31T00:00:00Z", "reason": "The best plan of all."},
        mail=True,
        link=AWARD_PAGE,
        essential=True,
    ),
    EventType(
        "grant.refused",
        "grant",
        _("Your application was not awarded"),
        _("%(title)s was not awarded by %(name)s. The panel says: %(reason)s"),
        APPLICANTS,
        {**_APPLICATION, "reason": "The work plan does not say how the results are evaluated."},
        mail=True,
        link="grants/applications/%(application)s/",
        essential=True,
    ),
    EventType(
        "grant.extension_decided",
        "grant",
        _("An extension was decided"),
        _("The extension of %(title)s until %(until)s was decided: %(state)s. %(reason)s"),
        APPLICANTS,
        {**_AWARD, "until": "2028-06-30", "state": "approved", "reason": "The cluster was late."},
        mail=True,
        link=AWARD_PAGE,
    ),
    EventType(
        "grant.unused_warned",
        "grant",
        _("Granted credits are hardly used"),
        _(
            "%(used_percent)s %% of the credits of %(title)s are used; %(name)s expects %(expected_percent)s %% by "
            "%(checked_on)s. What is missing then may go back to the pot."
        ),
        APPLICANTS,
        {**_AWARD, "used_percent": 4, "expected_percent": 30, "checked_on": "2027-06-30"},
        mail=True,
        link=AWARD_PAGE,
    ),
    EventType(
        "grant.unused_reclaimed",
        "grant",
        _("Unused credits went back to the programme"),
        _("%(amount_credits)s unused credits of %(title)s went back to %(name)s: %(reason)s"),
        APPLICANTS,
        {**_AWARD, "reason": "Less than 30 % was used in six months."},
        mail=True,
        link=AWARD_PAGE,
        essential=True,
    ),
    EventType(
        "grant.report_due",
        "grant",
        _("A final report is due"),
        _("The final report of %(title)s is due on %(due_on)s."),
        APPLICANTS,
        {**_AWARD, "due_on": "2028-03-31"},
        mail=True,
        link=AWARD_PAGE + "report/",
    ),
    EventType(
        "grant.report_accepted",
        "grant",
        _("Your final report was accepted"),
        _("The final report of %(title)s was accepted."),
        APPLICANTS,
        _AWARD,
        mail=True,
        link=AWARD_PAGE + "report/",
    ),
    EventType(
        "grant.report_returned",
        "grant",
        _("Your final report was returned"),
        _("The final report of %(title)s needs a change: %(reason)s"),
        APPLICANTS,
        {**_AWARD, "reason": "Please name the publications."},
        mail=True,
        link=AWARD_PAGE + "report/",
    ),
    EventType(
        "grant.aid_to_register",
        "grant",
        _("State aid waits to be registered"),
        _("The aid of %(amount_credits)s euros to %(beneficiary)s must be in the register by %(due_on)s."),
        OWNERS,
        {"aid": "aid_5n8x2k4qw7m1v9ya", "beneficiary": "Mine", "due_on": "2027-02-01",
         "amount_microcredits": 50_000_000_000},
        mail=True,
        subscribable=False,
    ),
)  # fmt: skip
