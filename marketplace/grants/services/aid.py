# SPDX-License-Identifier: Apache-2.0
"""State aid: a grant that would pass the cap is refused whole; mergers and splits move history and lose none of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import Sum
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Conflict, Rejected
from aion.figures import credits_in_full, day
from aion.money import decimal_string
from aion.tenancy.models import Organisation
from marketplace.grants.aid import working_day_after
from marketplace.grants.audit import Action
from marketplace.grants.errors import AidRefused
from marketplace.grants.models import AidEntry, AidRecord, AidRule, Application, Award, Undertaking, UndertakingLink
from marketplace.grants.queries.aid import borne_by, excluded_by, holidays_from, link_of, rule_in_force, used_by
from marketplace.grants.states import AidEntryKind, AidKind, AidRegime


@dataclass(frozen=True, slots=True)
class AidGrant:
    """A grant for which there is room: under which rule, for whom, on which day."""

    rule: AidRule
    undertaking: Undertaking
    nace: str
    on: date


@transaction.atomic
def require_room(*, application: Application, amount: int, at: datetime) -> AidGrant | None:
    """Return under which rule ``amount`` may be granted, with the undertaking locked; None where it is no aid.

    Raises AidRefused with cap, used and headroom: without a rule in force, without the applicant's declaration, in a
    sector that is left out, or when the grant would pass the cap.
    """
    programme = application.programme
    if programme.aid_regime == AidRegime.NONE:
        return None
    on = at.astimezone(ZoneInfo(programme.zone)).date()
    rule = rule_in_force(programme.aid_regime, on)
    if rule is None:
        raise AidRefused(
            gettext("No rule %(aid_regime)s is in force on %(on)s: staff enter it first.")
            % {"aid_regime": programme.aid_regime, "on": day(on)}
        )
    if application.declared_aid is None:
        raise AidRefused(
            gettext("The applicant has not declared the aid of the last years: without that nothing is granted.")
        )
    nace = nace_of(application.organisation)
    sector = excluded_by(rule.code, nace)
    if sector is not None:
        raise AidRefused(
            gettext("The applicant's sector %(nace)s is left out: %(source)s.")
            % {"nace": nace, "source": sector.source},
            nace=nace,
        )
    undertaking = lock_undertaking(organisation=application.organisation, on=on, at=at)
    _top_up_declared(application, undertaking, rule, at)
    used = used_by(undertaking.pk, rule, on)
    if used + amount > rule.cap:
        left = max(0, rule.cap - used)
        raise AidRefused(
            gettext(
                "%(undertaking)s has had %(used)s of %(cap)s euros of aid in %(window_years)s years: %(left)s "
                "are left. A grant above that is refused whole."
            )
            % {
                "undertaking": undertaking,
                "used": credits_in_full(used),
                "cap": credits_in_full(rule.cap),
                "window_years": rule.window_years,
                "left": credits_in_full(left),
            },
            field="amount",
            cap_microcredits=rule.cap,
            used_microcredits=used,
            headroom_microcredits=left,
        )
    return AidGrant(rule=rule, undertaking=undertaking, nace=nace, on=on)


@transaction.atomic
def record_grant(*, actor: Actor, grant: AidGrant, award: Award, at: datetime) -> AidRecord:
    """Write the aid of an award down, with the day until which it must be in the register."""
    due_on = working_day_after(grant.on, grant.rule.registration_days, holidays_from(grant.on))
    record = AidRecord.objects.create(
        organisation_id=award.organisation_id,
        award=award,
        kind=AidKind.OURS,
        authority=award.programme.funder,
        instrument=f"{grant.rule.code}: {award.programme.name_en}"[:160],
        nace=grant.nace,
        granted_on=grant.on,
        amount=award.amount,
        register_due_on=due_on,
    )
    _post(grant.undertaking, record, AidEntryKind.GRANT, award.amount, at)
    audit.record(
        actor=actor,
        action=Action.AID_GRANTED,
        subject=record,
        at=at,
        changes={"amount": decimal_string(award.amount), "register_due_on": str(due_on)},
    )
    return record


def withdraw_aid(*, award: Award, amount: int, at: datetime) -> None:
    """Take reclaimed credit off the history of whoever bears the aid of ``award`` now; nothing where it was no aid."""
    record = AidRecord.objects.filter(award=award).first()
    if record is None:
        return
    bearer = (
        Undertaking.objects.filter(entries__record=record)
        .annotate(borne=Sum("entries__amount"))
        .order_by("-borne", "pk")
        .first()
    )
    if bearer is not None:
        _post(bearer, record, AidEntryKind.WITHDRAWAL, -amount, at)


def lock_undertaking(*, organisation: Organisation, on: date, at: datetime) -> Undertaking:
    """Return the undertaking of an organisation, locked; one of its own where none is known. Needs a transaction."""
    with connection.cursor() as cursor:  # two grants at once must not each make one
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"undertaking:{organisation.pk}"])
    link = link_of(organisation.pk, on)
    if link is None:
        made = Undertaking.objects.create(name=organisation.name, created_at=at)
        UndertakingLink.objects.create(
            undertaking=made,
            organisation=organisation,
            valid=DateRange(on, None, "[)"),
            source="No linked company is known.",
            recorded_by="system",
        )
        link = link_of(organisation.pk, on)
    while link is not None:
        locked: Undertaking = Undertaking.objects.select_for_update().get(pk=link.undertaking_id)
        again = link_of(organisation.pk, on)  # a merger may have come first while we waited
        if again is not None and again.undertaking_id == locked.pk:
            return locked
        link = again
    raise Conflict(gettext("The undertaking changed meanwhile: try again."))


@transaction.atomic
def merge(*, actor: Actor, source: Undertaking, target: Undertaking, on: date, reason: str, at: datetime) -> None:
    """Let ``target`` take over ``source``: its organisations from ``on`` on, and all of its history.

    Raises Rejected for one and the same or without a reason, Conflict for one that was merged before.
    """
    _require_reason(reason)
    if source.pk == target.pk:
        raise Rejected(gettext("Choose two different undertakings."), field="target")
    locked = {
        one.pk: one
        for one in Undertaking.objects.select_for_update().filter(pk__in=(source.pk, target.pk)).order_by("pk")
    }
    if any(one.closed_at for one in locked.values()):
        raise Conflict(gettext("One of them was merged into another before."))
    for record, borne in borne_by(source):
        _post(source, record, AidEntryKind.MERGER, -borne, at)
        _post(target, record, AidEntryKind.MERGER, borne, at)
    links = UndertakingLink.objects.filter(undertaking=source, valid__contains=on)
    for link in links.select_related("organisation"):
        _relink(actor, link, target, on, reason)
    Undertaking.objects.filter(pk=source.pk).update(closed_at=at)
    audit.record(
        actor=actor,
        action=Action.UNDERTAKING_MERGED,
        subject=target,
        at=at,
        reason=reason,
        changes={"source": source.public_id, "on": str(on)},
    )


@transaction.atomic
def split(
    *,
    actor: Actor,
    source: Undertaking,
    name: str,
    organisations: Collection[Organisation],
    parts: Mapping[str, int],
    on: date,
    reason: str,
    at: datetime,
) -> Undertaking:
    """Make an undertaking of its own of ``organisations``, with ``parts`` of the history: record's id to micro-credits.

    Raises Rejected without a reason or name, for an organisation that is not part of it or a part above what it bears.
    """
    _require_reason(reason)
    if not name.strip():
        raise Rejected(gettext("Give the new undertaking a name."), field="name")
    Undertaking.objects.select_for_update().get(pk=source.pk)
    links = {
        link.organisation_id: link
        for link in UndertakingLink.objects.filter(undertaking=source, valid__contains=on).select_related(
            "organisation"
        )
    }
    strangers = [one.name for one in organisations if one.pk not in links]
    if strangers or not organisations or len(links) <= len(organisations):
        raise Rejected(gettext("Name some, not all, of the organisations of this undertaking."), field="organisations")
    bearing = {record.public_id: (record, borne) for record, borne in borne_by(source)}
    for public_id, amount in parts.items():
        if public_id not in bearing or not 0 < amount <= bearing[public_id][1]:
            raise Rejected(
                gettext("The undertaking does not bear so much of %(public_id)s.") % {"public_id": public_id},
                field="parts",
            )
    made = Undertaking.objects.create(name=name.strip()[:160], created_at=at)
    for public_id, amount in parts.items():
        record = bearing[public_id][0]
        _post(source, record, AidEntryKind.SPLIT, -amount, at)
        _post(made, record, AidEntryKind.SPLIT, amount, at)
    for one in organisations:
        _relink(actor, links[one.pk], made, on, reason)
    audit.record(
        actor=actor,
        action=Action.UNDERTAKING_SPLIT,
        subject=made,
        at=at,
        reason=reason,
        changes={"source": source.public_id, "on": str(on), "parts": dict(parts)},
    )
    return made


@transaction.atomic
def link(
    *, actor: Actor, organisation: Organisation, undertaking: Undertaking, on: date, source: str, at: datetime
) -> None:
    """Write down that an organisation belongs to an undertaking from ``on`` on; its own history comes with it.

    Raises Rejected without a source, Conflict when it belongs to another group: that one is split first.
    """
    _require_reason(source, field="source")
    own = lock_undertaking(organisation=organisation, on=on, at=at)
    if own.pk == undertaking.pk:
        raise Conflict(gettext("%(organisation)s belongs to it already.") % {"organisation": organisation})
    others = UndertakingLink.objects.filter(undertaking=own, valid__contains=on).exclude(organisation=organisation)
    if others.exists():
        raise Conflict(
            gettext("%(organisation)s is linked to other organisations: split %(own)s first.")
            % {"organisation": organisation, "own": own}
        )
    merge(actor=actor, source=own, target=undertaking, on=on, reason=source, at=at)
    audit.record(
        actor=actor, action=Action.UNDERTAKING_LINKED, subject=undertaking, at=at, reason=source,
        organisation_id=organisation.pk,
    )  # fmt: skip


@transaction.atomic
def mark_registered(*, actor: Actor, record: AidRecord, reference: str, on: date, at: datetime) -> AidRecord:
    """Write down that an aid is in the register. Raises Conflict the second time, Rejected without a reference."""
    if not reference.strip():
        raise Rejected(gettext("Give the reference that the register shows."), field="reference")
    found: AidRecord = AidRecord.objects.select_for_update(of=("self",)).get(pk=record.pk)
    if found.registered_on is not None:
        raise Conflict(gettext("It was registered on %(registered_on)s.") % {"registered_on": day(found.registered_on)})
    if not found.granted_on <= on <= at.date():
        raise Rejected(gettext("The day lies between the grant and today."), field="on")
    found.registered_on, found.register_ref = on, reference.strip()
    found.save(update_fields=["registered_on", "register_ref"])
    audit.record(
        actor=actor, action=Action.AID_REGISTERED, subject=found, at=at, changes={"reference": found.register_ref}
    )
    return found


def nace_of(organisation: Organisation) -> str:
    """Return the organisation's NACE code, empty where its legal identity is not known."""
    return str(getattr(getattr(organisation, "legal_identity", None), "nace", ""))


def _top_up_declared(application: Application, undertaking: Undertaking, rule: AidRule, at: datetime) -> None:
    # The declaration is the sum over all authorities at the day of submission, ours included: what of it we do not
    # know yet is written down once, as granted on that day, so that it counts for the longest time it may.
    submitted = application.submitted_at or at
    on = submitted.astimezone(ZoneInfo(application.programme.zone)).date()
    known = used_by(undertaking.pk, rule, on)
    unknown = (application.declared_aid or 0) - known
    if unknown <= 0:
        return
    record = AidRecord.objects.create(
        organisation_id=application.organisation_id,
        kind=AidKind.DECLARED,
        authority="As declared by the applicant",
        instrument=f"{rule.code}: application {application.public_id}",
        granted_on=on,
        amount=unknown,
    )
    _post(undertaking, record, AidEntryKind.DECLARED, unknown, at)


def _post(undertaking: Undertaking, record: AidRecord, kind: AidEntryKind, amount: int, at: datetime) -> None:
    AidEntry.objects.create(
        undertaking=undertaking, record=record, kind=kind, amount=amount, granted_on=record.granted_on, at=at
    )


def _relink(actor: Actor, link: UndertakingLink, target: Undertaking, on: date, source: str) -> None:
    if link.valid.lower is not None and link.valid.lower >= on:
        UndertakingLink.objects.filter(pk=link.pk).update(undertaking=target)
        return
    until = link.valid.upper
    UndertakingLink.objects.filter(pk=link.pk).update(valid=DateRange(link.valid.lower, on, "[)"))
    UndertakingLink.objects.create(
        undertaking=target,
        organisation=link.organisation,
        valid=DateRange(on, until, "[)"),
        source=source[:300],
        recorded_by=actor.label,
    )


def _require_reason(reason: str, *, field: str = "reason") -> None:
    if not reason.strip():
        raise Rejected(gettext("Write where this is known from: it goes on the record."), field=field)
