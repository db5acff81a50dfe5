# SPDX-License-Identifier: Apache-2.0
"""Creating projects."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import Conflict, Forbidden, Rejected
from aion.residency.policy import Policy
from aion.tenancy.audit import Action
from aion.tenancy.models import Organisation, Project


def create_project(*, actor: Actor, name: str, residency_policy: str, milli_gpu_quota: int, at: datetime) -> Project:
    """Create a project in the actor's organisation.

    Raises Rejected for a bad name, policy or quota, Conflict for a name that is taken.
    """
    actor.require(Scope.PROJECTS_WRITE)
    organisation = Organisation.objects.visible_to(actor).first()
    if organisation is None:
        raise Forbidden(gettext("A project belongs to an organisation; act for one first."))
    slug = slugify(name)[:40].strip("-")
    if not slug:
        raise Rejected(gettext("Use at least one letter or digit in the name."), field="name")
    try:
        policy = str(Policy.parse(residency_policy))
    except ValueError as error:
        raise Rejected(str(error), field="residency_policy") from error
    if not 0 < milli_gpu_quota <= organisation.milli_gpu_quota:
        raise Rejected(
            gettext("The quota must be above 0 and at most your organisation's %(gpu_quota)s GPUs.")
            % {"gpu_quota": f"{organisation.milli_gpu_quota / 1000:g}"},
            field="gpu_quota",
        )
    try:
        with transaction.atomic():
            project = Project.objects.create(
                organisation=organisation,
                name=name.strip(),
                slug=slug,
                residency_policy=policy,
                milli_gpu_quota=milli_gpu_quota,
            )
            audit.record(actor=actor, action=Action.PROJECT_CREATED, subject=project, at=at)
    except IntegrityError as error:
        raise Conflict(gettext("There is a project called %(slug)s already.") % {"slug": slug}, field="name") from error
    return project
