# SPDX-License-Identifier: Apache-2.0
"""Founding an organisation, saying who it is before the law, and accepting the terms."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from aion.actor import Actor, Scope, Via
from aion.audit import services as audit
from aion.errors import Conflict, Forbidden, NotFound, Rejected
from aion.events.services.emission import emit
from aion.people import event_types  # noqa: F401 - registers what is emitted here
from aion.people.verified import require_verified
from aion.residency.models import Territory
from aion.tenancy import legal, queries
from aion.tenancy.audit import Action
from aion.tenancy.models import (
    LegalIdentity,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationSize,
    OrganisationState,
    RegistrationScheme,
    TermsAcceptance,
    TermsVersion,
    User,
)
from aion.tenancy.roles import Role, scopes_of
from aion.tenancy.services.organisations import add_member, create_organisation
from aion.tenancy.services.projects import create_project

# What a new organisation may use at one time until it asks for more.
FIRST_QUOTA = 64_000
MOST_OWNED = 10
TRIES = 5
# Members of the consortium are made by staff: they operate pools.
FOUNDED = (
    OrganisationKind.STARTUP,
    OrganisationKind.COMPANY,
    OrganisationKind.RESEARCH,
    OrganisationKind.PUBLIC,
)


@dataclass(frozen=True, slots=True)
class IdentityWish:
    """Who an organisation says it is before the law."""

    legal_name: str
    country: str
    registration_scheme: str
    registration_number: str
    vat_number: str
    nace: str
    size: str
    founded_on: date | None
    listed: bool
    address: str


@transaction.atomic
def found_organisation(
    *, user: User, name: str, kind: str, country: str, accepted: Collection[int], at: datetime
) -> Organisation:
    """Make an organisation that ``user`` owns, with a first project; ``accepted`` are the documents agreed to.

    Raises AddressNotVerified, Rejected naming the field, and Conflict for a person who owns very many already.
    """
    require_verified(user)
    User.objects.select_for_update().get(pk=user.pk)  # so that the count below holds for a double click too
    words = " ".join(name.split())
    if not slugify(words):
        raise Rejected(_("Use at least one letter or digit in the name."), field="name")
    if len(words) > 120:
        raise Rejected(_("The name has at most 120 characters."), field="name")
    if kind not in FOUNDED:
        raise Rejected(_("Choose what kind of body it is; members of the consortium are made by staff."), field="kind")
    if not Territory.objects.filter(code=country).exists():
        raise Rejected(_("Choose a country of the list."), field="country")
    if Membership.objects.filter(user=user, role=Role.OWNER).count() >= MOST_OWNED:
        raise Conflict(_("You own %(count)d organisations: write to support for more.") % {"count": MOST_OWNED})
    terms = queries.terms_in_force(at)
    if {one.pk for one in terms} - set(accepted):
        raise Rejected(_("Accept the terms of use and the data-processing agreement."), field="accepted")
    founder = Actor(user.pk, None, Role.OWNER, scopes_of(Role.OWNER), Via.PORTAL, user.email)
    organisation = _create(founder, words, kind, country, at)
    founder = replace(founder, organisation_id=organisation.pk)
    add_member(actor=founder, organisation=organisation, user=user, role=Role.OWNER, at=at)
    create_project(
        actor=founder,
        name=_("First project"),
        residency_policy="EU_RESIDENT",
        milli_gpu_quota=FIRST_QUOTA,
        at=at,
    )
    for version in terms:
        _accept(founder, organisation, version, at)
    return organisation


def _create(founder: Actor, name: str, kind: str, country: str, at: datetime) -> Organisation:
    base = slugify(name)[:34].strip("-")
    for number in range(TRIES):
        slug = base if not number else f"{base}-{secrets.token_hex(2)}"
        try:
            with transaction.atomic():
                return create_organisation(
                    actor=founder, name=name, slug=slug, kind=kind, country=country, milli_gpu_quota=FIRST_QUOTA, at=at
                )
        except IntegrityError:
            continue
    raise Conflict(_("Many organisations have this name: choose another."), field="name")


@transaction.atomic
def set_legal_identity(*, actor: Actor, wish: IdentityWish, at: datetime) -> LegalIdentity:
    """Say who the actor's organisation is before the law. Raises Rejected naming the field, Conflict for a number
    that another organisation has."""
    actor.require(Scope.ORGANISATION_WRITE)
    organisation = Organisation.objects.visible_to(actor).select_for_update().first()
    if organisation is None:
        raise Forbidden(_("Act for an organisation first."))
    for field, value in (("legal_name", wish.legal_name), ("address", wish.address)):
        if not value.strip():
            raise Rejected(_("This is needed."), field=field)
    if not Territory.objects.filter(code=wish.country).exists():
        raise Rejected(_("Choose a country of the list."), field="country")
    if wish.registration_scheme not in RegistrationScheme:
        raise Rejected(_("Choose a register."), field="registration_scheme")
    if wish.size not in OrganisationSize:
        raise Rejected(_("Choose a size."), field="size")
    if wish.founded_on is not None and wish.founded_on > at.date():
        raise Rejected(_("The day is in the future."), field="founded_on")
    numbers = legal.check(
        country=wish.country,
        scheme=wish.registration_scheme,
        registration=wish.registration_number,
        vat_number=wish.vat_number,
        nace=wish.nace,
    )
    before = LegalIdentity.objects.filter(organisation=organisation).first()
    values = {
        "legal_name": wish.legal_name.strip(),
        "country_id": wish.country,
        "registration_scheme": numbers.registration_scheme,
        "registration_number": numbers.registration_number,
        "vat_number": numbers.vat_number,
        "nace": numbers.nace,
        "size": wish.size,
        "founded_on": wish.founded_on,
        "listed": wish.listed,
        "address": wish.address.strip(),
    }
    try:
        with transaction.atomic():
            identity, _created = LegalIdentity.objects.update_or_create(
                organisation=organisation, defaults={**values, "updated_at": at}
            )
    except IntegrityError as error:
        raise Conflict(
            _("Another organisation has this registration number: ask its owner to invite you, or write to support."),
            field="registration_number",
        ) from error
    changes = {
        name: [None if before is None else str(getattr(before, name)), str(value)]
        for name, value in values.items()
        if before is None or getattr(before, name) != value
    }
    if changes:
        audit.record(actor=actor, action=Action.IDENTITY_SET, subject=identity, at=at, changes=changes)
    return identity


@transaction.atomic
def accept_terms(*, actor: Actor, kind: str, version: str, at: datetime) -> TermsAcceptance:
    """Accept a version in force for the actor's organisation; doing it twice changes nothing. Raises NotFound."""
    actor.require(Scope.ORGANISATION_OWN)
    organisation = Organisation.objects.visible_to(actor).first()
    found = next((one for one in queries.terms_in_force(at) if (one.kind, one.version) == (kind, version)), None)
    if organisation is None or found is None:
        raise NotFound(_("There is no such version in force."))
    return _accept(actor, organisation, found, at)


def _accept(actor: Actor, organisation: Organisation, version: TermsVersion, at: datetime) -> TermsAcceptance:
    if actor.user_id is None:
        raise Forbidden(_("Only a person can accept."))
    acceptance, new = TermsAcceptance.objects.get_or_create(
        organisation=organisation, terms=version, defaults={"user_id": actor.user_id, "at": at}
    )
    if new:
        audit.record(
            actor=actor,
            action=Action.TERMS_ACCEPTED,
            subject=version,
            organisation_id=organisation.pk,
            at=at,
            changes={"sha256": version.digest},
        )
    return acceptance


@transaction.atomic
def publish_terms(
    *,
    actor: Actor,
    kind: str,
    version: str,
    title_en: str,
    title_fr: str,
    text_en: str,
    text_fr: str,
    valid_from: datetime,
    at: datetime,
) -> TermsVersion:
    """Publish a version of a document and tell every organisation. Raises Conflict for a version that exists."""
    if TermsVersion.objects.filter(kind=kind, version=version).exists():
        raise Conflict(
            _("There is such a version: a document is never changed, give the new one its own."), field="version"
        )
    texts = [title_en, title_fr, text_en, text_fr]
    published = TermsVersion.objects.create(
        kind=kind,
        version=version,
        title_en=title_en,
        title_fr=title_fr,
        text_en=text_en,
        text_fr=text_fr,
        valid_from=valid_from,
        digest=hashlib.sha256("\n".join(texts).encode()).hexdigest(),
    )
    audit.record(actor=actor, action=Action.TERMS_PUBLISHED, subject=published, at=at)
    customers = Organisation.objects.exclude(state=OrganisationState.CLOSED)
    for organisation_id in customers.values_list("pk", flat=True).iterator():
        emit(
            organisation_id=organisation_id,
            type="organisation.terms_changed",
            data={"kind": kind, "version": version, "title": title_en},
            key=f"terms:{kind}:{version}",
            at=at,
        )
    return published
