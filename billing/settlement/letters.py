# SPDX-License-Identifier: Apache-2.0
"""A settlement as a paper."""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext as _

from aion.figures import credits, day, gpu_hours, month, percent
from aion.web.pdf import Paper
from aion.web.templatetags.aion import state_word
from billing.places import Place
from billing.settlement.models import SettlementLine, SettlementStatement
from billing.states import LineKind


def settlement_pdf(
    *, statement: SettlementStatement, operator: str, lines: Iterable[SettlementLine], places: Mapping[str, Place]
) -> bytes:
    """Return the paper of a settlement: the sums, where it stands, then one row a line."""
    paper = Paper(_("Settlement %(month)s: %(operator)s") % {"month": month(statement.month), "operator": operator})
    payout = statement.payout
    paper.table(
        [_("Term"), _("Value")],
        [
            [_("Settlement"), statement.public_id],
            [_("State"), state_word(statement.state)],
            [_("Prepared"), day(statement.prepared_at)],
            [_("Approved"), day(statement.decided_at) if statement.decided_at else "–"],
            [_("GPU-hours"), gpu_hours(statement.milli_gpu_seconds)],
            [_("Charged to customers (€)"), credits(statement.charged, 6)],
            [_("Commission of the consortium (€)"), credits(statement.commission, 6)],
            [_("Your share (€)"), credits(statement.share, 6)],
            [_("Bank transfer"), payout.bank_reference if payout is not None else "–"],
        ],
        widths=(80, 100),
    )
    paper.table(
        [_("Month of usage"), _("Site"), _("GPU"), _("€/h"), _("GPU-hours"), _("Charged"), _("Share"), _("Your share")],
        [
            [
                month(line.usage_month) + (f" ({_('Correction')})" if line.kind == LineKind.CORRECTION else ""),
                places[line.site_code].name if line.site_code in places else line.site_code,
                line.sku.name,
                credits(line.micro_per_gpu_hour, 4),
                gpu_hours(line.milli_gpu_seconds),
                credits(line.charged, 4),
                percent(line.share_percent, 2),
                credits(line.share, 4),
            ]
            for line in lines
        ],
        widths=(32, 30, 30, 18, 20, 22, 16, 22),
    )
    paper.line(
        _(
            "Lines are rounded down to the micro-credit for reading. The sums are exact: what is below a micro-credit "
            "is carried to the next settlement."
        )
    )
    return paper.content()
