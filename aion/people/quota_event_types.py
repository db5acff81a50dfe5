# SPDX-License-Identifier: Apache-2.0
"""What is told of quotas."""

from django.utils.translation import gettext_lazy as _

from aion.events.types import BUILDERS, EventType, register

register(
    EventType(
        "quota.decided",
        "quota",
        _("A quota request was decided"),
        _("%(subject)s, %(gpus)s GPUs at one time: %(state)s. %(reason)s"),
        BUILDERS,
        {
            "request": "qrq_2k4qw7m1v9ya5n8x",
            "subject": "Research",
            "sku": "",
            "until": None,
            "state": "approved",
            "gpus": 128.0,
            "reason": "Granted for the training window.",
        },
        mail=True,
        link="quotas/",
    ),
    EventType(
        "quota.ended",
        "quota",
        _("A quota is over"),
        _("%(subject)s: the quota of %(gpus)s GPUs at one time is over. What runs goes on."),
        BUILDERS,
        {"quota": "qta_2k4qw7m1v9ya5n8x", "subject": "Research", "sku": "h100", "gpus": 128.0, "reason": ""},
        mail=True,
        link="quotas/",
    ),
)
