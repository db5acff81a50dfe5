# SPDX-License-Identifier: Apache-2.0
"""One account per kind of user, with credits to spend. For the demo only: the password is printed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP

from aion.actor import system
from aion.money import MICRO
from aion.people.organisations import accept_terms
from aion.tenancy import queries
from aion.tenancy.models import Membership, Organisation, OrganisationKind, Project, User
from aion.tenancy.roles import NEEDS_SECOND_FACTOR, Role
from aion.tenancy.services.actors import actor_for
from billing.services.credits import issue_lot
from billing.states import Origin

PASSWORD = "lantern-harbour-2026"  # noqa: S105 - the demo's, printed at its end
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - likewise


@dataclass(frozen=True, slots=True)
class Person:
    """One account of the demo."""

    kind: str
    email: str
    name: str
    organisation: str
    role: str


PEOPLE = (
    Person("founder", "ines@lumen.example", "Inès Moreau", "atelier-lumen", Role.OWNER),
    Person("engineer", "jonas@lumen.example", "Jonas Virtanen", "atelier-lumen", Role.DEVELOPER),
    Person("billing", "giulia@lumen.example", "Giulia Conti", "atelier-lumen", Role.BILLING),
    Person("researcher", "marta@climat.example", "Marta Puig", "institut-climat", Role.OWNER),
    Person("operator", "paul@scaleway.example", "Paul Lefèvre", "scaleway", Role.OPERATOR),
    Person("auditor", "anna@audit.example", "Anna Keller", "atelier-lumen", Role.VIEWER),
)
STAFF = (
    ("staff", "staff@aion.example", "Camille Roux"),
    ("staff (second)", "staff2@aion.example", "Léo Garnier"),
)
ORGANISATIONS = (
    ("atelier-lumen", "Atelier Lumen", OrganisationKind.STARTUP),
    ("institut-climat", "Institut Climat", OrganisationKind.RESEARCH),
)


def seed_people(*, since: datetime, at: datetime) -> None:
    """Make the demo's organisations, people and credits, there ``since`` before ``at``; doing it twice adds nothing."""
    for slug, name, kind in ORGANISATIONS:
        organisation, _ = Organisation.objects.get_or_create(
            slug=slug, defaults={"name": name, "kind": kind, "country_id": "FR", "milli_gpu_quota": 64_000}
        )
        for project, policy in (("Language models", "EU_RESIDENT"), ("Health data", "EU_OWNED")):
            Project.objects.get_or_create(
                organisation=organisation,
                slug=project.lower().replace(" ", "-"),
                defaults={"name": project, "residency_policy": policy, "milli_gpu_quota": 64_000},
            )
        _credits(organisation, since, at)
    for person in PEOPLE:
        user = _user(person.email, person.name)
        Membership.objects.get_or_create(
            user=user,
            organisation=Organisation.objects.get(slug=person.organisation),
            defaults={"role": person.role},
        )
        if person.role in NEEDS_SECOND_FACTOR:
            _second_factor(user)
        if person.role == Role.OWNER:
            for version in queries.terms_in_force(at):
                accept_terms(
                    actor=actor_for(user=user, slug=person.organisation),
                    kind=version.kind,
                    version=version.version,
                    at=at,
                )
    for _, email, name in STAFF:
        user = _user(email, name, is_staff=True, is_superuser=True)
        _second_factor(user)


def _user(email: str, name: str, **fields: Any) -> User:
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, PASSWORD, name=name, **fields)
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    return user


def _second_factor(user: User) -> None:
    if not Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists():
        TOTP.activate(user, TOTP_SECRET)
        RecoveryCodes.activate(user)


def _credits(organisation: Organisation, since: datetime, at: datetime) -> None:
    _lot(organisation, 12_000, "RAISE the Stakes 2026", Origin.GRANT, since, expires_at=at + timedelta(days=180))
    _lot(organisation, 5_000, "Top-up by card", Origin.PURCHASE, since)


def issue_voucher(organisation: Organisation, at: datetime) -> None:
    """Give ``organisation`` credit for H100s that expires within two weeks; doing it twice adds nothing."""
    expires_at = at + timedelta(days=14)
    _lot(organisation, 1_200, "Hackathon H100 voucher", Origin.PROMO, at, expires_at=expires_at, skus=("h100-sxm",))


def _lot(
    organisation: Organisation,
    amount: int,
    label: str,
    origin: Origin,
    at: datetime,
    *,
    expires_at: datetime | None = None,
    skus: tuple[str, ...] = (),
) -> None:
    issue_lot(
        actor=system("seed", organisation_id=organisation.pk),
        organisation_id=organisation.pk,
        amount=amount * MICRO,
        label=label,
        origin=origin,
        key=f"seed:{organisation.slug}:{label}",
        at=at,
        reason="demo",
        expires_at=expires_at,
        sku_codes=skus,
    )


def join(person: Person) -> None:
    """Make the account of a person and its membership; doing it twice adds nothing."""
    user = _user(person.email, person.name)
    if person.role in NEEDS_SECOND_FACTOR:
        _second_factor(user)
    Membership.objects.get_or_create(
        user=user,
        organisation=Organisation.objects.get(slug=person.organisation),
        defaults={"role": person.role},
    )
