# SPDX-License-Identifier: Apache-2.0
"""People and organisations over the API: members, invitations and the legal identity."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import once
from aion.api.serializers import Email, StrictSerializer, Text
from aion.api.views import ActorListViewSet, ActorViewSet, without_body
from aion.people import invitations, memberships
from aion.people.organisations import IdentityWish, set_legal_identity
from aion.tenancy import queries
from aion.tenancy.models import (
    Invitation,
    InvitationState,
    LegalIdentity,
    Membership,
    OrganisationSize,
    RegistrationScheme,
)
from aion.tenancy.roles import Role


class MemberOut(serializers.Serializer[Any]):
    """A member of the organisation."""

    id = serializers.CharField(source="public_id")
    name = serializers.CharField(source="user.name")
    email = serializers.EmailField(source="user.email")
    role = serializers.ChoiceField(choices=Role.choices)
    created_at = serializers.DateTimeField()


class MemberIn(StrictSerializer):
    """What may change of a member."""

    role = serializers.ChoiceField(choices=Role.choices, required=False)


class InvitationOut(serializers.Serializer[Any]):
    """An open invitation. Its token is in the mail only."""

    id = serializers.CharField(source="public_id")
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.choices)
    state = serializers.ChoiceField(choices=InvitationState.choices)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class InvitationIn(StrictSerializer):
    """Whom to invite, as what."""

    email = Email(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices)


@extend_schema_serializer(many=False)
class LegalIdentityOut(serializers.Serializer[Any]):
    """Who the organisation is before the law; all empty until it was given."""

    legal_name = serializers.CharField()
    country = serializers.CharField(source="country_id")
    registration_scheme = serializers.CharField()
    registration_number = serializers.CharField()
    vat_number = serializers.CharField()
    nace = serializers.CharField()
    size = serializers.CharField()
    founded_on = serializers.DateField(allow_null=True)
    listed = serializers.BooleanField()
    address = serializers.CharField()
    updated_at = serializers.DateTimeField(allow_null=True)


class LegalIdentityIn(StrictSerializer):
    """The whole legal identity: what is left out is emptied."""

    legal_name = Text(max_length=160)
    country = Text(max_length=16)
    registration_scheme = serializers.ChoiceField(choices=RegistrationScheme.choices)
    registration_number = Text(max_length=32, allow_blank=True, default="")
    vat_number = Text(max_length=20, allow_blank=True, default="")
    nace = Text(max_length=8, allow_blank=True, default="")
    size = serializers.ChoiceField(choices=OrganisationSize.choices)
    founded_on = serializers.DateField(allow_null=True, default=None)
    listed = serializers.BooleanField(default=False)
    address = Text(lines=True, max_length=300)


class MemberViewSet(ActorViewSet):
    """Members: who they are, their roles, and taking one out."""

    http_method_names = ["get", "patch", "delete", "head", "options"]
    scopes: ClassVar = {
        "list": Scope.ORGANISATION_READ,
        "retrieve": Scope.ORGANISATION_READ,
        "partial_update": Scope.MEMBERS_WRITE,
        "destroy": Scope.MEMBERS_WRITE,
    }
    out = MemberOut
    queryset = Membership.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's members with their people."""
        return Membership.objects.visible_to(self.actor).select_related("user")

    @extend_schema(request=MemberIn, responses={200: MemberOut})
    def partial_update(self, request: Request, **_: Any) -> Response:
        """Give a member another role, never one above the key's own."""
        data = self.parsed(MemberIn)

        def act() -> tuple[int, Any]:
            if "role" in data:
                memberships.change_role(
                    actor=self.actor, public_id=self.kwargs["id"], role=data["role"], at=clock.now()
                )
            return 200, MemberOut(self.get_object()).data

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request: Request, **_: Any) -> Response:
        """Take a member out; their keys of this organisation end."""

        def act() -> tuple[int, Any]:
            memberships.remove_member(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 204, None

        return once(request, self.actor, act)


class InvitationViewSet(ActorViewSet):
    """Open invitations: list, send, send again, take back."""

    http_method_names = ["get", "post", "delete", "head", "options"]
    scopes: ClassVar = {
        "list": Scope.MEMBERS_WRITE,
        "retrieve": Scope.MEMBERS_WRITE,
        "create": Scope.MEMBERS_WRITE,
        "resend": Scope.MEMBERS_WRITE,
        "destroy": Scope.MEMBERS_WRITE,
    }
    out = InvitationOut
    queryset = Invitation.objects.none()

    def rows(self) -> QuerySet[Any]:
        """Return the organisation's open invitations."""
        return queries.invitations(self.actor)

    @extend_schema(request=InvitationIn, responses={201: InvitationOut})
    def create(self, request: Request) -> Response:
        """Invite an address."""
        data = self.parsed(InvitationIn)

        def act() -> tuple[int, Any]:
            invitation = invitations.invite(actor=self.actor, email=data["email"], role=data["role"], at=clock.now())
            return 201, InvitationOut(invitation).data

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={200: InvitationOut})
    @action(detail=True, methods=["post"])
    @without_body
    def resend(self, request: Request, **_: Any) -> Response:
        """Send an invitation again with a new link; the old one ends."""

        def act() -> tuple[int, Any]:
            found = invitations.resend(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 200, InvitationOut(found).data

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request: Request, **_: Any) -> Response:
        """Take an invitation back."""

        def act() -> tuple[int, Any]:
            invitations.revoke(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 204, None

        return once(request, self.actor, act)


class LegalIdentityViewSet(ActorListViewSet):
    """Who the organisation is before the law: one, so its address has no id."""

    http_method_names = ["get", "post", "head", "options"]
    scopes: ClassVar = {"list": Scope.ORGANISATION_READ, "create": Scope.ORGANISATION_WRITE}
    out = LegalIdentityOut
    queryset = LegalIdentity.objects.none()
    pagination_class = None

    @extend_schema(responses=LegalIdentityOut)
    def list(self, request: Request, **_: Any) -> Response:
        """Return it; empty until it was given."""
        return Response(LegalIdentityOut(queries.legal_identity(self.actor) or LegalIdentity(country_id="")).data)

    @extend_schema(request=LegalIdentityIn, responses={200: LegalIdentityOut})
    def create(self, request: Request) -> Response:
        """Store it whole; the numbers are checked, and what is wrong is named by its field."""
        data = self.parsed(LegalIdentityIn)

        def act() -> tuple[int, Any]:
            identity = set_legal_identity(actor=self.actor, wish=IdentityWish(**data), at=clock.now())
            return 200, LegalIdentityOut(identity).data

        return once(request, self.actor, act)


def register(router: SimpleRouter) -> None:
    """Add this part's resources."""
    router.register("members", MemberViewSet, basename="member")
    router.register("invitations", InvitationViewSet, basename="invitation")
    router.register("legal-identity", LegalIdentityViewSet, basename="legal_identity")
