# SPDX-License-Identifier: Apache-2.0
"""Quotes: asked for or made by staff, offered with the prices of the day, then accepted or declined in time."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from aion.actor import Actor, system
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.events.services.emission import emit
from aion.money import MICRO_PER_CENT
from aion.periods import next_midnight
from billing.invoicing.services.vat import quote_vat
from billing.procurement.audit import Action
from billing.procurement.errors import QuoteExpired, WrongState
from billing.procurement.models import Quote
from billing.procurement.queries.prices import price_snapshot
from billing.procurement.services.checks import require_amount, require_reason, take_number
from billing.procurement.states import QuoteState, Series

VALID_DAYS = 60
MOST_VALID_DAYS = 365
EXPIRING = timedelta(days=7)
NOTE_LIMIT = 2000


@transaction.atomic
def request_quote(*, actor: Actor, organisation_id: int, credits: int, note: str, at: datetime) -> Quote:
    """Ask for a quote over whole ``credits``; staff offer it. Raises InvalidAmount, Rejected for a note too long."""
    require_amount(credits * 100, field="credits")
    if len(note) > NOTE_LIMIT:
        raise Rejected(_("Write at most %(most)d characters.") % {"most": NOTE_LIMIT}, field="note")
    quote = Quote.objects.create(
        organisation_id=organisation_id,
        credits=credits,
        note=note.strip(),
        net_cents=credits * 100,
        gross_cents=credits * 100,
        requested_by_id=actor.user_id,
        requested_by=actor.label,
        requested_at=at,
    )
    audit.record(actor=actor, action=Action.QUOTE_REQUESTED, subject=quote, at=at, changes={"credits": credits})
    return quote


@transaction.atomic
def offer_quote(*, actor: Actor, public_id: str, at: datetime, valid_days: int = VALID_DAYS) -> Quote:
    """Number a draft, put the price list and VAT of now into it, and offer it until the end of its last day.

    Raises NotFound, WrongState, Rejected for a validity out of range, NoPriceInForce, and what ``quote_vat`` raises.
    """
    quote = _locked(public_id)
    if quote.state != QuoteState.DRAFT:
        raise WrongState(_("This quote was offered or withdrawn already."))
    if not 1 <= valid_days <= MOST_VALID_DAYS:
        raise Rejected(_("A quote is valid for 1 to %(most)d days.") % {"most": MOST_VALID_DAYS}, field="valid_days")
    prices, version = price_snapshot(at=at)
    vat = quote_vat(organisation_id=quote.organisation_id, net_cents=quote.net_cents, at=at)
    _move(
        quote,
        QuoteState.OFFERED,
        number=take_number(Series.QUOTE, at=at),
        price_list=prices,
        price_version=version,
        vat_cents=vat.vat_cents,
        gross_cents=vat.gross_cents,
        vat_category=vat.category,
        vat_rate_basis_points=vat.rate_basis_points,
        vat_rule=vat.rule,
        offered_by=actor.label,
        offered_at=at,
        valid_until=next_midnight(at + timedelta(days=valid_days)),
    )
    audit.record(actor=actor, action=Action.QUOTE_OFFERED, subject=quote, at=at, changes={"version": version})
    tell(quote, "quote.offered", at)
    return quote


@transaction.atomic
def accept_quote(*, actor: Actor, public_id: str, at: datetime) -> Quote:
    """Accept an offered quote as the buyer; accepting twice is once. Raises NotFound, QuoteExpired, WrongState."""
    quote = _locked(public_id, actor)
    if quote.state == QuoteState.ACCEPTED:
        return quote
    _require_open(quote, at)
    _move(quote, QuoteState.ACCEPTED, decided_by=actor.label, decided_at=at)
    audit.record(actor=actor, action=Action.QUOTE_ACCEPTED, subject=quote, at=at)
    return quote


@transaction.atomic
def decline_quote(*, actor: Actor, public_id: str, reason: str, at: datetime) -> Quote:
    """Decline an offered quote as the buyer, with or without a reason. Raises NotFound, QuoteExpired, WrongState."""
    quote = _locked(public_id, actor)
    _require_open(quote, at)
    _move(quote, QuoteState.DECLINED, decided_by=actor.label, decided_at=at, reason=reason.strip()[:400])
    audit.record(actor=actor, action=Action.QUOTE_DECLINED, subject=quote, at=at, reason=reason[:200])
    return quote


@transaction.atomic
def withdraw_quote(*, actor: Actor, public_id: str, reason: str, at: datetime) -> Quote:
    """Take a draft or an offer back as staff. Raises NotFound, Rejected without a reason, WrongState."""
    require_reason(reason)
    quote = _locked(public_id)
    _move(quote, QuoteState.WITHDRAWN, decided_by=actor.label, decided_at=at, reason=reason.strip()[:400])
    audit.record(actor=actor, action=Action.QUOTE_WITHDRAWN, subject=quote, at=at, reason=reason)
    tell(quote, "quote.withdrawn", at, reason=reason)
    return quote


def expire_quotes(*, at: datetime) -> int:
    """Expire offers whose last day has passed, and warn of those that end within a week; return how many expired."""
    expired = 0
    open_quotes = Quote.objects.filter(state=QuoteState.OFFERED, valid_until__lte=at + EXPIRING)
    for quote in open_quotes.order_by("pk").iterator(chunk_size=500):
        if quote.valid_until is not None and quote.valid_until > at:
            with transaction.atomic():
                tell(quote, "quote.expiring", at)
            continue
        expired += _expire(quote, at)
    return expired


@transaction.atomic
def _expire(quote: Quote, at: datetime) -> int:
    moved = Quote.objects.filter(pk=quote.pk, valid_until__lte=at).move(QuoteState.EXPIRED, decided_at=at)
    if moved:
        audit.record(actor=system("procurement"), action=Action.QUOTE_EXPIRED, subject=quote, at=at)
        tell(quote, "quote.expired", at)
    return int(moved)


def tell(quote: Quote, event: str, at: datetime, **more: str) -> None:
    """Emit an event of a quote; each kind happens once to one quote."""
    emit(
        organisation_id=quote.organisation_id,
        type=event,
        data={
            "quote": quote.public_id,
            "number": quote.number or quote.public_id,
            "amount_microcredits": quote.net_cents * MICRO_PER_CENT,
            "gross_microcredits": quote.gross_cents * MICRO_PER_CENT,
            "valid_until": quote.valid_until,
            **more,
        },
        key=f"{event}:{quote.public_id}",
        at=at,
    )


def _require_open(quote: Quote, at: datetime) -> None:
    if quote.state == QuoteState.EXPIRED or (quote.valid_until is not None and quote.valid_until <= at):
        raise QuoteExpired(_("This quote has expired: ask for a new one, with the prices of today."))
    if quote.state != QuoteState.OFFERED:
        raise WrongState(_("Only a quote that was offered and not decided yet can be accepted or declined."))


def _locked(public_id: str, actor: Actor | None = None) -> Quote:
    rows = Quote.objects.all() if actor is None else Quote.objects.visible_to(actor)
    found: Quote | None = rows.select_for_update(no_key=True).filter(public_id=public_id).first()
    if found is None:
        raise NotFound(_("There is no such quote."))
    return found


def _move(quote: Quote, to: QuoteState, **fields: object) -> None:
    if not Quote.objects.filter(pk=quote.pk).move(to, **fields):
        raise WrongState(_("Only a draft or an offer that is not decided yet can be withdrawn."))
    quote.refresh_from_db()
