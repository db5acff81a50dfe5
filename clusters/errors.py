# SPDX-License-Identifier: Apache-2.0
"""Facts of clusters that stop a request."""

from django.utils.translation import gettext_lazy

from aion.errors import Conflict, Rejected, Unavailable


class QuotaExceeded(Conflict):
    """More GPUs at one time than the project or organisation may ever use."""

    code, title = "quota_exceeded", gettext_lazy("Over quota")


class CapacityNotAvailable(Conflict):
    """The pool could never run this."""

    code, title = "capacity_not_available", gettext_lazy("The pool is too small")


class ReservationNeeded(Conflict):
    """The offer is sold by reservation, and none of the project's fits."""

    code, title = "reservation_needed", gettext_lazy("Reserve first")


class ResidencyViolation(Rejected):
    """The residency policy denies this place."""

    code, title = "residency_violation", gettext_lazy("The residency policy denies this site")


class WrongState(Conflict):
    """The workload has moved on."""

    code, title = "wrong_state", gettext_lazy("Not possible in this state")


class ClusterUnavailable(Unavailable):
    """The Kubernetes API did not answer, or answered with a fault of its own."""

    code, title = "cluster_unavailable", gettext_lazy("The site does not answer")


class HistoryExpired(ClusterUnavailable):
    """The cluster has forgotten the version asked for: list again."""

    code, title = "history_expired", gettext_lazy("The site's history is too short")


class RefusedByCluster(Rejected):
    """The Kubernetes API understood and refused."""

    code, title = "refused_by_cluster", gettext_lazy("The site refused the workload")
