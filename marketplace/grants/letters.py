# SPDX-License-Identifier: Apache-2.0
"""Papers of a programme as PDF."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from aion.figures import carbon, credits, day, energy, gpu_hours, instant, number
from aion.residency.policy import Level
from aion.web.pdf import Paper
from aion.web.templatetags.aion import LEVEL_WORDS
from marketplace.grants.models import Award, Programme
from marketplace.grants.queries.awards import is_aid
from marketplace.grants.queries.funder import FunderLine, FunderTotals


def funder_pdf(*, programme: Programme, lines: Sequence[FunderLine], totals: FunderTotals, at: datetime) -> bytes:
    """Return the report to a programme's funder: the sums, then one row an award, as known at ``at``."""
    paper = Paper(_("Report to the funder: %(name)s") % {"name": programme.name})
    paper.line(_("Funder: %(funder)s. As known on %(at)s UTC.") % {"funder": programme.funder, "at": day(at)})
    paper.table(
        [_("Sum"), _("Value")],
        [
            [_("Pot (credits)"), credits(programme.pot)],
            [_("Committed (credits)"), credits(programme.committed)],
            [_("Awards"), number(totals.awards)],
            [_("Granted (credits)"), credits(totals.granted)],
            [_("Spent (credits)"), credits(totals.spent)],
            [_("Gone back to the pot (credits)"), credits(totals.reclaimed)],
            [_("GPU-hours"), gpu_hours(totals.milli_gpu_seconds)],
            [_("Runs"), number(totals.runs)],
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
                number(one.runs),
                energy(one.watt_hours),
                carbon(one.g_co2e),
            ]
            for one in lines
        ],
        widths=(42, 42, 20, 20, 18, 10, 19, 19),
    )
    return paper.content()


def award_pdf(award: Award) -> bytes:
    """Return the letter of an award: what, until when, for what it may be used, why, and whether it is state aid."""
    programme, lot = award.programme, award.lot
    paper = Paper(_("Award: %(title)s") % {"title": award.application.title})
    paper.line(
        _("%(organisation)s is awarded %(amount)s credits by %(name)s.")
        % {"organisation": award.organisation.name, "amount": credits(award.amount), "name": programme.name}
    )
    paper.line(_("The panel says: %(reason)s") % {"reason": award.decision.reason})
    level = LEVEL_WORDS[Level(lot.min_level).name] if lot.min_level else "–"
    aid = _("De minimis aid, Regulation (EU) 2023/2831") if is_aid(programme) else _("No aid")
    paper.table(
        [_("Term"), _("Value")],
        [
            [_("Award"), award.public_id],
            [_("Granted"), day(award.granted_at)],
            [_("Usable before (UTC)"), instant(award.expires_at)],
            [_("Final report due"), day(award.report_due_on)],
            [_("Only for"), ", ".join(lot.sku_codes) or "–"],
            [_("Only at"), ", ".join(lot.site_codes) or "–"],
            [_("Only from residency level"), str(level)],
            [_("Funder"), programme.funder],
            [_("State aid"), aid],
        ],
        widths=(60, 120),
    )
    return paper.content()
