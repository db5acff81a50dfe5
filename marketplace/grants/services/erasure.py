# SPDX-License-Identifier: Apache-2.0
"""What applications say of the people in their teams."""

from marketplace.grants.models import Application


def forget_in_teams(*, address: str, label: str) -> None:
    """Take the person with ``address`` out of every team; the role stays, for the project's sake."""
    named = [{"email": address}]
    for application in Application.objects.filter(team__contains=named).select_for_update(no_key=True):
        application.team = [
            {**one, "name": label, "email": "", "cv": ""} if one.get("email") == address else one
            for one in application.team
        ]
        application.save(update_fields=["team"])
