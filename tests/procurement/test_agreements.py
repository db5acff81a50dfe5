# SPDX-License-Identifier: Apache-2.0
"""An agreement has a maximum, prices and at most the years of the law; no order passes it, by whatever way it comes."""

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.procurement.models import AgreementLot, AgreementRule, FrameworkAgreement, PurchaseOrder
from billing.procurement.queries.figures import of_agreement_lots, of_agreements
from billing.procurement.services import acceptance, agreements
from billing.procurement.services.agreements import AgreementWish, LotWish, months_later
from tests.billing.books import staff
from tests.billing.hands import at_once
from tests.procurement.scenes import DAY, SMALL, agreed, code_of, placed
from tests.worlds import NOW, Market, Tenant, make_market, make_tenant


def wish(**fields: Any) -> AgreementWish:
    given = {"title": "GPU", "maximum_cents": 100_000_00, "starts_on": NOW.date(), "ends_on": NOW.date() + 365 * DAY}
    return AgreementWish(**{**given, **fields})


def draft(tenant: Tenant, **fields: Any) -> FrameworkAgreement:
    return agreements.draft_agreement(
        actor=fields.pop("actor", None) or staff(), organisation_id=tenant.organisation.pk, wish=wish(**fields), at=NOW
    )


def test_an_agreement_is_activated_by_another_person(mine: Tenant, market: Market) -> None:
    person = staff()
    row = draft(mine, actor=person)
    activate = partial(agreements.activate_agreement, public_id=row.public_id, at=NOW)
    assert code_of(partial(activate, actor=person))[0] == "four_eyes"
    assert code_of(lambda: placed(mine, agreement=row.public_id))[0] == "not_found"  # a draft is not the buyer's yet
    assert activate(actor=staff()).state == "active"
    assert code_of(partial(activate, actor=staff()))[0] == "wrong_state"
    with pytest.raises(IntegrityError), transaction.atomic():
        FrameworkAgreement.objects.filter(pk=draft(mine).pk).update(state="active", decided_by_id=None)


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"title": " "}, ("invalid", "title")),
        ({"maximum_cents": 0}, ("invalid_amount", "maximum_cents")),
        ({"maximum_cents": -1}, ("invalid_amount", "maximum_cents")),
        ({"ends_on": NOW.date() - DAY}, ("agreement_not_possible", "ends_on")),
        ({"starts_on": NOW.date() - 9 * DAY, "ends_on": NOW.date() - DAY}, ("agreement_not_possible", "ends_on")),
        ({"ends_on": date(2030, 3, 2)}, ("agreement_not_possible", "ends_on")),
        ({"starts_on": date(2018, 1, 1)}, ("agreement_not_possible", "starts_on")),
        ({"lots": (LotWish("A", "x", 1), LotWish("A", "y", 1))}, ("agreement_not_possible", "lots")),
        ({"lots": (LotWish("A", "x", 100_001_00),)}, ("agreement_not_possible", "lots")),
        ({"lots": (LotWish("A", "x", 0),)}, ("invalid_amount", "lots")),
    ],
)
def test_an_agreement_that_cannot_be_is_refused(mine: Tenant, market: Market, fields: Any, refused: Any) -> None:
    assert code_of(lambda: draft(mine, **fields)) == refused
    assert FrameworkAgreement.objects.count() == 0


def test_four_years_to_the_day_are_the_longest_and_the_database_says_so_too(mine: Tenant, market: Market) -> None:
    row = draft(mine, ends_on=date(2030, 3, 1))
    copied = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    changed = {"id": None, "public_id": "fwa_x", "number": "X", "ends_on": date(2030, 3, 2)}
    with pytest.raises(IntegrityError, match="longer than the law"), transaction.atomic():
        FrameworkAgreement.objects.create(**{**copied, **changed})


def test_the_law_is_the_one_of_the_first_day(mine: Tenant, market: Market) -> None:
    AgreementRule.objects.create(valid_from=date(2026, 3, 1), max_months=12, source="a later law")
    assert code_of(lambda: draft(mine, ends_on=date(2027, 3, 2)))[1] == "ends_on"
    assert draft(mine, ends_on=date(2027, 3, 1)).ends_on == date(2027, 3, 1)
    assert draft(mine, starts_on=date(2026, 2, 28), ends_on=date(2030, 2, 27)).state == "draft"


def test_months_are_counted_as_the_database_counts_them() -> None:
    assert [months_later(date(2024, 2, 29), 12), months_later(date(2026, 12, 31), 2), months_later(NOW.date(), 48)] == [
        date(2025, 2, 28), date(2027, 2, 28), date(2030, 3, 2),
    ]  # fmt: skip


def test_orders_reach_the_maximum_and_never_pass_it(mine: Tenant, market: Market) -> None:
    row = agreed(mine, 2_000_00)
    placed(mine, 1_500_00, agreement=row.public_id)
    refused = code_of(lambda: placed(mine, 500_01, agreement=row.public_id))
    assert refused == ("maximum_exceeded", "amount_cents")
    placed(mine, 500_00, agreement=row.public_id)
    row.refresh_from_db()
    assert (row.ordered_cents, of_agreements([row.pk])[row.pk].committed) == (2_000_00, 2_000_00)


def test_a_refused_order_makes_room_again(mine: Tenant, market: Market) -> None:
    row = agreed(mine, 2_000_00)
    order = placed(mine, 2_000_00, agreement=row.public_id)
    acceptance.refuse_order(actor=staff(), public_id=order.public_id, reason="wrong year", at=NOW)
    row.refresh_from_db()
    assert row.ordered_cents == 0
    assert placed(mine, 2_000_00, agreement=row.public_id).state == "submitted"


def test_a_lot_has_a_maximum_of_its_own(mine: Tenant, market: Market) -> None:
    row = agreed(mine, 3_000_00, lots=(("A", 2_000_00), ("B", 2_000_00)))
    place = partial(placed, mine, agreement=row.public_id)
    assert code_of(partial(place, SMALL)) == ("invalid", "lot")
    assert code_of(partial(place, SMALL, lot="C")) == ("not_found", "lot")
    assert code_of(partial(place, 2_000_01, lot="A"))[0] == "maximum_exceeded"
    place(2_000_00, lot="A")
    assert code_of(partial(place, 1_500_00, lot="B"))[0] == "maximum_exceeded"  # of the whole agreement
    place(1_000_00, lot="B")
    numbers = of_agreement_lots(lot.pk for lot in row.lots.all())
    assert sorted(one.committed for one in numbers.values()) == [1_000_00, 2_000_00]


def test_nothing_is_ordered_before_the_first_day_or_after_the_last(mine: Tenant, market: Market) -> None:
    row = agreed(mine, starts_on=NOW.date() + DAY, ends_on=NOW.date() + 10 * DAY)
    place = partial(placed, mine, agreement=row.public_id)
    assert code_of(partial(place, at=NOW)) == ("agreement_not_in_force", "agreement")
    assert place(at=NOW + 10 * DAY).expires_on == row.ends_on
    assert code_of(partial(place, at=NOW + 11 * DAY)) == ("agreement_not_in_force", "agreement")
    assert code_of(partial(place, at=NOW + DAY, expires_on=row.ends_on + DAY)) == ("invalid", "expires_on")


def test_an_ended_agreement_takes_no_orders(mine: Tenant, market: Market) -> None:
    row = agreed(mine)
    agreements.end_agreement(actor=staff(), public_id=row.public_id, reason="both agree", at=NOW)
    assert code_of(lambda: placed(mine, agreement=row.public_id))[0] == "agreement_not_in_force"


def test_the_agreement_of_another_organisation_is_not_there(mine: Tenant, theirs: Tenant, market: Market) -> None:
    row = agreed(theirs)
    assert code_of(lambda: placed(mine, agreement=row.public_id)) == ("not_found", "agreement")


@pytest.mark.parametrize(
    "fields",
    [
        {"amount_cents": 2_000_01},
        {"placed_on": NOW.date() + timedelta(days=800)},
        {"placed_on": NOW.date() - DAY},
        {"expires_on": NOW.date() + timedelta(days=800)},
        {"expires_on": None},
        {"attested_cents": 1},
        {"amount_cents": 0},
    ],
)
def test_the_database_refuses_what_an_agreement_does_not_allow(mine: Tenant, market: Market, fields: Any) -> None:
    row = agreed(mine, 2_000_00)
    given = {
        "organisation": mine.organisation, "agreement": row, "number": "X", "state": "submitted", "amount_cents": 1,
        "placed_on": NOW.date(), "placed_at": NOW, "placed_by": "x", "expires_on": row.ends_on,
    }  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        PurchaseOrder.objects.create(**{**given, **fields})
    assert PurchaseOrder.objects.create(**given).amount_cents == 1


def test_counters_and_terms_do_not_change_by_hand(mine: Tenant, market: Market) -> None:
    row = agreed(mine, lots=(("A", 2_000_00),))
    for changed in ({"ordered_cents": 5}, {"maximum_cents": 10**9}, {"ends_on": date(2029, 1, 1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            FrameworkAgreement.objects.filter(pk=row.pk).update(**changed)
    with pytest.raises(IntegrityError), transaction.atomic():
        AgreementLot.objects.filter(agreement=row).update(maximum_cents=10**9)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.lots.all().delete()


def test_fifty_orders_at_once_do_not_pass_the_maximum(committed: None) -> None:
    make_market()
    tenant = make_tenant(credit=0)
    row = agreed(tenant, 10_000_00)
    place = partial(placed, tenant, 1_000_00, agreement=row.public_id)
    answers = at_once(*[place] * 50)
    refused = [one for one in answers if isinstance(one, Exception)]
    assert {getattr(one, "code", repr(one)) for one in refused} == {"maximum_exceeded"}
    row.refresh_from_db()
    assert (len(answers) - len(refused), row.ordered_cents) == (10, 10_000_00)
    numbers = sorted(PurchaseOrder.objects.values_list("number", flat=True))
    assert numbers == [f"BC-2026-{number:05d}" for number in range(1, 11)]


def test_fifty_bare_inserts_at_once_do_not_pass_the_maximum_either(committed: None) -> None:
    make_market()
    tenant = make_tenant(credit=0)
    row = agreed(tenant, 10_000_00)

    def insert(number: int) -> PurchaseOrder:
        return PurchaseOrder.objects.create(
            organisation=tenant.organisation, agreement=row, number=f"X{number}", state="submitted",
            amount_cents=1_000_00, placed_on=NOW.date(), placed_at=NOW, placed_by="x", expires_on=row.ends_on,
        )  # fmt: skip

    answers = at_once(*[partial(insert, number) for number in range(50)])
    assert sum(isinstance(one, IntegrityError) for one in answers) == 40
    row.refresh_from_db()
    assert row.ordered_cents == 10_000_00
