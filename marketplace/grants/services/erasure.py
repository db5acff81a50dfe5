# SPDX-License-Identifier: Apache-2.0
"""What applications say of the people in their teams."""

from django.db.models import TextField
from django.db.models.functions import Cast

from marketplace.grants.models import Application, Submission


def forget_in_teams(*, address: str, label: str) -> None:
    """Take the person with ``address`` out of every team, drafts and sealed copies alike; the role stays.

    A sealed copy keeps the digest of what was submitted, so that the audit log still proves that there was one.
    """
    found = Application.objects.annotate(words=Cast("team", TextField())).filter(words__icontains=address)
    for application in found.select_for_update(no_key=True):
        places = [
            place
            for place, one in enumerate(application.team)
            if str(one.get("email", "")).casefold() == address.casefold()
        ]
        if not places:
            continue
        application.team = [
            {**one, "name": label, "email": "", "cv": ""} if place in places else one
            for place, one in enumerate(application.team)
        ]
        application.save(update_fields=["team"])
        _forget_in_sealed_copy(application, places, label)


def _forget_in_sealed_copy(application: Application, places: list[int], label: str) -> None:
    # The team's order is fixed once submitted: the same places name the same people.
    sealed = Submission.objects.filter(application=application).first()
    if sealed is None:
        return
    for place in places:
        sealed.content["team"][place]["name"] = label
    sealed.save(update_fields=["content"])
