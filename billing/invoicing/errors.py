# SPDX-License-Identifier: Apache-2.0
"""Facts of invoicing that stop a request."""

from django.utils.translation import gettext_lazy

from aion.errors import Conflict, Rejected, Unavailable


class NoLegalIdentity(Conflict):
    """Nobody can be invoiced without a legal name and an address."""

    code, title = "no_legal_identity", gettext_lazy("Legal details are missing")


class NoVatRule(Conflict):
    """No dated rule says how a sale to this buyer is taxed."""

    code, title = "no_vat_rule", gettext_lazy("No VAT rule applies")


class DocumentNotPossible(Rejected):
    """The document contradicts itself or the one it corrects."""

    code, title = "document_not_possible", gettext_lazy("The document is not possible")


class DocumentRefused(Conflict):
    """A rule of EN 16931 or of France is broken; the rule is named."""

    code, title = "document_refused", gettext_lazy("The document breaks a rule")


class CheckFailed(Unavailable):
    """The process that checks documents gave no answer that can be used; the document waits."""

    code, title = "check_unavailable", gettext_lazy("The document cannot be checked now")


class NotRetried(Conflict):
    """Only what was refused or is stuck is tried again."""

    code, title = "not_retried", gettext_lazy("There is nothing to retry")


class LawNotPossible(Rejected):
    """A version of law begins after the one it follows, and never in the past of issued documents."""

    code, title = "law_not_possible", gettext_lazy("This version is not possible")
