# SPDX-License-Identifier: Apache-2.0
"""Closing an organisation: nothing runs, nothing is owed, nothing that was paid for is left. Its books stay."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import Conflict, Forbidden, Rejected
from aion.events.models import WebhookEndpoint
from aion.events.services.endpoints import delete_endpoint
from aion.tenancy.audit import Action
from aion.tenancy.models import ApiToken, Invitation, InvitationState, Organisation, OrganisationState
from billing import queries as billing
from billing.states import Origin
from clusters import queries as clusters
from clusters.queries.reservations import reservations


class StillInUse(Conflict):
    """Something of the organisation is not at its end."""

    code, title = "organisation_in_use", gettext_lazy("Something is still open")


@transaction.atomic
def close_organisation(*, actor: Actor, typed: str, at: datetime) -> Organisation:
    """Close the actor's organisation for good once its name was ``typed``.

    Keys, webhooks and invitations end; members keep reading. Raises Rejected for another name, and StillInUse while
    work runs, GPUs are reserved, credit is held, a debt is open or bought credit is left.
    """
    actor.require(Scope.ORGANISATION_OWN)
    organisation: Organisation | None = Organisation.objects.visible_to(actor).select_for_update().first()
    if organisation is None:
        raise Forbidden(_("Act for an organisation first."))
    if typed != organisation.name:
        raise Rejected(_("Type the organisation's name as it is written above."), field="typed")
    if organisation.state == OrganisationState.CLOSED:
        raise Conflict(_("The organisation is closed."))
    _require_an_end(actor, organisation, at)
    ApiToken.objects.filter(organisation=organisation, revoked_at=None).update(revoked_at=at)
    Invitation.objects.filter(organisation=organisation, state=InvitationState.PENDING).update(
        state=InvitationState.REVOKED
    )
    for endpoint in WebhookEndpoint.objects.visible_to(actor).filter(deleted_at=None):
        delete_endpoint(actor=actor, public_id=endpoint.public_id, at=at)
    organisation.state, organisation.closed_at = OrganisationState.CLOSED, at
    organisation.save(update_fields=["state", "closed_at"])
    audit.record(actor=actor, action=Action.ORGANISATION_CLOSED, subject=organisation, at=at)
    return organisation


def _require_an_end(actor: Actor, organisation: Organisation, at: datetime) -> None:
    if clusters.active_count(organisation.pk):
        raise StillInUse(_("Work is running: stop it first."))
    if reservations(actor).promised().exists():
        raise StillInUse(_("GPUs are reserved: cancel the reservation before it starts, or wait for its end."))
    balance = billing.balance(organisation.pk, at)
    if balance.held or billing.open_hold_count([organisation.pk]):
        raise StillInUse(_("Credit is still held for work that ends: try again in some minutes."))
    if balance.owed > 0:
        raise StillInUse(_("A debt is open: pay it first."))
    bought = [lot for lot in billing.lots(actor).filter(origin=Origin.PURCHASE) if lot.available > 0]
    if bought:
        raise StillInUse(_("Credit that you bought is left: spend it, or write to support for a refund."))
