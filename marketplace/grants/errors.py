# SPDX-License-Identifier: Apache-2.0
"""Facts of grants that stop a request."""

from django.utils.translation import gettext_lazy

from aion.errors import Conflict, NotFound, Rejected


class ProgrammeNotFound(NotFound):
    """No such call is published."""

    code, title = "programme_not_found", gettext_lazy("No such call")


class ProgrammeNotReady(Conflict):
    """A programme lacks what applicants must be told."""

    code, title = "programme_not_ready", gettext_lazy("The programme cannot be published")


class WrongState(Conflict):
    """The row is past the state in which this can be done."""

    code, title = "wrong_state", gettext_lazy("This cannot be done any more")


class CallClosed(Conflict):
    """The call takes no applications at this instant."""

    code, title = "call_closed", gettext_lazy("The call is closed")


class AlreadyApplied(Conflict):
    """One organisation has one application per call."""

    code, title = "already_applied", gettext_lazy("Your organisation has an application already")


class StaleRevision(Conflict):
    """Somebody else, or another window, has saved since."""

    code, title = "stale_revision", gettext_lazy("The draft was changed meanwhile")


class ApplicationIncomplete(Rejected):
    """Something that every application needs is missing."""

    code, title = "application_incomplete", gettext_lazy("The application is not complete")


class FileRefused(Rejected):
    """The file is not what its name says, or of a type that we do not take."""

    code, title = "file_refused", gettext_lazy("This file cannot be taken")


class FileTooLarge(Rejected):
    """The file is above the limit."""

    code, title = "file_too_large", gettext_lazy("This file is too large")


class ReviewerNotPossible(Conflict):
    """The person may not review: no reviewer of the programme, or a conflict of interest that we know of."""

    code, title = "reviewer_not_possible", gettext_lazy("This person may not review it")


class ScoreOutOfRange(Rejected):
    """A score is a whole number within the range of its criterion."""

    code, title = "score_out_of_range", gettext_lazy("A score is outside its range")


class ReviewIncomplete(Rejected):
    """A review is handed in with a score and a comment for each criterion."""

    code, title = "review_incomplete", gettext_lazy("The review is not complete")


class PotExceeded(Conflict):
    """The award would pass what is left in the pot."""

    code, title = "pot_exceeded", gettext_lazy("Not enough is left in the pot")


class AidRefused(Conflict):
    """The grant would pass the cap of its rule, or the rule does not cover it. It is refused whole."""

    code, title = "aid_refused", gettext_lazy("State aid does not allow this grant")


class ReportNotPossible(Conflict):
    """A report is handed in once, with results."""

    code, title = "report_not_possible", gettext_lazy("The report cannot be handed in")
