# SPDX-License-Identifier: Apache-2.0
"""An order commits its cost centre, is accepted by as many people as its amount needs, and gives credits once."""

from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from aion.events.models import Event
from aion.tenancy.roles import Role
from billing import queries
from billing.models import LedgerAccount
from billing.procurement.models import CostCentre, PurchaseOrder
from billing.procurement.queries.figures import of_centres
from billing.procurement.services import acceptance, centres, orders
from billing.procurement.services.orders import OrderWish
from billing.procurement.services.warnings import tell_exhausted
from tests.billing.books import drift, staff
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
    legal,
    placed,
    spend,
)
from tests.worlds import MICRO, NOW, Market, Tenant, make_tenant


def centre(tenant: Tenant, code: str, above: CostCentre | None = None, **caps: int) -> CostCentre:
    return centres.create_centre(
        actor=tenant.actor(), code=code, name=code, parent=above.public_id if above else "", at=NOW, **caps
    )


def test_an_accepted_order_is_credit_until_the_end_of_its_agreement(mine: Tenant, market: Market) -> None:
    row = agreed(mine)
    order = accepted(mine, agreement=row.public_id)
    lot = order.lot
    assert lot is not None and lot.expires_at is not None
    assert (lot.available, lot.origin) == (1_000 * MICRO, "purchase")
    assert lot.expires_at.date() == row.ends_on + DAY
    assert queries.balance(mine.organisation.pk, NOW).available == 2_000 * MICRO
    assert drift() == []


def test_accepting_twice_is_once(mine: Tenant) -> None:
    order = accepted(mine)
    again = acceptance.accept_order(actor=staff(), public_id=order.public_id, at=NOW + DAY)
    assert (again.lot_id, again.accepted_at) == (order.lot_id, NOW)
    assert LedgerAccount.objects.filter(label=f"Order {order.number}").count() == 1


def test_a_large_order_needs_two_members_of_staff(mine: Tenant) -> None:
    order, first = placed(mine, LARGE), staff()
    accept = partial(acceptance.accept_order, public_id=order.public_id, at=NOW)
    assert accept(actor=first).state == "submitted"
    assert code_of(partial(accept, actor=first))[0] == "four_eyes"
    assert accept(actor=staff()).state == "accepted"


def test_who_entered_a_large_order_is_its_first_person(mine: Tenant) -> None:
    legal(mine)
    first = staff()
    wish = OrderWish(amount_cents=LARGE)
    order = orders.enter_order(actor=first, organisation_id=mine.organisation.pk, wish=wish, at=NOW)
    accept = partial(acceptance.accept_order, public_id=order.public_id, at=NOW)
    assert code_of(partial(accept, actor=first))[0] == "four_eyes"
    assert accept(actor=staff()).state == "accepted"


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"amount_cents": 0}, ("invalid_amount", "amount_cents")),
        ({"amount_cents": -5}, ("invalid_amount", "amount_cents")),
        ({"amount_cents": 10**15}, ("invalid_amount", "amount_cents")),
        ({"siret": "21750001600018"}, ("invalid", "siret")),
        ({"siret": "123"}, ("invalid", "siret")),
        ({"expires_on": NOW.date() - DAY}, ("invalid", "expires_on")),
        ({"expires_on": NOW.date() + 4000 * DAY}, ("invalid", "expires_on")),
        ({"lot": "A"}, ("invalid", "lot")),
        ({"agreement": "fwa_0000000000000000"}, ("not_found", "agreement")),
        ({"cost_centre": "cct_0000000000000000"}, ("not_found", "cost_centre")),
    ],
)
def test_an_order_that_cannot_be_is_refused(mine: Tenant, fields: Any, refused: Any) -> None:
    wish = OrderWish(**{"amount_cents": SMALL, **fields})
    assert code_of(partial(orders.place_order, actor=mine.actor(), wish=wish, at=NOW)) == refused
    assert PurchaseOrder.objects.count() == 0


def test_a_siret_is_stored_without_blanks(mine: Tenant) -> None:
    assert placed(mine, siret=f" {SIRETS[0][:3]} {SIRETS[0][3:]} ").siret == SIRETS[0]


def test_the_same_key_places_once_and_another_content_is_refused(mine: Tenant) -> None:
    place = partial(orders.place_order, actor=mine.actor(), at=NOW, key="k")
    first = place(wish=OrderWish(amount_cents=SMALL))
    assert place(wish=OrderWish(amount_cents=SMALL)).pk == first.pk
    assert code_of(partial(place, wish=OrderWish(amount_cents=SMALL + 1))) == ("key_used", "key")


def test_ten_hands_with_one_key_place_one_order(committed: None) -> None:
    tenant = make_tenant(credit=0)
    wish = OrderWish(amount_cents=SMALL)
    place = partial(orders.place_order, actor=tenant.actor(), wish=wish, at=NOW, key="k")
    assert len({one.pk for one in at_once(*[place] * 10)}) == 1
    assert PurchaseOrder.objects.count() == 1


def test_ten_hands_accept_one_order_once(committed: None) -> None:
    tenant = make_tenant(credit=0)
    order = placed(tenant)
    hands = [partial(acceptance.accept_order, actor=staff(), public_id=order.public_id, at=NOW) for _ in range(10)]
    assert {one.state for one in at_once(*hands)} == {"accepted"}
    assert LedgerAccount.objects.lots().filter(organisation=tenant.organisation).count() == 1
    assert drift() == []


def test_what_is_ordered_counts_for_all_centres_above(mine: Tenant) -> None:
    root = centre(mine, "R", hard_cap_cents=3_000_00)
    left, right = centre(mine, "R1", root), centre(mine, "R2", root, hard_cap_cents=1_500_00)
    placed(mine, 2_000_00, cost_centre=left.public_id)
    place = partial(placed, mine, cost_centre=right.public_id)
    assert code_of(partial(place, 1_500_01)) == ("hard_cap_exceeded", "amount_cents")  # its own
    assert code_of(partial(place, 1_000_01)) == ("hard_cap_exceeded", "amount_cents")  # the one above
    place(1_000_00)
    rows = {one.code: one.committed_cents for one in CostCentre.objects.all()}
    assert rows == {"R": 3_000_00, "R1": 2_000_00, "R2": 1_000_00}
    committed = {pk: one.committed for pk, one in of_centres([root.pk, left.pk, right.pk]).items()}
    assert committed == {root.pk: 3_000_00, left.pk: 2_000_00, right.pk: 1_000_00}


def test_fifty_orders_at_once_do_not_pass_a_hard_cap_above(committed: None) -> None:
    tenant = make_tenant(credit=0)
    root = centre(tenant, "R", hard_cap_cents=5_000_00)
    below = [centre(tenant, f"R{number}", root) for number in range(5)]
    legal(tenant)
    hands = [partial(placed, tenant, 1_000_00, cost_centre=below[number % 5].public_id) for number in range(50)]
    answers = at_once(*hands)
    refused = {getattr(one, "code", repr(one)) for one in answers if isinstance(one, Exception)}
    assert refused == {"hard_cap_exceeded"}
    root.refresh_from_db()
    assert root.committed_cents == 5_000_00


def test_above_a_soft_cap_another_owner_or_admin_approves(mine: Tenant, theirs: Tenant) -> None:
    root = centre(mine, "R", soft_cap_cents=1_500_00)
    below = centre(mine, "R1", root)
    assert placed(mine, 1_500_00, cost_centre=below.public_id).state == "submitted"
    order = placed(mine, 1, role=Role.ADMIN, cost_centre=below.public_id)
    assert order.state == "in_review"
    told = Event.objects.get(organisation=mine.organisation, type="order.approval_needed")
    assert told.data["centre"] == "R R"
    assert (
        code_of(partial(acceptance.accept_order, actor=staff(), public_id=order.public_id, at=NOW))[0] == "wrong_state"
    )
    approve = partial(acceptance.approve_order, public_id=order.public_id, at=NOW)
    assert code_of(partial(approve, actor=mine.actor(Role.BILLING)))[0] == "forbidden"
    assert code_of(partial(approve, actor=mine.actor(Role.ADMIN)))[0] == "four_eyes"
    assert code_of(partial(approve, actor=theirs.actor()))[0] == "not_found"
    assert approve(actor=mine.actor()).state == "submitted"
    assert code_of(partial(approve, actor=mine.actor()))[0] == "wrong_state"


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"code": " "}, ("invalid", "code")),
        ({"name": ""}, ("invalid", "name")),
        ({"code": "R"}, ("invalid", "code")),
        ({"soft_cap_cents": -1}, ("invalid_amount", "soft_cap_cents")),
        ({"hard_cap_cents": 0}, ("invalid_amount", "hard_cap_cents")),
        ({"soft_cap_cents": 2, "hard_cap_cents": 1}, ("invalid", "soft_cap_cents")),
    ],
)
def test_a_cost_centre_that_cannot_be_is_refused(mine: Tenant, fields: Any, refused: Any) -> None:
    centre(mine, "R")
    given = {"actor": mine.actor(), "code": "X", "name": "X", "at": NOW, **fields}
    assert code_of(partial(centres.create_centre, **given)) == refused


def test_a_cost_centre_stays_in_its_organisation_and_its_tree_small(mine: Tenant, theirs: Tenant) -> None:
    foreign = centre(theirs, "T")
    assert code_of(lambda: centre(mine, "M", foreign))[0] == "not_found"
    assert code_of(lambda: placed(mine, cost_centre=foreign.public_id))[0] == "not_found"
    row = centre(mine, "0")
    for depth in range(1, 6):
        row = centre(mine, str(depth), row)
    assert code_of(lambda: centre(mine, "6", row)) == ("invalid", "parent")
    with pytest.raises(IntegrityError), transaction.atomic():
        CostCentre.objects.create(
            organisation=mine.organisation, parent=foreign, code="Y", name="Y", created_at=NOW, depth=1
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        CostCentre.objects.filter(pk=row.pk).update(parent=None)


def test_a_cap_is_not_set_below_what_is_committed_and_a_closed_centre_takes_nothing(mine: Tenant) -> None:
    row = centre(mine, "R")
    placed(mine, 1_000_00, cost_centre=row.public_id)
    change = partial(
        centres.change_centre, actor=mine.actor(), public_id=row.public_id, name="R", soft_cap_cents=None, at=NOW
    )
    refused = code_of(partial(change, hard_cap_cents=999_99, closed=False))
    assert refused == ("wrong_state", "hard_cap_cents")
    change(hard_cap_cents=1_000_00, closed=True)
    assert code_of(lambda: placed(mine, 1, cost_centre=row.public_id)) == ("invalid", "cost_centre")


def test_an_unspent_order_is_cancelled_and_its_lot_taken_back(mine: Tenant, market: Market) -> None:
    row = agreed(mine)
    order = accepted(mine, agreement=row.public_id)
    done = acceptance.cancel_order(actor=staff(), public_id=order.public_id, reason="ordered twice", at=NOW)
    row.refresh_from_db()
    lot = LedgerAccount.objects.get(pk=order.lot_id or 0)
    assert (done.state, lot.available, row.ordered_cents) == ("cancelled", 0, 0)
    assert drift() == []


def test_an_order_of_which_something_is_spent_is_not_cancelled(mine: Tenant) -> None:
    order = accepted(mine)
    spend(order, 1)
    cancel = partial(acceptance.cancel_order, actor=staff(), public_id=order.public_id, at=NOW)
    assert code_of(partial(cancel, reason="late"))[0] == "not_reversible"
    assert code_of(partial(cancel, reason=" "))[0] == "invalid"
    attested(mine, order, 1)
    correct(order, 1)
    assert code_of(partial(cancel, reason="late"))[0] == "wrong_state"


def test_cancelling_a_large_order_needs_two_members_of_staff(mine: Tenant) -> None:
    order, first = accepted(mine, LARGE), staff()
    cancel = partial(acceptance.cancel_order, public_id=order.public_id, reason="both agree", at=NOW)
    assert cancel(actor=first).state == "accepted"
    assert code_of(partial(cancel, actor=first))[0] == "four_eyes"
    assert cancel(actor=staff()).state == "cancelled"


def test_a_buyer_takes_an_order_back_until_it_is_accepted(mine: Tenant, theirs: Tenant) -> None:
    order = placed(mine)
    back = partial(acceptance.take_order_back, public_id=order.public_id, reason="not needed", at=NOW)
    assert code_of(partial(back, actor=theirs.actor()))[0] == "not_found"
    assert back(actor=mine.actor()).state == "cancelled"
    assert (
        code_of(partial(acceptance.accept_order, actor=staff(), public_id=order.public_id, at=NOW))[0] == "wrong_state"
    )
    other = accepted(mine)
    assert code_of(partial(back, public_id=other.public_id, actor=mine.actor()))[0] == "wrong_state"
    refuse = partial(acceptance.refuse_order, actor=staff(), public_id=other.public_id, reason="x", at=NOW)
    assert code_of(refuse)[0] == "wrong_state"


def test_an_order_whose_last_day_has_passed_is_not_accepted(mine: Tenant) -> None:
    order = placed(mine, expires_on=NOW.date())
    accept = partial(acceptance.accept_order, actor=staff(), public_id=order.public_id)
    assert code_of(partial(accept, at=NOW + DAY))[0] == "agreement_not_in_force"
    assert accept(at=NOW).state == "accepted"


def test_each_step_of_use_is_told_once(mine: Tenant) -> None:
    order = accepted(mine, 1_000_00)
    spend(order, 799_99)
    assert tell_exhausted(at=NOW) == 0
    spend(order, 1)
    assert [tell_exhausted(at=NOW), tell_exhausted(at=NOW)] == [1, 0]
    spend(order, 200_00)
    assert [tell_exhausted(at=NOW), tell_exhausted(at=NOW)] == [1, 0]
    told = Event.objects.filter(organisation=mine.organisation, type="order.exhausted").order_by("pk")
    assert [one.data["threshold_percent"] for one in told] == [80, 100]


def test_an_order_never_changes_what_it_says(mine: Tenant) -> None:
    order = accepted(mine)
    for changed in ({"amount_cents": 1}, {"organisation": make_tenant().organisation}, {"attested_cents": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PurchaseOrder.objects.filter(pk=order.pk).update(**changed)
    with pytest.raises(IntegrityError), transaction.atomic():
        order.delete()
