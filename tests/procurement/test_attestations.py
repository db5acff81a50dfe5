# SPDX-License-Identifier: Apache-2.0
"""The buyer attests at most what was consumed, exactly that is invoiced with all references, and then paid."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from billing.invoicing.models import Document
from billing.procurement.models import BuyerRequirement, ServiceAttestation
from billing.procurement.queries.figures import Figures, of_agreements, of_centres, of_orders
from billing.procurement.services import centres, orders, transfers
from billing.procurement.services.attestations import AttestationWish, attest
from tests.billing.books import staff
from tests.billing.hands import at_once
from tests.procurement.scenes import (
    DAY,
    LARGE,
    SIRETS,
    SMALL,
    accepted,
    agreed,
    attested,
    code_of,
    correct,
    issue,
    placed,
    reference,
    spend,
    yesterday,
)
from tests.worlds import NOW, Market, Tenant, make_tenant


def pay(row: ServiceAttestation, cents: int, bank_reference: str = "") -> Any:
    return transfers.record_invoice_payment(
        actor=staff(), public_id=row.public_id, amount_cents=cents, received_on=yesterday(),
        bank_reference=bank_reference or reference(), at=NOW,
    )  # fmt: skip


def test_exactly_what_was_attested_is_invoiced_with_all_references(mine: Tenant, market: Market) -> None:
    row = agreed(mine, reference="2026-M-17", lots=(("A", 50_000_00),))
    centre = centres.create_centre(actor=mine.actor(), code="4711", name="Research", at=NOW)
    order = accepted(
        mine, agreement=row.public_id, lot="A", cost_centre=centre.public_id, engagement_number="EJ-9",
        service_code="SVC", siret=SIRETS[0],
    )  # fmt: skip
    spend(order, 300_00)
    made = attested(mine, order, 299_99)
    document = made.document
    assert (document.type, document.process, document.net_cents, document.paid_cents) == ("380", "S1", 299_99, 0)
    assert (document.due_on, document.period_first) == ((NOW + timedelta(days=30)).date(), NOW.date())
    assert document.references == {
        "buyer_reference": "SVC", "purchase_order": "EJ-9", "contract": "2026-M-17", "sales_order": order.number,
        "cost_centre": "4711", "lot": "A", "buyer_siret": SIRETS[0],
    }  # fmt: skip
    (line,) = document.lines.all()
    assert (line.net_cents, line.quantity_milli) == (299_99, 299_990)


def test_no_more_is_attested_than_was_consumed(mine: Tenant) -> None:
    order = accepted(mine)
    assert code_of(lambda: attested(mine, order, 1)) == ("not_consumed", "amount_cents")
    spend(order, 100_00)
    attested(mine, order, 60_00)
    assert code_of(lambda: attested(mine, order, 40_01)) == ("not_consumed", "amount_cents")
    attested(mine, order, 40_00)
    correct(order, 30_00)
    spend(order, 20_00)  # 90 euros used, 100 attested
    assert code_of(lambda: attested(mine, order, 1))[0] == "not_consumed"


def test_ten_hands_attest_no_more_than_was_consumed(committed: None) -> None:
    tenant = make_tenant(credit=0)
    order = accepted(tenant)
    spend(order, 100_00)
    answers = at_once(*[partial(attested, tenant, order, 25_00)] * 10)
    assert sum(isinstance(one, ServiceAttestation) for one in answers) == 4
    assert of_orders([order.pk])[order.pk].invoiced == 100_00
    assert Document.objects.count() == 4


@pytest.mark.parametrize(
    ("cents", "first", "last", "refused"),
    [
        (0, 0, 0, ("invalid_amount", "amount_cents")),
        (-1, 0, 0, ("invalid_amount", "amount_cents")),
        (1, 0, 1, ("invalid", "period_last")),
        (1, 0, -1, ("invalid", "period_last")),
        (1, -1, 0, ("invalid", "period_first")),
    ],
)
def test_an_attestation_that_cannot_be_is_refused(
    mine: Tenant, cents: int, first: int, last: int, refused: Any
) -> None:
    order = accepted(mine)
    spend(order, SMALL)
    wish = AttestationWish(cents, (NOW + first * DAY).date(), (NOW + last * DAY).date())
    assert code_of(partial(attest, actor=mine.actor(), public_id=order.public_id, wish=wish, at=NOW)) == refused
    assert Document.objects.count() == 0


def test_a_stranger_attests_nothing_and_nobody_before_acceptance(mine: Tenant, theirs: Tenant) -> None:
    order = accepted(mine)
    spend(order, SMALL)
    assert code_of(lambda: attested(theirs, order, 1))[0] == "not_found"
    assert code_of(lambda: attested(mine, placed(mine), 1))[0] == "wrong_state"


def test_the_same_key_attests_once(mine: Tenant) -> None:
    order = accepted(mine)
    spend(order, SMALL)
    first = attested(mine, order, 10_00, key="k")
    assert attested(mine, order, 10_00, key="k").pk == first.pk
    assert code_of(lambda: attested(mine, order, 10_01, key="k")) == ("key_used", "key")


def test_what_a_public_body_wants_is_checked_before_the_invoice(mine: Tenant) -> None:
    BuyerRequirement.objects.create(
        siret=SIRETS[1], name="Ville", needs_service_code=True, needs_engagement=True, source="Chorus Pro"
    )
    order = accepted(mine, siret=SIRETS[1])
    spend(order, SMALL)
    complete = partial(orders.complete_references, actor=mine.actor(), order=order, at=NOW)
    assert code_of(lambda: attested(mine, order, 1)) == ("reference_missing", "service_code")
    complete(engagement_number="", service_code="SVC")
    assert code_of(lambda: attested(mine, order, 1)) == ("reference_missing", "engagement_number")
    assert Document.objects.count() == 0
    complete(engagement_number="EJ", service_code="SVC")
    assert code_of(partial(complete, engagement_number="EJ2", service_code="")) == ("wrong_state", "engagement_number")
    assert code_of(partial(complete, engagement_number="", service_code=""))[0] == "invalid"
    assert attested(mine, order, 1).document.references["purchase_order"] == "EJ"


def test_an_attestation_is_a_fact(mine: Tenant) -> None:
    order = accepted(mine)
    spend(order, SMALL)
    made = attested(mine, order, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        ServiceAttestation.objects.filter(pk=made.pk).update(amount_cents=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        made.delete()
    with pytest.raises(IntegrityError), transaction.atomic():  # more than the order
        ServiceAttestation.objects.create(
            organisation=mine.organisation, order=order, period_first=NOW.date(), period_last=NOW.date(),
            amount_cents=SMALL, attested_at=NOW, attested_by="x", document=made.document,
        )  # fmt: skip


def test_the_invoice_of_a_service_is_paid_in_parts_and_never_over(mine: Tenant) -> None:
    order = accepted(mine)
    spend(order, 100_00)
    made = attested(mine, order, 100_00)
    assert code_of(lambda: pay(made, 120_00))[0] == "wrong_state"  # not issued yet
    issue(made.document)
    assert [pay(made, cents).state for cents in (60_00, 60_01, 60_00)] == ["approved", "refused", "approved"]
    assert of_orders([order.pk])[order.pk] == Figures(SMALL, 100_00, 100_00, 100_00)


def test_a_large_payment_of_an_invoice_waits_for_a_second_person(mine: Tenant) -> None:
    order = accepted(mine, LARGE)
    spend(order, LARGE)
    made = attested(mine, order, LARGE)
    issue(made.document)
    row = pay(made, LARGE * 12 // 10)
    assert (row.state, of_orders([order.pk])[order.pk].paid) == ("pending", 0)
    transfers.approve_transfer(actor=staff(), public_id=row.public_id, at=NOW)
    assert of_orders([order.pk])[order.pk].paid == LARGE


def test_a_bank_reference_pays_one_thing_only(mine: Tenant) -> None:
    order = accepted(mine)
    spend(order, 100_00)
    first, second = attested(mine, order, 50_00), attested(mine, order, 50_00)
    for one in (first, second):
        issue(one.document)
    pay(first, 60_00, "LINE")
    assert code_of(lambda: pay(second, 60_00, "line ")) == ("bank_reference_used", "bank_reference")


def test_the_four_numbers_of_order_agreement_and_centre_agree(mine: Tenant, market: Market) -> None:
    row = agreed(mine)
    centre = centres.create_centre(actor=mine.actor(), code="4711", name="Research", at=NOW)
    both = [accepted(mine, agreement=row.public_id, cost_centre=centre.public_id) for _ in range(2)]
    for order, cents in zip(both, (300_00, 70_00), strict=True):
        spend(order, cents)
        issue(attested(mine, order, cents - 20_00).document)
    correct(both[0], 10_00)
    first = both[0].attestations.get()
    pay(first, 100_00)
    numbers = of_orders(order.pk for order in both)
    # 100.00 of a total of 336.00 with VAT pay 83.33 of the 280.00 without.
    assert numbers[both[0].pk] == Figures(SMALL, 290_00, 280_00, 83_33)
    assert numbers[both[1].pk] == Figures(SMALL, 70_00, 50_00, 0)
    total = Figures(2 * SMALL, 360_00, 330_00, 83_33)
    assert of_agreements([row.pk]) == {row.pk: total}
    assert of_centres([centre.pk]) == {centre.pk: total}


def test_the_four_numbers_of_many_orders_are_one_query(mine: Tenant) -> None:
    both = [accepted(mine) for _ in range(3)]
    with CaptureQueriesContext(connection) as captured:
        of_orders(order.pk for order in both)
    assert len(captured) == 1
