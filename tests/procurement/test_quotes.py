# SPDX-License-Identifier: Apache-2.0
"""A quote keeps the prices of its day, can be accepted until its last, and only its exact total becomes credits."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from aion.errors import DomainError
from aion.events.models import Event
from billing.invoicing.models import Document
from billing.invoicing.services.vat import quote_vat
from billing.models import LedgerAccount
from billing.procurement.models import BankTransfer, Quote
from billing.procurement.services import quotes, transfers
from billing.procurement.services.checks import MOST_CENTS
from billing.services.catalogue import ensure_price
from tests.billing.books import drift, staff
from tests.billing.hands import at_once
from tests.procurement.scenes import DAY, LARGE, accepted_quote, code_of, legal, offered, reference, yesterday
from tests.worlds import MICRO, NOW, Market, Tenant, make_market, make_tenant


def pay(quote: Quote, cents: int, bank_reference: str = "", actor: Any = None) -> BankTransfer:
    return transfers.record_quote_payment(
        actor=actor or staff(), public_id=quote.public_id, amount_cents=cents, received_on=yesterday(),
        bank_reference=bank_reference or reference(), at=NOW,
    )  # fmt: skip


def test_an_offered_quote_has_number_vat_prices_and_a_last_day(mine: Tenant, market: Market) -> None:
    quote = offered(mine, 500)
    assert (quote.number, quote.net_cents, quote.vat_cents, quote.gross_cents) == (
        "DE-2026-00001", 500_00, 100_00, 600_00,
    )  # fmt: skip
    assert quote.valid_until == (NOW + 61 * DAY).replace(hour=0)
    assert quote.price_list == [
        {"sku": market.sku.code, "name": "H100", "micro_per_gpu_hour": 2_490_000, "price_id": market.price.pk}
    ]
    assert quote.price_version == f"list-{market.price.pk}"


def test_prices_that_change_later_leave_a_quote_as_it_is(mine: Tenant, market: Market) -> None:
    quote = offered(mine)
    ensure_price(actor=staff(), sku=market.sku, micro_per_gpu_hour=9 * MICRO, valid_from=NOW + DAY)
    quote.refresh_from_db()
    assert [row["micro_per_gpu_hour"] for row in quote.price_list] == [2_490_000]


def test_a_refused_offer_leaves_no_gap_in_the_numbers(mine: Tenant, market: Market) -> None:
    first = offered(mine)
    with pytest.raises(RuntimeError), transaction.atomic():
        offered(mine)
        raise RuntimeError
    assert [first.number, offered(mine).number] == ["DE-2026-00001", "DE-2026-00002"]


def test_the_exact_total_becomes_a_lot_and_a_paid_invoice(mine: Tenant, market: Market) -> None:
    quote = accepted_quote(mine)
    assert pay(quote, 600_00).state == "approved"
    quote.refresh_from_db()
    lot, document = quote.lot, quote.document
    assert lot is not None and document is not None
    assert (lot.origin, lot.available, lot.organisation_id) == ("purchase", 500 * MICRO, mine.organisation.pk)
    assert (document.type, document.process, document.net_cents, document.gross_cents, document.paid_cents) == (
        "380", "S2", 500_00, 600_00, 600_00,
    )  # fmt: skip
    assert document.references["sales_order"] == quote.number
    assert drift() == []


def test_parts_add_up_to_the_total_and_issue_once(mine: Tenant, market: Market) -> None:
    quote = accepted_quote(mine)
    assert [pay(quote, cents).state for cents in (100_00, 499_99)] == ["approved", "approved"]
    quote.refresh_from_db()
    assert quote.lot is None
    pay(quote, 1)
    quote.refresh_from_db()
    assert quote.settled_at == NOW
    assert LedgerAccount.objects.filter(label=f"Quote {quote.number}").count() == 1


def test_too_much_is_refused_and_kept(mine: Tenant, market: Market) -> None:
    quote = accepted_quote(mine)
    pay(quote, 500_00)
    row = pay(quote, 100_01)
    assert (row.state, "100.00" in row.refusal) == ("refused", True)
    quote.refresh_from_db()
    assert quote.lot is None
    pay(quote, 100_00)
    assert pay(quote, 600_00).state == "refused"  # a second time the whole


def test_a_changed_vat_is_refused_and_kept(mine: Tenant, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    quote = accepted_quote(mine)
    now = quote_vat

    def dearer(**given: Any) -> Any:
        return now(organisation_id=given["organisation_id"], net_cents=given["net_cents"] + 100, at=given["at"])

    monkeypatch.setattr(transfers, "quote_vat", dearer)
    assert pay(quote, 600_00).state == "refused"


def test_large_money_waits_for_a_second_person_however_it_is_split(mine: Tenant, market: Market) -> None:
    quote, first = accepted_quote(mine, LARGE // 100), staff()
    assert pay(quote, 10_000_00, actor=first).state == "approved"
    row = pay(quote, 20_000_00, actor=first)
    assert row.state == "pending"
    again = partial(transfers.approve_transfer, actor=first, public_id=row.public_id, at=NOW)
    assert code_of(again) == ("four_eyes", None)
    transfers.approve_transfer(actor=staff(), public_id=row.public_id, at=NOW)
    quote.refresh_from_db()
    assert quote.settled_at == NOW
    assert (
        code_of(partial(transfers.approve_transfer, actor=staff(), public_id=row.public_id, at=NOW))[0] == "not_found"
    )


def test_a_struck_out_transfer_counts_for_nothing_and_keeps_its_reference(mine: Tenant, market: Market) -> None:
    quote = accepted_quote(mine, LARGE // 100)
    row = pay(quote, 30_000_00, "X 1")
    transfers.reject_transfer(actor=staff(), public_id=row.public_id, reason="typed wrongly", at=NOW)
    assert code_of(lambda: pay(quote, 30_000_00, "x  1")) == ("bank_reference_used", "bank_reference")
    assert pay(quote, 30_000_00).state == "pending"


@pytest.mark.parametrize(
    ("cents", "days", "bank", "refused"),
    [
        (0, 0, "A", ("invalid_amount", "amount_cents")),
        (-1, 0, "A", ("invalid_amount", "amount_cents")),
        (10**13, 0, "A", ("invalid_amount", "amount_cents")),
        (1, 1, "A", ("invalid", "received_on")),
        (1, -9000, "A", ("invalid", "received_on")),
        (1, 0, "  ", ("invalid", "bank_reference")),
        (1, 0, "A" * 81, ("invalid", "bank_reference")),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(
    mine: Tenant, market: Market, cents: int, days: int, bank: str, refused: Any
) -> None:
    quote = accepted_quote(mine)
    record = partial(
        transfers.record_quote_payment, actor=staff(), public_id=quote.public_id, amount_cents=cents,
        received_on=(NOW + timedelta(days=days)).date(), bank_reference=bank, at=NOW,
    )  # fmt: skip
    assert code_of(record) == refused
    assert BankTransfer.objects.count() == 0


def test_only_an_accepted_quote_is_paid(mine: Tenant, market: Market) -> None:
    quote = offered(mine)
    assert code_of(lambda: pay(quote, 600_00))[0] == "wrong_state"


def test_a_quote_is_accepted_once_in_time_by_its_buyer(mine: Tenant, theirs: Tenant, market: Market) -> None:
    quote = offered(mine)
    accept = partial(quotes.accept_quote, public_id=quote.public_id)
    assert code_of(partial(accept, actor=theirs.actor(), at=NOW))[0] == "not_found"
    assert code_of(partial(accept, actor=mine.actor(), at=quote.valid_until))[0] == "quote_expired"
    assert accept(actor=mine.actor(), at=NOW).state == "accepted"
    assert accept(actor=mine.actor(), at=NOW + DAY).decided_at == NOW
    decline = partial(quotes.decline_quote, actor=mine.actor(), public_id=quote.public_id, reason="", at=NOW)
    assert code_of(decline)[0] == "wrong_state"


def test_a_declined_or_withdrawn_quote_is_over(mine: Tenant, market: Market) -> None:
    declined, withdrawn = offered(mine), offered(mine)
    quotes.decline_quote(actor=mine.actor(), public_id=declined.public_id, reason="too dear", at=NOW)
    withdraw = partial(quotes.withdraw_quote, actor=staff(), public_id=withdrawn.public_id, at=NOW)
    assert code_of(partial(withdraw, reason=" ")) == ("invalid", "reason")
    withdraw(reason="asked for twice")
    for quote in (declined, withdrawn):
        accept = partial(quotes.accept_quote, actor=mine.actor(), public_id=quote.public_id, at=NOW)
        assert code_of(accept)[0] == "wrong_state"


@pytest.mark.parametrize("credits", [0, -5, 100_000_001])
def test_an_amount_that_cannot_be_is_refused(mine: Tenant, credits: int) -> None:
    ask = partial(quotes.request_quote, actor=mine.actor(), organisation_id=mine.organisation.pk, note="", at=NOW)
    assert code_of(partial(ask, credits=credits)) == ("invalid_amount", "credits")


@pytest.mark.parametrize("days", [0, -1, 366])
def test_a_validity_out_of_range_is_refused(mine: Tenant, market: Market, days: int) -> None:
    legal(mine)
    made = quotes.request_quote(actor=mine.actor(), organisation_id=mine.organisation.pk, credits=5, note="", at=NOW)
    offer = partial(quotes.offer_quote, actor=staff(), public_id=made.public_id, at=NOW, valid_days=days)
    assert code_of(offer) == ("invalid", "valid_days")


def test_without_any_price_there_is_no_quote(mine: Tenant) -> None:
    assert code_of(lambda: offered(mine))[0] == "no_price_in_force"


def test_the_sweep_warns_once_and_expires_once(mine: Tenant, market: Market) -> None:
    quote = offered(mine)
    assert quote.valid_until is not None
    assert [quotes.expire_quotes(at=NOW), quotes.expire_quotes(at=quote.valid_until - 3 * DAY)] == [0, 0]
    quotes.expire_quotes(at=quote.valid_until - 2 * DAY)
    assert [quotes.expire_quotes(at=quote.valid_until) for _ in range(2)] == [1, 0]
    quote.refresh_from_db()
    assert quote.state == "expired"
    told = Event.objects.filter(organisation=mine.organisation, type__startswith="quote.").order_by("pk")
    assert list(told.values_list("type", flat=True)) == ["quote.offered", "quote.expiring", "quote.expired"]


def test_the_database_refuses_credits_without_settlement(mine: Tenant, market: Market) -> None:
    quote = offered(mine)
    lot = LedgerAccount.objects.filter(organisation=mine.organisation).first()
    for fields in ({"lot": lot}, {"net_cents": 1}, {"number": None}, {"state": "draft", "gross_cents": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Quote.objects.filter(pk=quote.pk).update(**fields)


def test_ten_hands_record_one_transfer_and_issue_one_lot(committed: None) -> None:
    make_market()
    tenant = make_tenant(credit=0)
    quote = accepted_quote(tenant)
    people = [staff() for _ in range(10)]
    answers = at_once(*[partial(pay, quote, 600_00, "ONE LINE", actor=person) for person in people])
    refused = [one for one in answers if isinstance(one, Exception)]
    assert {getattr(one, "code", repr(one)) for one in refused} == {"bank_reference_used"}
    assert (len(answers) - len(refused), BankTransfer.objects.count()) == (1, 1)
    answers = at_once(*[partial(pay, quote, 600_00, f"LINE {n}", actor=person) for n, person in enumerate(people)])
    assert [one.state for one in answers] == ["refused"] * 10
    assert LedgerAccount.objects.lots().filter(organisation=tenant.organisation).count() == 1
    assert Document.objects.count() == 1
    assert drift() == []


class AnyParts(TestCase):
    """Whatever parts come in, what is booked never passes the total, and the lot is there when it is reached."""

    @given(st.lists(st.integers(min_value=1, max_value=400_00), min_size=1, max_size=8))
    def test_booked_money_never_passes_the_total(self, parts: list[int]) -> None:
        make_market()
        quote = accepted_quote(make_tenant(credit=0, roles=("owner",)), 300)
        states = [pay(quote, cents).state for cents in parts]
        booked = sum(cents for cents, state in zip(parts, states, strict=True) if state == "approved")
        quote.refresh_from_db()
        assert booked <= quote.gross_cents
        assert (quote.lot is not None) == (booked == quote.gross_cents)


@pytest.mark.parametrize("most", [33_003_652, MOST_CENTS // 100])
def test_a_quote_may_be_as_large_as_one_order_may_be(mine: Tenant, most: int) -> None:
    quote = quotes.request_quote(
        actor=mine.actor(), organisation_id=mine.organisation.pk, credits=most, note="", at=NOW
    )
    assert quote.net_cents == most * 100
    with pytest.raises(DomainError):
        quotes.request_quote(
            actor=mine.actor(), organisation_id=mine.organisation.pk, credits=MOST_CENTS // 100 + 1, note="", at=NOW
        )
