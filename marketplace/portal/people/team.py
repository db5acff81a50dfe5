# SPDX-License-Identifier: Apache-2.0
"""The team: members, roles, invitations, leaving and handing over."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import DomainError
from aion.people import invitations, memberships
from aion.tenancy import queries
from aion.tenancy.models import Membership, OwnershipTransfer, TransferState
from aion.tenancy.roles import rank_of
from aion.web.text import text_in
from aion.web.views import ActorView
from marketplace.portal.people.forms import InviteForm, RoleForm, add_error, roles_for


class TeamView(ActorView):
    """Who is a member with which role, who is invited, and an offer of ownership that waits."""

    scope = Scope.ORGANISATION_READ
    write_scope = Scope.MEMBERS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        """List members and invitations."""
        return self._page(request, InviteForm(actor=self.actor, organisation=self.organisation))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Invite, or show what is wrong beside the field."""
        form = InviteForm(request.POST, actor=self.actor, organisation=self.organisation)
        if form.is_valid():
            try:
                invitations.invite(actor=self.actor, at=clock.now(), **form.cleaned_data)
            except DomainError as error:
                add_error(form, error)
            else:
                messages.success(request, _("The invitation is on its way."))
                return redirect("portal:team", slug=self.organisation.slug)
        return self._page(request, form, status=422)

    def _page(self, request: HttpRequest, form: InviteForm, *, status: int = 200) -> HttpResponse:
        manages, now = self.actor.has(Scope.MEMBERS_WRITE), clock.now()
        pending = OwnershipTransfer.objects.visible_to(self.actor).filter(
            state=TransferState.PENDING, expires_at__gt=now
        )
        context = {
            "form": form,
            "members": [(one, manages and self._below(one)) for one in queries.members(self.actor)],
            "invitations": list(queries.invitations(self.actor)) if manages else [],
            "transfer": pending.select_related("to_user", "from_user").first(),
            "owns": self.actor.has(Scope.ORGANISATION_OWN),
            "now": now,
        }
        return render(request, "people/team.html", context, status=status)

    def _below(self, member: Membership) -> bool:
        return rank_of(member.role) <= rank_of(self.actor.role) and member.user_id != self.actor.user_id


class MemberView(ActorView):
    """One member's role."""

    scope = Scope.MEMBERS_WRITE

    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Show the member with a form for another role."""
        member = self._member(public_id)
        form = RoleForm(actor=self.actor, organisation=self.organisation, initial={"role": member.role})
        return self._page(request, member, form)

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """Change the role, or show what is wrong beside the field."""
        form = RoleForm(request.POST, actor=self.actor, organisation=self.organisation)
        member = self._member(public_id)
        if form.is_valid():
            try:
                memberships.change_role(
                    actor=self.actor, public_id=public_id, role=form.cleaned_data["role"], at=clock.now()
                )
            except DomainError as error:
                form.add_error("role", error.detail)
            else:
                messages.success(request, _("The role is changed; it holds from the next request on."))
                return redirect("portal:team", slug=self.organisation.slug)
        return self._page(request, member, form, status=422)

    def _member(self, public_id: str) -> Membership:
        return memberships.member(self.actor, public_id)

    def _page(self, request: HttpRequest, member: Membership, form: RoleForm, *, status: int = 200) -> HttpResponse:
        context = {
            "member": member,
            "form": form,
            "roles": roles_for(self.actor, self.organisation),
            "owns": self.actor.has(Scope.ORGANISATION_OWN) and member.user_id != self.actor.user_id,
        }
        return render(request, "people/member.html", context, status=status)


class TeamAct(ActorView):
    """The base of acts behind a confirmed button: do it, or say why not, and go back to the team."""

    done = ""

    def act(self, **kwargs: str) -> None:
        """Call the service."""
        raise NotImplementedError

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        """Act; a conflict is a message on the team page, a missing right or thing stays an error page."""
        self.act(**kwargs)
        messages.success(request, self.done)
        return redirect("portal:team", slug=self.organisation.slug)


class ResendInvitationView(TeamAct):
    """Sends an invitation again."""

    scope = Scope.MEMBERS_WRITE

    def act(self, **kwargs: str) -> None:
        """Send."""
        invitations.resend(actor=self.actor, at=clock.now(), **kwargs)
        self.done = _("The invitation is on its way again; the link of the earlier mail has ended.")


class RevokeInvitationView(TeamAct):
    """Takes an invitation back."""

    scope = Scope.MEMBERS_WRITE

    def act(self, **kwargs: str) -> None:
        """Revoke."""
        invitations.revoke(actor=self.actor, at=clock.now(), **kwargs)
        self.done = _("The invitation is taken back: its link opens nothing any more.")


class RemoveMemberView(TeamAct):
    """Takes a member out."""

    scope = Scope.MEMBERS_WRITE

    def act(self, **kwargs: str) -> None:
        """Remove."""
        memberships.remove_member(actor=self.actor, at=clock.now(), **kwargs)
        self.done = _("The member is removed, and their API keys are revoked.")


class OfferOwnershipView(TeamAct):
    """Offers the organisation to a member."""

    scope = Scope.ORGANISATION_OWN

    def act(self, **kwargs: str) -> None:
        """Offer."""
        memberships.offer_ownership(actor=self.actor, at=clock.now(), **kwargs)
        self.done = _("The offer is made: it holds for a week.")


class AcceptOwnershipView(TeamAct):
    """Accepts an offer of ownership."""

    scope = Scope.ORGANISATION_READ

    def act(self, **kwargs: str) -> None:
        """Accept."""
        memberships.accept_ownership(actor=self.actor, at=clock.now(), **kwargs)
        self.done = _("You are the owner now.")


class WithdrawOwnershipView(TeamAct):
    """Ends an offer of ownership, from either side."""

    scope = Scope.ORGANISATION_READ

    def act(self, **kwargs: str) -> None:
        """End."""
        memberships.withdraw_ownership(actor=self.actor, at=clock.now(), **kwargs)
        self.done = _("The offer has ended; nothing else changed.")


class LeaveView(ActorView):
    """Leaves the organisation."""

    personal = True
    scope = Scope.ORGANISATION_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask first."""
        return render(request, "people/leave.html", {})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Leave once the organisation's name is typed, or say what stands in the way."""
        problem = ""
        if text_in(request.POST, "typed", limit=120) != self.organisation.name:
            problem = _("Type the organisation's name as it is written above.")
        else:
            try:
                memberships.leave(actor=self.actor, at=clock.now())
            except DomainError as error:
                problem = error.detail
        if problem:
            return render(request, "people/leave.html", {"problem": problem}, status=422)
        messages.success(request, _("You are no longer a member."))
        return redirect("portal:home")
