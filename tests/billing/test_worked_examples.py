# SPDX-License-Identifier: Apache-2.0
"""The worked examples of docs/ledger.md and docs/metering.md: every number in their blocks is computed here.

A block begins with ```example NAME and holds lines `what = value`. It must equal, line by line, what the code does.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aion.actor import Actor, Scope, Via, system
from aion.money import decimal_string, exact_charge
from billing import queries
from billing.errors import InsufficientCredit, MonthNotOver
from billing.models import HoldLeg, LedgerAccount, MonthStatement, RatingCarry, Transfer, UsageRecord
from billing.services.corrections import approve_correction, request_correction
from billing.services.expiry import GRACE, expire_lots
from billing.services.holds import place_hold, release_hold
from billing.services.ingest import REASONS
from billing.services.metering import Window, post_windows
from billing.services.statements import close_month
from billing.services.takebacks import refund_lot
from billing.states import Origin
from tests.billing.books import drift
from tests.worlds import MICRO, NOW, PRICE, make_lot, make_market, make_meter, make_tenant, purpose_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```example (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
Example = dict[str, str]


def blocks() -> dict[str, Example]:
    found = {}
    for name in ("ledger.md", "metering.md"):
        for title, body in BLOCK.findall((DOCS / name).read_text(encoding="utf-8")):
            found[title] = dict(line.split(" = ") for line in body.splitlines())
    return found


def short(micro: int) -> str:
    whole, _, rest = decimal_string(micro).partition(".")
    return f"{int(whole):,}.{rest.rstrip('0'):0<2}"


def lot_words(lot: LedgerAccount) -> str:
    lot.refresh_from_db()
    return f"{short(lot.credits - lot.debits)} left, {short(lot.held)} held"


def staff(number: int) -> Actor:
    return Actor(number, None, "staff", frozenset(Scope), Via.ADMIN, f"staff {number}")


def usage(**fields: Any) -> list[str]:
    entries = Transfer.objects.filter(**fields).order_by("pk").select_related("debit_account", "credit_account")
    return [short(entry.amount) for entry in entries]


def an_hour_across_two_lots() -> Example:
    tenant, market = make_tenant(credit=0), make_market()
    grant = make_lot(tenant.organisation, 10, "Grant", origin=Origin.GRANT, expires_at=NOW + timedelta(days=30))
    bought = make_lot(tenant.organisation, 100, "Purchase")
    exact = exact_charge(milli_gpus=8000, seconds=3600, micro_per_gpu_hour=PRICE)
    meter = make_meter(tenant, market, milli_gpus=8000, hold=exact // 3_600_000)
    held = f"{lot_words(grant)}; {lot_words(bought)}"
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="example", at=NOW + timedelta(hours=1))
    return {
        "price of a GPU-hour": short(PRICE),
        "exact charge": f"{exact:,}",
        "charge": short(exact // 3_600_000),
        "grant; purchase while held": held,
        "paid by the grant": usage(debit_account=grant)[0],
        "paid by the purchase": usage(debit_account=bought)[0],
        "grant; purchase afterwards": f"{lot_words(grant)}; {lot_words(bought)}",
    }


def half_a_micro_credit() -> Example:
    tenant, market = make_tenant(credit=1), make_market(price=1)
    meter = make_meter(tenant, market)
    result = {"price of a GPU-hour": decimal_string(1)}
    for number, word in enumerate(("first", "second")):
        at = NOW + timedelta(hours=number)
        post_windows(windows=[Window(at, meter.pk, 1800)], source="example", at=at + timedelta(hours=1))
        posted = sum(Transfer.objects.filter(kind="usage").values_list("amount", flat=True))
        carry = RatingCarry.objects.get().carry
        result[f"after the {word} half hour"] = f"{posted} micro-credits posted, {carry:,} / 3,600,000 carried"
    return result


def a_hold_over_three_lots() -> Example:
    tenant, market = make_tenant(credit=0), make_market(price=30 * MICRO)
    soon = make_lot(tenant.organisation, 20, "A", expires_at=NOW + timedelta(days=5))
    late = make_lot(tenant.organisation, 20, "B", expires_at=NOW + timedelta(days=50))
    never = make_lot(tenant.organisation, 100, "C")
    meter = make_meter(tenant, market, hold=45 * MICRO)

    def legs() -> str:
        rows = HoldLeg.objects.filter(hold=meter.run.hold_id).select_related("lot").order_by("position")
        return "; ".join(
            f"{leg.lot.label} {short(leg.amount)}, {short(leg.captured)}, {short(leg.released)}" for leg in rows
        )

    result = {"lots A; B; C": "; ".join(short(lot.credits) for lot in (soon, late, never))}
    result["held 45.00: reserved, captured, released"] = legs()
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="example", at=NOW + timedelta(hours=1))
    result["used 30.00: reserved, captured, released"] = legs()
    release_hold(hold_id=meter.run.hold_id, at=NOW + timedelta(hours=1))
    result["ended: reserved, captured, released"] = legs()
    result["A; B; C afterwards"] = "; ".join(lot_words(lot) for lot in (soon, late, never))
    return result


def expiry_with_a_hold_that_spans_it() -> Example:
    tenant, market = make_tenant(credit=0), make_market(price=MICRO)
    end = datetime(2026, 3, 3, tzinfo=UTC)
    lot = make_lot(tenant.organisation, 10, "Lot", expires_at=end - timedelta(hours=1))
    meter, other = make_meter(tenant, market, milli_gpus=5000, hold=6 * MICRO), make_meter(tenant, market)
    result = {"usable until": f"{lot.expires_at:%Y-%m-%d %H:%M}", "held by a run": short(6 * MICRO)}
    at = end + timedelta(hours=71)
    post_windows(windows=[Window(end - timedelta(hours=1), other.pk, 3600)], source="example", at=at)
    expire_lots(at=at)
    result["71 h later, late usage of 1.00 was told"] = lot_words(lot)
    expire_lots(at=end + timedelta(hours=72))
    result["72 h later, expired"] = usage(kind="expiry")[0]
    result["then"] = lot_words(lot)
    post_windows(windows=[Window(end, meter.pk, 3600)], source="example", at=end + timedelta(hours=73))
    release_hold(hold_id=meter.run.hold_id, at=end + timedelta(hours=73))
    result["the run used 5.00 and ended"] = lot_words(lot)
    expire_lots(at=end + timedelta(hours=74))
    result["next sweep, expired"] = usage(kind="expiry")[1]
    result["in the end"] = lot_words(lot)
    return result


def a_correction_gives_back() -> Example:
    tenant, market = make_tenant(credit=10), make_market()
    lot = LedgerAccount.objects.get(organisation=tenant.organisation, kind="lot")
    meter = make_meter(tenant, market)
    at = NOW + timedelta(days=2)
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="example", at=NOW + timedelta(hours=1))
    result = {"charged for 3,600 seconds": usage(kind="usage")[0], "lot": lot_words(lot)}
    asked = request_correction(actor=staff(1), reference=meter.reference, hour=NOW, start_second=0, seconds=1200,
                               reason="The node was down.", at=at)  # fmt: skip
    approve_correction(actor=staff(2), public_id=asked.public_id, at=at)
    result["right seconds"] = "1,200"
    record = UsageRecord.objects.get(revision=1)
    result["new record"] = f"revision {record.revision}, {record.seconds:,} seconds"
    result["given back"] = usage(kind="correction")[0]
    result["lot afterwards"] = lot_words(lot)
    return result


def late_usage_after_a_closed_month() -> Example:
    tenant, market = make_tenant(credit=100), make_market()
    meter = make_meter(tenant, market)
    actor = system("example")
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="example", at=NOW + timedelta(hours=1))
    grace_ends = datetime(2026, 4, 1, tzinfo=UTC) + GRACE
    with pytest.raises(MonthNotOver):
        close_month(actor=actor, month=NOW.date(), at=grace_ends - timedelta(seconds=1))
    close_month(actor=actor, month=NOW.date(), at=grace_ends)
    late = datetime(2026, 3, 31, 23, tzinfo=UTC)
    post_windows(windows=[Window(late, meter.pk, 1800)], source="example", at=datetime(2026, 4, 5, tzinfo=UTC))
    april = datetime(2026, 4, 10, tzinfo=UTC)
    post_windows(windows=[Window(april, meter.pk, 3600)], source="example", at=april + timedelta(hours=1))
    close_month(actor=actor, month=april.date(), at=datetime(2026, 5, 4, tzinfo=UTC))
    result = {"March closes from": f"{grace_ends:%Y-%m-%d %H:%M}"}
    for statement in MonthStatement.objects.order_by("month"):
        lines = [
            f"{line.kind} of {line.usage_month:%Y-%m} {short(int(line.exact) // 3_600_000)}"
            for line in statement.lines.all()
        ]
        result[f"statement {statement.month:%Y-%m}"] = "; ".join(lines)
    return result


def crossing_restrictions() -> Example:
    tenant, market = make_tenant(credit=0), make_market()
    by_gpu = make_lot(tenant.organisation, 10, "A", sku_codes=[market.sku.code], expires_at=NOW + timedelta(days=10))
    by_site = make_lot(tenant.organisation, 10, "B", site_codes=[market.site.code], expires_at=NOW + timedelta(days=20))
    first = place_hold(purpose=purpose_of(tenant, market), amount=10 * MICRO, reference="first", at=NOW)
    elsewhere = purpose_of(tenant, make_market())
    with pytest.raises(InsufficientCredit) as refused:
        place_hold(
            purpose=type(elsewhere)(elsewhere.organisation_id, elsewhere.project_id, market.sku.code, "elsewhere"),
            amount=10 * MICRO, reference="second", at=NOW,
        )  # fmt: skip
    (leg,) = first.legs.select_related("lot")
    return {
        "A, only for one GPU": short(by_gpu.credits),
        "B, only at one site": short(by_site.credits),
        "a run of that GPU at that site is held from": leg.lot.label,
        "a run of that GPU elsewhere lacks": short(refused.value.details["missing_microcredits"]),
        "A; B": f"{lot_words(by_gpu)}; {lot_words(by_site)}",
    }


def a_past_balance_as_it_was_known() -> Example:
    tenant, market = make_tenant(credit=100), make_market()
    meter = make_meter(tenant, market)
    told = datetime(2026, 3, 5, 9, tzinfo=UTC)
    post_windows(windows=[Window(NOW, meter.pk, 3600)], source="example", at=told)

    def credit(known: datetime) -> str:
        effective = datetime(2026, 3, 3, tzinfo=UTC)
        return short(queries.balance_as_of(tenant.organisation.pk, effective=effective, known=known).credit)

    return {
        "used on 2026-03-02, told on 2026-03-05": usage(kind="usage")[0],
        "balance of 2026-03-03 as known on 2026-03-04": credit(datetime(2026, 3, 4, tzinfo=UTC)),
        "balance of 2026-03-03 as known on 2026-03-06": credit(datetime(2026, 3, 6, tzinfo=UTC)),
    }


def a_refund_of_unspent_credit() -> Example:
    tenant, market = make_tenant(credit=100), make_market()
    lot = LedgerAccount.objects.get(organisation=tenant.organisation, kind="lot")
    make_meter(tenant, market, hold=30 * MICRO)
    result = {"bought; held": f"{short(lot.credits)}; {short(30 * MICRO)}"}
    for word in ("first", "again with the same key"):
        refund_lot(actor=staff(1), public_id=lot.public_id, amount=70 * MICRO, reason="asked for", key="k", at=NOW)
        result[f"refund of 70.00, {word}"] = lot_words(lot)
    return result


EXAMPLES: dict[str, Callable[[], Example]] = {
    "an-hour-across-two-lots": an_hour_across_two_lots,
    "half-a-micro-credit": half_a_micro_credit,
    "a-hold-over-three-lots": a_hold_over_three_lots,
    "expiry-with-a-hold-that-spans-it": expiry_with_a_hold_that_spans_it,
    "a-correction-gives-back": a_correction_gives_back,
    "late-usage-after-a-closed-month": late_usage_after_a_closed_month,
    "crossing-restrictions": crossing_restrictions,
    "a-past-balance-as-it-was-known": a_past_balance_as_it_was_known,
    "a-refund-of-unspent-credit": a_refund_of_unspent_credit,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_documents_say_what_the_code_does(db: None, name: str) -> None:
    assert blocks().get(name) == EXAMPLES[name]()
    assert drift() == []


def test_every_example_of_the_documents_is_computed() -> None:
    assert set(blocks()) == set(EXAMPLES)


def test_every_reason_of_the_ingest_stands_in_the_document() -> None:
    table = (DOCS / "metering.md").read_text(encoding="utf-8").partition("| code |")[2]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(REASONS)
