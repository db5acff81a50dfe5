# SPDX-License-Identifier: Apache-2.0
"""Publishing prices: one at a time, or a whole book after a preview of its effect."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.horizon import require_near
from aion.money import exact_charge, floor_charge
from aion.periods import month_start
from billing.audit import Action
from billing.models import Price, PriceBook, PriceDraft, PriceTier, Sku
from billing.services.requests import require_second
from billing.states import DraftState

MAX_GPU_HOURS = 2_000_000_000
# What the book's own buyers used in the month before, by SKU. For the list: those whose class had no price of its own
# for that SKU on that day. Runs at an operator's own price are nobody's here: neither book changes what they pay.
LAST_MONTH = """
SELECT r.sku_id, sum(d.milli_gpu_seconds)::bigint, sum(d.exact)
FROM billing_usageday d
JOIN billing_run r ON r.id = d.run_id
JOIN billing_price charged ON charged.id = r.price_id
JOIN billing_pricebook paid ON paid.id = charged.book_id
JOIN tenancy_organisation o ON o.id = d.organisation_id
WHERE d.day >= %(start)s AND d.day < %(end)s AND paid.operator_id IS NULL
  AND CASE WHEN %(audience)s::text IS NULL
      THEN NOT EXISTS (SELECT 1 FROM billing_pricebook b JOIN billing_price p ON p.book_id = b.id
                       WHERE b.audience = o.kind AND p.sku_id = r.sku_id AND p.valid @> d.day)
      ELSE o.kind = %(audience)s END
GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Tier:
    """A lower price from a number of GPU-hours a month on."""

    from_gpu_hours: int
    micro_per_gpu_hour: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What one line of a draft would have changed last month, in micro-credits.

    ``would_be`` counts neither volume tiers nor promotions, which only ever lower it; ``ends_tiers`` is whether the
    price in force has tiers and the new one has none.
    """

    sku: Sku
    before: int | None
    after: int
    milli_gpu_seconds: int
    charged: int
    would_be: int
    ends_tiers: bool

    @property
    def difference(self) -> int:
        """Return what customers would have paid more."""
        return self.would_be - self.charged


@transaction.atomic
def publish_price(
    *,
    actor: Actor,
    book: PriceBook,
    sku: Sku,
    micro_per_gpu_hour: int,
    valid_from: datetime,
    at: datetime,
    tiers: Sequence[Tier] = (),
) -> Price:
    """Put a price in force from ``valid_from``; the open one before it ends there. Runs keep the price they have.

    Raises Rejected for a price of 0 or less, a tier that is no discount, or a start before the price in force.
    """
    if micro_per_gpu_hour <= 0:
        raise Rejected(gettext("A price must be above zero."), field="micro_per_gpu_hour")
    check_tiers(micro_per_gpu_hour, tiers)
    current = Price.objects.select_for_update().filter(book=book, sku=sku, valid__endswith__isnull=True).first()
    if current is not None:
        if valid_from <= current.valid.lower:
            raise Rejected(gettext("A new price must start after the one in force."), field="valid_from")
        Price.objects.filter(pk=current.pk).update(valid=(current.valid.lower, valid_from))
    price = Price.objects.create(book=book, sku=sku, valid=(valid_from, None), micro_per_gpu_hour=micro_per_gpu_hour)
    PriceTier.objects.bulk_create(
        PriceTier(price=price, from_gpu_hours=tier.from_gpu_hours, micro_per_gpu_hour=tier.micro_per_gpu_hour)
        for tier in tiers
    )
    audit.record(
        actor=actor,
        action=Action.PRICE_PUBLISHED,
        subject=price,
        at=at,
        changes={"sku": sku.code, "micro_per_gpu_hour": micro_per_gpu_hour, "tiers": len(tiers)},
    )
    return price


@transaction.atomic
def end_price(*, actor: Actor, book: PriceBook, sku: Sku, ends_at: datetime, at: datetime) -> None:
    """End the open price of a book without another; runs keep it. Raises Rejected for an end before its start."""
    current = Price.objects.select_for_update().filter(book=book, sku=sku, valid__endswith__isnull=True).first()
    if current is None:
        return
    if ends_at <= current.valid.lower:
        raise Rejected(gettext("A price ends after it begins."), field="valid_from")
    Price.objects.filter(pk=current.pk).update(valid=(current.valid.lower, ends_at))
    audit.record(actor=actor, action=Action.PRICE_ENDED, subject=current, at=at, changes={"ends_at": str(ends_at)})


def check_tiers(micro: int | None, tiers: Sequence[Tier]) -> None:
    """Refuse tiers that are no ladder of discounts on a new price. Raises Rejected."""
    if micro is None:
        raise Rejected(gettext("Volume tiers need a new price of the same SKU."), field="tiers")
    hours, below = 0, micro
    for tier in sorted(tiers, key=lambda one: one.from_gpu_hours):
        if not hours < tier.from_gpu_hours <= MAX_GPU_HOURS or not 0 < tier.micro_per_gpu_hour < below:
            raise Rejected(gettext("Each tier needs more hours and a lower price than the one before."), field="tiers")
        hours, below = tier.from_gpu_hours, tier.micro_per_gpu_hour


@transaction.atomic
def prepare_prices(
    *,
    actor: Actor,
    book: PriceBook,
    lines: Mapping[str, int],
    valid_from: datetime,
    reason: str,
    at: datetime,
    tiers: Mapping[str, Sequence[Tier]] | None = None,
) -> PriceDraft:
    """Keep new prices of a book (SKU code to micro-credits an hour) for a preview. Raises Rejected."""
    if actor.user_id is None:
        raise Rejected(gettext("Only a person can prepare prices."))
    if not reason.strip():
        raise Rejected(gettext("Write why the prices change: it goes on the record."), field="reason")
    require_near(at=at, valid_from=valid_from)
    if valid_from <= at:
        raise Rejected(gettext("New prices start in the future: customers see them coming."), field="valid_from")
    unknown = set(lines) - set(Sku.objects.filter(code__in=lines).values_list("code", flat=True))
    if not lines or unknown or any(micro <= 0 for micro in lines.values()):
        what = gettext("each needs a price above zero")
        if unknown:
            what = gettext("unknown: %(codes)s") % {"codes": ", ".join(sorted(unknown))}
        raise Rejected(gettext("Give at least one SKU a price (%(what)s).") % {"what": what}, field="lines")
    tiers = {code: ladder for code, ladder in (tiers or {}).items() if ladder}
    for code, ladder in tiers.items():
        check_tiers(lines.get(code), ladder)
    _check_starts(book=book, codes=lines, valid_from=valid_from)
    draft = PriceDraft.objects.create(
        book=book,
        valid_from=valid_from,
        lines=dict(lines),
        tiers={
            code: [[one.from_gpu_hours, one.micro_per_gpu_hour] for one in ladder] for code, ladder in tiers.items()
        },
        reason=reason,
        created_by_id=actor.user_id,
        created_by=actor.label,
        created_at=at,
    )
    audit.record(actor=actor, action=Action.PRICES_PREPARED, subject=draft, at=at, reason=reason,
                 changes={"lines": dict(lines)})  # fmt: skip
    return draft


def _check_starts(*, book: PriceBook, codes: Iterable[str], valid_from: datetime) -> None:
    late = Price.objects.filter(book=book, sku__code__in=codes, valid__startswith__gte=valid_from)
    code = late.order_by("sku__code").values_list("sku__code", flat=True).first()
    if code is not None:
        raise Rejected(
            gettext("A price of %(code)s starts at that time or later already.") % {"code": code}, field="valid_from"
        )


def preview_prices(*, draft: PriceDraft, at: datetime) -> list[Effect]:
    """Return what the draft would have changed on the real usage of the last calendar month, by SKU."""
    end = month_start(at)
    start = month_start(end - timedelta(days=1))
    with connection.cursor() as cursor:
        cursor.execute(LAST_MONTH, {"start": start, "end": end, "audience": draft.book.audience})
        used = {sku_id: (int(seconds), int(exact)) for sku_id, seconds, exact in cursor.fetchall()}
    in_force = Price.objects.in_force_at(at).filter(book=draft.book)
    before = dict(in_force.values_list("sku_id", "micro_per_gpu_hour"))
    laddered = set(in_force.filter(tiers__isnull=False).values_list("sku_id", flat=True))
    effects = []
    for sku in Sku.objects.filter(code__in=draft.lines).order_by("code"):
        seconds, exact = used.get(sku.pk, (0, 0))
        after = int(draft.lines[sku.code])
        would_be = floor_charge(exact_charge(milli_gpus=seconds, seconds=1, micro_per_gpu_hour=after))
        ends = sku.pk in laddered and not draft.tiers.get(sku.code)
        effects.append(Effect(sku, before.get(sku.pk), after, seconds, floor_charge(exact), would_be, ends))
    return effects


@transaction.atomic
def publish_draft(*, actor: Actor, public_id: str, at: datetime) -> list[Price]:
    """Put a draft's prices in force, all of them or none. Raises FourEyesNeeded, NotFound, Rejected when it is late."""
    draft = _draft(public_id)
    require_second(
        actor, draft.created_by_id, gettext("You prepared these prices: a second member of staff must publish them.")
    )
    if draft.valid_from <= at:
        raise Rejected(gettext("Its start has passed: prepare it again with a later one."), field="valid_from")
    skus = {sku.code: sku for sku in Sku.objects.filter(code__in=draft.lines)}
    prices = [
        publish_price(actor=actor, book=draft.book, sku=skus[code], micro_per_gpu_hour=int(micro),
                      valid_from=draft.valid_from, at=at, tiers=[Tier(*one) for one in draft.tiers.get(code, [])])
        for code, micro in sorted(draft.lines.items())
    ]  # fmt: skip
    _decide(draft, DraftState.PUBLISHED, actor, at)
    return prices


@transaction.atomic
def discard_draft(*, actor: Actor, public_id: str, at: datetime) -> None:
    """Throw a draft away. Raises NotFound."""
    draft = _draft(public_id)
    _decide(draft, DraftState.DISCARDED, actor, at)
    audit.record(actor=actor, action=Action.PRICES_DISCARDED, subject=draft, at=at)


def _draft(public_id: str) -> PriceDraft:
    draft = (
        PriceDraft.objects.select_for_update(of=("self",))
        .select_related("book")
        .filter(public_id=public_id, state=DraftState.DRAFT)
        .first()
    )
    if draft is None:
        raise NotFound(gettext("No such draft waits to be published."))
    return draft


def _decide(draft: PriceDraft, state: DraftState, actor: Actor, at: datetime) -> None:
    PriceDraft.objects.filter(pk=draft.pk).update(state=state, decided_by=actor.label, decided_at=at)
