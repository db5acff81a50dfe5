# SPDX-License-Identifier: Apache-2.0
"""Papers of a programme as PDF."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from aion.web.pdf import Paper
from aion.web.templatetags.aion import carbon, credits, energy, gpu_hours
from marketplace.grants.models import Programme
from marketplace.grants.queries.funder import FunderLine, FunderTotals


def funder_pdf(*, programme: Programme, lines: Sequence[FunderLine], totals: FunderTotals, at: datetime) -> bytes:
    """Return the report to a programme's funder: the sums, then one row an award, as known at ``at``."""
    paper = Paper(_("Report to the funder: %(name)s") % {"name": programme.name})
    paper.line(_("Funder: %(funder)s. As known on %(at)s UTC.") % {"funder": programme.funder, "at": f"{at:%Y-%m-%d}"})
    paper.table(
        [_("Sum"), _("Value")],
        [
            [_("Pot (credits)"), credits(programme.pot)],
            [_("Committed (credits)"), credits(programme.committed)],
            [_("Awards"), str(totals.awards)],
            [_("Granted (credits)"), credits(totals.granted)],
            [_("Spent (credits)"), credits(totals.spent)],
            [_("Gone back to the pot (credits)"), credits(totals.reclaimed)],
            [_("GPU-hours"), gpu_hours(totals.milli_gpu_seconds)],
            [_("Runs"), str(totals.runs)],
            [_("Energy"), energy(totals.watt_hours)],
            [_("Emissions"), carbon(totals.g_co2e)],
        ],
        widths=(60, 60),
    )
    paper.table(
        [_("Organisation"), _("Title"), _("Granted"), _("Spent"), _("GPU-hours"), _("Runs"), _("Energy"), "CO₂e"],
        [
            [
                one.organisation,
                one.title,
                credits(one.granted),
                credits(one.spent),
                gpu_hours(one.milli_gpu_seconds),
                str(one.runs),
                energy(one.watt_hours),
                carbon(one.g_co2e),
            ]
            for one in lines
        ],
        widths=(42, 42, 20, 20, 18, 10, 19, 19),
    )
    return paper.content()
