# SPDX-License-Identifier: Apache-2.0
"""A promo code gives each organisation its credit once, within its cap and period, and tells guessers nothing."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from aion.audit.models import AuditEvent
from aion.errors import DomainError, Rejected
from billing import queries
from billing.errors import PromoCodeNotValid, PromoCodeRedeemed, TooManyTries
from billing.models import LedgerAccount, PromoCode, PromoRedemption
from billing.services import vouchers
from billing.services.credits import Restriction
from billing.services.vouchers import PromoWish
from tests.billing.books import drift, staff
from tests.billing.hands import at_once, names, while_open
from tests.billing.staffing import SOON, address, press, split
from tests.worlds import MICRO, NOW, Market, Tenant, browser, make_tenant

DAY = timedelta(days=1)


def wish(**fields: Any) -> PromoWish:
    given: dict[str, Any] = {
        "code": "HACK-2026", "name": "Hackathon", "amount": 50 * MICRO, "max_redemptions": 10,
        "starts_at": NOW - DAY, "ends_at": NOW + 10 * DAY, "lot_days": 30, "reason": "hackathon",
    }  # fmt: skip
    return PromoWish(**{**given, **fields})


def promo(**fields: Any) -> PromoCode:
    return vouchers.request_promo_code(actor=staff(), wish=wish(**fields), at=NOW)


def code_of(act: Any) -> str:
    with pytest.raises(DomainError) as refused:
        act()
    return refused.value.code


def test_a_code_becomes_a_restricted_lot_that_is_spendable_at_once(mine: Tenant, market: Market) -> None:
    promo(only=Restriction(sku_codes=(market.sku.code,), min_level=2))
    before = queries.balance(mine.organisation.pk, NOW).available
    lot = vouchers.redeem(actor=mine.actor(), code=" hack-2026 ", at=NOW).lot
    assert (lot.origin, lot.available, lot.sku_codes, lot.min_level) == ("promo", 50 * MICRO, [market.sku.code], 2)
    assert lot.expires_at == (NOW + 31 * DAY).replace(hour=0)
    assert queries.balance(mine.organisation.pk, NOW).available == before + 50 * MICRO
    assert AuditEvent.objects.filter(action="promo_code.redeemed", organisation_id=mine.organisation.pk).count() == 1
    assert drift() == []


def test_an_organisation_redeems_a_code_once(mine: Tenant, theirs: Tenant) -> None:
    row = promo(max_redemptions=2)
    vouchers.redeem(actor=mine.actor(), code="HACK-2026", at=NOW)
    with pytest.raises(PromoCodeRedeemed):
        vouchers.redeem(actor=mine.actor("billing"), code="HACK-2026", at=NOW)
    vouchers.redeem(actor=theirs.actor(), code="HACK-2026", at=NOW)
    row.refresh_from_db()
    assert (row.redeemed, PromoRedemption.objects.count()) == (2, 2)


def test_unknown_pending_ended_expired_coming_and_used_up_codes_get_one_answer(mine: Tenant, theirs: Tenant) -> None:
    promo(code="ENDED-1")
    vouchers.end_promo_code(actor=staff(), public_id=PromoCode.objects.get().public_id, reason="over", at=NOW)
    promo(code="COMING-1", starts_at=NOW + DAY)
    promo(code="EXPIRED-1", ends_at=NOW + timedelta(microseconds=1))
    promo(code="USED-UP-1", max_redemptions=1)
    promo(code="PENDING-1", amount=settings.FOUR_EYES_LIMIT_MICROCREDITS)
    vouchers.redeem(actor=theirs.actor(), code="USED-UP-1", at=NOW)
    answers = set()
    for code in ("NOBODY-1", "ENDED-1", "COMING-1", "EXPIRED-1", "USED-UP-1", "PENDING-1", "", "\0"):
        with pytest.raises(PromoCodeNotValid) as refused:
            vouchers.redeem(actor=mine.actor(), code=code.replace("\0", ""), at=NOW + timedelta(microseconds=1))
        answers.add(refused.value.detail)
    assert len(answers) == 1
    assert not PromoRedemption.objects.visible_to(mine.actor()).exists()


def test_the_last_instant_of_the_period_is_outside_it(mine: Tenant, theirs: Tenant) -> None:
    promo(ends_at=NOW + DAY)
    vouchers.redeem(actor=mine.actor(), code="HACK-2026", at=NOW + DAY - timedelta(microseconds=1))
    with pytest.raises(PromoCodeNotValid):
        vouchers.redeem(actor=theirs.actor(), code="HACK-2026", at=NOW + DAY)


def test_the_whole_budget_counts_for_four_eyes(mine: Tenant) -> None:
    limit = settings.FOUR_EYES_LIMIT_MICROCREDITS
    assert promo(code="SMALL-1", amount=limit // 10).state == "active"
    asker, other = staff(), staff()
    big = vouchers.request_promo_code(actor=asker, wish=wish(amount=limit // 10 + 1), at=NOW)
    assert big.state == "pending"
    approve = partial(vouchers.approve_promo_code, public_id=big.public_id, at=NOW)
    assert code_of(lambda: approve(actor=asker)) == "four_eyes"
    assert approve(actor=other).state == "active"
    assert code_of(lambda: approve(actor=other)) == "not_found"
    with pytest.raises(IntegrityError), transaction.atomic():
        PromoCode.objects.filter(pk=big.pk).update(decided_by_id=asker.user_id)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"code": "SHORT"}, "code"), ({"code": "SPÉCIAL-1"}, "code"), ({"amount": 0}, "amount"),
        ({"max_redemptions": 0}, "max_redemptions"), ({"lot_days": 0}, "lot_days"), ({"reason": " "}, "reason"),
        ({"ends_at": NOW - DAY}, "ends_at"), ({"only": Restriction(sku_codes=("no",))}, "sku_codes"),
        ({"only": Restriction(min_level=9)}, "min_level"), ({"only": Restriction(site_codes=("no",))}, "site_codes"),
        ({"only": Restriction(programme_codes=("no",))}, "programme_codes"), ({"lot_days": 3651}, "lot_days"),
        ({"starts_at": NOW + DAY, "ends_at": NOW + DAY}, "ends_at"), ({"ends_at": NOW}, "ends_at"),
        ({"starts_at": NOW - 2 * DAY, "ends_at": NOW - DAY}, "ends_at"), ({"ends_at": NOW + 4000 * DAY}, "ends_at"),
        ({"starts_at": NOW - 4000 * DAY}, "starts_at"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_code_is_named(db: None, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        promo(**fields)
    assert refused.value.field == field
    assert not PromoCode.objects.exists()


def test_the_least_and_the_most_that_a_code_can_give(db: None) -> None:
    least = promo(code="LEAST-1", amount=1, lot_days=1, max_redemptions=1)
    assert (least.amount, least.lot_days, least.state) == (1, 1, "active")
    assert promo(code="MOST-1", lot_days=3650).lot_days == 3650


def decisions() -> list[tuple[str, str, str]]:
    """Return what the record says of codes: act, who, and why."""
    rows = AuditEvent.objects.filter(action__startswith="promo_code.").order_by("pk")
    return list(rows.values_list("action", "actor_label", "reason"))


def test_who_asked_who_decided_and_why_are_on_the_record(db: None) -> None:
    asker, other = staff(), staff()
    ask = partial(vouchers.request_promo_code, actor=asker, at=NOW)
    assert ask(wish=wish(code="SMALL-1")).decided_by_id is None
    big = ask(wish=wish(amount=settings.FOUR_EYES_LIMIT_MICROCREDITS))
    assert (
        vouchers.approve_promo_code(actor=other, public_id=big.public_id, at=NOW + DAY).decided_by_id == other.user_id
    )
    big.refresh_from_db()
    assert (big.state, big.decided_by, big.decided_at) == ("active", other.label, NOW + DAY)
    vouchers.end_promo_code(actor=other, public_id=big.public_id, reason="over", at=NOW + DAY)
    assert decisions() == [
        ("promo_code.requested", asker.label, "hackathon"),
        ("promo_code.activated", asker.label, ""),
        ("promo_code.requested", asker.label, "hackathon"),
        ("promo_code.activated", other.label, ""),
        ("promo_code.ended", other.label, "over"),
    ]


def test_who_asked_may_withdraw_and_another_refuse_with_a_reason_while_it_waits(db: None) -> None:
    asker, other = staff(), staff()
    for actor, decided_by in ((asker, None), (other, other.user_id)):
        code = f"BIG-{actor.user_id:04}"
        big = vouchers.request_promo_code(
            actor=asker, wish=wish(code=code, amount=settings.FOUR_EYES_LIMIT_MICROCREDITS), at=NOW
        )
        reject = partial(vouchers.reject_promo_code, actor=actor, public_id=big.public_id, at=NOW)
        assert code_of(partial(reject, reason=" ")) == "invalid"
        reject(reason="not now")
        big.refresh_from_db()
        assert (big.state, big.decided_by_id, big.decided_by) == ("rejected", decided_by, actor.label)
        assert decisions()[-1] == ("promo_code.rejected", actor.label, "not now")
        assert code_of(partial(reject, reason="again")) == "not_found"


def test_a_code_ends_with_a_reason_only(db: None) -> None:
    row = promo()
    end = partial(vouchers.end_promo_code, actor=staff(), public_id=row.public_id, at=NOW)
    assert code_of(partial(end, reason=" ")) == "invalid"
    row.refresh_from_db()
    assert row.state == "active"


def test_a_code_is_never_used_twice_and_what_it_gives_never_changes(db: None) -> None:
    row = promo()
    assert code_of(lambda: promo(code="hack-2026")) == "invalid"
    for change in ({"amount": 1}, {"max_redemptions": 99}, {"code": "OTHER-1"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PromoCode.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        PromoCode.objects.filter(pk=row.pk).update(redeemed=11)


def test_twenty_tries_an_hour_and_not_one_more(mine: Tenant) -> None:
    promo()
    for number in range(20):
        vouchers.count_try(actor=mine.actor(), at=NOW + timedelta(minutes=number))
    with pytest.raises(TooManyTries) as refused:
        vouchers.count_try(actor=mine.actor(), at=NOW + timedelta(minutes=30))
    assert refused.value.details["retry_after"] == 1801
    assert "You tried 20 codes within an hour" in refused.value.detail
    assert "in 31 minutes" in refused.value.detail
    vouchers.count_try(actor=mine.actor("billing"), at=NOW + timedelta(minutes=30))
    vouchers.count_try(actor=mine.actor(), at=NOW + timedelta(hours=1))


def test_two_tries_of_a_person_at_once_are_counted_one_after_the_other(committed: None) -> None:
    tenant = make_tenant(credit=0)
    attempt = partial(vouchers.count_try, actor=tenant.actor(), at=NOW)
    for _ in range(vouchers.TRIES - 1):
        attempt()
    answer, waited = while_open(attempt, attempt)
    assert (names([answer]), waited) == (["TooManyTries"], True)


def test_five_of_twenty_organisations_get_a_code_for_five_and_each_gets_it_once(committed: None) -> None:
    row = promo(max_redemptions=5)
    tenants = [make_tenant(credit=0, roles=("owner", "billing")) for _ in range(20)]
    acts = [
        partial(vouchers.redeem, actor=tenant.actor(role), code="HACK-2026", at=NOW)
        for tenant in tenants
        for role in ("owner", "billing")
    ]
    answers = names(at_once(*acts))
    row.refresh_from_db()
    assert set(answers) <= {"PromoRedemption", "PromoCodeRedeemed", "PromoCodeNotValid"}
    assert (answers.count("PromoRedemption"), row.redeemed) == (5, 5)
    assert LedgerAccount.objects.lots().filter(origin="promo").count() == 5
    assert PromoRedemption.objects.values("organisation").distinct().count() == 5
    assert drift() == []


def test_the_page_redeems_shows_what_was_redeemed_and_puts_refusals_beside_the_field(mine: Tenant) -> None:
    from aion import clock

    promo(starts_at=clock.now() - DAY, ends_at=clock.now() + DAY)
    client = browser(mine, "billing")
    path = reverse("portal:redeem", kwargs={"slug": "mine"})
    assert "No code redeemed yet" in client.get(path).content.decode()
    wrong = client.post(path, {"code": "NOBODY-1"})
    assert (wrong.status_code, 'aria-invalid="true"' in wrong.content.decode()) == (422, True)
    assert client.post(path, {"code": "hack-2026"}).status_code == 302
    assert "HACK-2026" in client.get(path).content.decode()
    for _ in range(vouchers.TRIES - 2):
        client.post(path, {"code": "NOBODY-1"})
    assert client.post(path, {"code": "NOBODY-1"}).status_code == 429


def test_the_api_redeems_once_and_counts_tries_that_its_idempotency_undoes(mine: Tenant, api: Any) -> None:
    from aion import clock

    promo(starts_at=clock.now() - DAY, ends_at=clock.now() + DAY)
    client, path = api(mine.key()), "/api/v1/promo-redemptions"
    made = client.post(path, {"code": "HACK-2026"}, format="json")
    assert (made.status_code, made.json()["amount"]) == (201, "50.000000")
    again = client.post(path, {"code": "HACK-2026"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "promo_code_redeemed")
    assert [one["code"] for one in client.get(path).json()["items"]] == ["HACK-2026"]
    statuses = [
        client.post(path, {"code": "NOBODY-1"}, format="json", HTTP_IDEMPOTENCY_KEY=f"k{n}").status_code
        for n in range(vouchers.TRIES)
    ]
    assert statuses == [422] * (vouchers.TRIES - 2) + [429] * 2


def test_staff_ask_approve_and_end_a_code(first: Client, second: Client, mine: Tenant) -> None:
    data = {
        "code": "HACK-2026", "name": "Hackathon", "credits": "5000", "max_redemptions": "3", "lot_days": "30",
        "reason": "event", "min_level": "0", **split("starts_at", SOON), **split("ends_at", SOON + DAY),
    }  # fmt: skip
    assert first.post(address("promocode", "add"), {**data, "code": "lower"}).status_code == 200
    assert first.post(address("promocode", "add"), data).status_code == 302
    row = PromoCode.objects.get()
    assert "another member of staff" in press(first, "promocode", "approve", row.pk)[-1]
    assert press(second, "promocode", "approve", row.pk)[-1] == "HACK-2026: approved"
    page = second.get(address("promocode", "change", row.pk)).content.decode()
    assert ("/end" in page, "/approve" in page) == (True, False)
    assert press(second, "promocode", "end", row.pk, reason="over")[-1] == "HACK-2026: ended"
    assert second.get(address("promocode")).status_code == 200
    assert PromoCode.objects.get().state == "ended"


def test_only_a_person_asks_for_a_code(db: None) -> None:
    from aion.actor import system

    with pytest.raises(Rejected, match="Only a person"):
        vouchers.request_promo_code(actor=system("x"), wish=wish(), at=NOW)
