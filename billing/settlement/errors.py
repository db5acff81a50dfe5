# SPDX-License-Identifier: Apache-2.0
"""Facts of settlement that stop a request."""

from django.utils.translation import gettext_lazy

from aion.errors import Conflict, Rejected


class ShareNotPossible(Rejected):
    """The share, its time or its operator makes no sense."""

    code, title = "share_not_possible", gettext_lazy("This share cannot be agreed")


class SharesOverlap(Conflict):
    """An operator has one share at any time, and none changes for a month that is settled."""

    code, title = "shares_overlap", gettext_lazy("Another share is agreed for this time")


class NotInTurn(Conflict):
    """Settlements of an operator are approved month by month."""

    code, title = "not_in_turn", gettext_lazy("An earlier settlement comes first")


class PayoutNotPossible(Conflict):
    """Nothing is owed, or the bank's reference was recorded before."""

    code, title = "payout_not_possible", gettext_lazy("This cannot be paid out")
