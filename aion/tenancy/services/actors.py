# SPDX-License-Identifier: Apache-2.0
"""From a person or a token to an Actor."""

from django.db.models import OuterRef, QuerySet
from django.utils.translation import gettext

from aion.actor import Actor, Scope, Via
from aion.errors import NotFound
from aion.tenancy.models import ApiToken, Membership, OrganisationState, User
from aion.tenancy.roles import scopes_of


def memberships_of(user: User) -> QuerySet[Membership]:
    """Return the memberships of ``user`` by name of organisation, with what a page says of each organisation."""
    return Membership.objects.filter(user=user).select_related("organisation__country")


def actor_for(*, user: User, slug: str, via: Via = Via.PORTAL) -> Actor:
    """Return the actor of ``user`` in the organisation ``slug``. Raises NotFound for a stranger."""
    return actor_of(memberships_of(user).filter(organisation__slug=slug).first(), user=user, via=via)


def actor_of(membership: Membership | None, *, user: User, via: Via = Via.PORTAL) -> Actor:
    """Return the actor of ``user`` by a membership that is at hand. Raises NotFound where there is none."""
    if membership is None or not user.is_active:
        raise NotFound(gettext("There is no such organisation, or you are not a member of it."))
    scopes = scopes_of(membership.role)
    if membership.organisation.state == OrganisationState.CLOSED:
        scopes = frozenset(scope for scope in scopes if scope.endswith(":read"))  # its books stay readable
    return Actor(user.pk, membership.organisation_id, membership.role, scopes, via, user.email)


def roles_of_tokens() -> QuerySet[Membership, str]:
    """Return the role of a token's owner in its organisation, as a subquery of tokens; none once they have left."""
    own = Membership.objects.filter(user=OuterRef("user"), organisation=OuterRef("organisation"))
    return own.order_by().values_list("role", flat=True)[:1]


def actor_of_token(token: ApiToken, role: str | None) -> Actor | None:
    """Return the actor of ``token``: its scopes, cut down to what its owner's present ``role`` still gives."""
    if role is None or not token.user.is_active:
        return None
    granted = frozenset(Scope(scope) for scope in token.scopes if scope in Scope._value2member_map_)
    return Actor(
        token.user_id,
        token.organisation_id,
        role,
        granted & scopes_of(role),
        Via.API,
        f"{token.user.email} ({token.prefix}…)",
    )
