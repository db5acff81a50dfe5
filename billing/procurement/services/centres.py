# SPDX-License-Identifier: Apache-2.0
"""Cost centres: a small tree of budget lines, each with a cap that warns and one that refuses."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.figures import plain_euros
from billing.procurement.audit import Action
from billing.procurement.errors import WrongState
from billing.procurement.models import CostCentre
from billing.procurement.queries.lists import find_centre
from billing.procurement.services.checks import require_amount

DEEPEST = 5


@transaction.atomic
def create_centre(
    *,
    actor: Actor,
    code: str,
    name: str,
    at: datetime,
    parent: str = "",
    soft_cap_cents: int | None = None,
    hard_cap_cents: int | None = None,
) -> CostCentre:
    """Add a cost centre of the actor's organisation. Raises Rejected, InvalidAmount, NotFound for a foreign parent."""
    if not code.strip() or not name.strip():
        raise Rejected(_("A cost centre needs a code and a name."), field="code" if not code.strip() else "name")
    _require_caps(soft_cap_cents, hard_cap_cents)
    above = find_centre(actor, parent) if parent else None
    if above is not None and above.closed_at is not None:
        raise Rejected(_("The cost centre above is closed."), field="parent")
    if above is not None and above.depth >= DEEPEST:
        raise Rejected(_("The tree is %(most)d steps deep at the most.") % {"most": DEEPEST}, field="parent")
    try:
        with transaction.atomic():
            centre = CostCentre.objects.create(
                organisation_id=actor.organisation_id or 0,
                parent=above,
                depth=above.depth + 1 if above else 0,
                code=code.strip(),
                name=name.strip(),
                soft_cap_cents=soft_cap_cents,
                hard_cap_cents=hard_cap_cents,
                created_at=at,
            )
    except IntegrityError as error:
        raise Rejected(_("There is a cost centre with this code already."), field="code") from error
    audit.record(
        actor=actor,
        action=Action.CENTRE_CREATED,
        subject=centre,
        at=at,
        changes={"soft_cap_cents": soft_cap_cents, "hard_cap_cents": hard_cap_cents},
    )
    return centre


@transaction.atomic
def change_centre(
    *,
    actor: Actor,
    public_id: str,
    name: str,
    soft_cap_cents: int | None,
    hard_cap_cents: int | None,
    closed: bool,
    at: datetime,
) -> CostCentre:
    """Change name and caps, close or open it again. Raises NotFound, Rejected for a cap below what is committed."""
    if not name.strip():
        raise Rejected(_("A cost centre needs a code and a name."), field="name")
    _require_caps(soft_cap_cents, hard_cap_cents)
    rows = CostCentre.objects.visible_to(actor).select_for_update(no_key=True)
    centre: CostCentre | None = rows.filter(public_id=public_id).first()
    if centre is None:
        raise NotFound(_("There is no such cost centre."))
    if hard_cap_cents is not None and hard_cap_cents < centre.committed_cents:
        raise WrongState(
            _("%(committed)s euros are committed already: the hard cap cannot be lower.")
            % {"committed": plain_euros(centre.committed_cents)},
            field="hard_cap_cents",
        )
    before = [centre.name, centre.soft_cap_cents, centre.hard_cap_cents, centre.closed_at is not None]
    centre.name, centre.soft_cap_cents, centre.hard_cap_cents = name.strip(), soft_cap_cents, hard_cap_cents
    centre.closed_at = (centre.closed_at or at) if closed else None
    centre.save(update_fields=["name", "soft_cap_cents", "hard_cap_cents", "closed_at"])
    audit.record(
        actor=actor,
        action=Action.CENTRE_CHANGED,
        subject=centre,
        at=at,
        changes={"before": before, "after": [centre.name, soft_cap_cents, hard_cap_cents, closed]},
    )
    return centre


def _require_caps(soft: int | None, hard: int | None) -> None:
    if soft is not None:
        require_amount(soft, field="soft_cap_cents")
    if hard is not None:
        require_amount(hard, field="hard_cap_cents")
    if soft is not None and hard is not None and soft > hard:
        raise Rejected(_("The soft cap cannot be above the hard cap."), field="soft_cap_cents")
