# SPDX-License-Identifier: Apache-2.0
"""What happens between people and organisations, as events. No name and no address stands in them: events are kept."""

from django.utils.translation import gettext_lazy as _

from aion.events.types import OWNERS, EventType, Family, register, register_families
from aion.tenancy.roles import Role

_INVITATION = {
    "invitation": "inv_5n8x2k4qw7m1v9ya",
    "organisation": "Atelier Lumen",
    "role": "developer",
    "expires_at": "2026-04-01T00:00:00Z",
}
_MEMBER = {"member": "mem_8h2k4qw7m1v9ya5n", "organisation": "Atelier Lumen", "role": "developer"}

register_families(Family("organisation", _("Organisation and team")))
register(
    EventType(
        "organisation.invitation_sent",
        "organisation",
        _("You are invited"),
        _("%(organisation)s invites you to join as %(role)s. The link holds until %(expires_at)s UTC, for you only."),
        frozenset(),
        _INVITATION,
        mail=True,
        subscribable=False,
    ),
    EventType(
        "organisation.member_joined",
        "organisation",
        _("A member joined"),
        _("A person whom you invited has joined %(organisation)s as %(role)s."),
        OWNERS,
        _MEMBER,
        mail=True,
        link="team/",
    ),
    EventType(
        "organisation.member_left",
        "organisation",
        _("A member left"),
        _("A member has left %(organisation)s, whose role was %(role)s. Their API keys are revoked."),
        OWNERS,
        _MEMBER,
        link="team/",
    ),
    EventType(
        "organisation.role_changed",
        "organisation",
        _("Your role changed"),
        _("Your role in %(organisation)s is now %(role)s."),
        frozenset(),
        _MEMBER,
        mail=True,
        subscribable=False,
        link="team/",
        essential=True,
    ),
    EventType(
        "organisation.second_factor_removed",
        "organisation",
        _("Your second factor was removed"),
        _("The AION team removed your second factor and signed you out. If you did not ask for it, write to us now."),
        frozenset(),
        {"member": "mem_8h2k4qw7m1v9ya5n", "organisation": "Atelier Lumen"},
        mail=True,
        subscribable=False,
        essential=True,
    ),
    EventType(
        "organisation.ownership_offered",
        "organisation",
        _("You are offered an organisation"),
        _("The owner of %(organisation)s offers it to you. Accept on the team page until %(expires_at)s UTC."),
        frozenset(),
        {"transfer": "otr_5n8x2k4qw7m1v9ya", "organisation": "Atelier Lumen", "expires_at": "2026-04-01T00:00:00Z"},
        mail=True,
        subscribable=False,
        link="team/",
        essential=True,
    ),
    EventType(
        "organisation.ownership_changed",
        "organisation",
        _("The organisation has a new owner"),
        _("%(organisation)s has been handed over to another owner."),
        OWNERS | {Role.BILLING},
        {"transfer": "otr_5n8x2k4qw7m1v9ya", "organisation": "Atelier Lumen"},
        mail=True,
        link="team/",
        essential=True,
    ),
    EventType(
        "organisation.terms_changed",
        "organisation",
        _("New terms to accept"),
        _("A new version of our documents holds: %(title)s. Read and accept it in your organisation's settings."),
        OWNERS,
        {"kind": "terms", "version": "2026-11", "title": "Terms of use"},
        mail=True,
        subscribable=False,
        link="settings/",
        essential=True,
    ),
)
