# SPDX-License-Identifier: Apache-2.0
"""What the database itself refuses, whatever the code does."""

from datetime import timedelta

import pytest
from django.db import Error, IntegrityError, connection, transaction

from aion.actor import system
from aion.audit.models import AuditEvent
from billing.errors import AlreadyReversed, FourEyesNeeded, InvalidAmount
from billing.models import CreditRequest, LedgerAccount, Price, Transfer, UsageRecord
from billing.reconcile import run_checks
from billing.services.credits import approve_grant, request_grant
from billing.services.ledger import platform_account, post_transfer, reverse_transfer
from billing.services.metering import Window, post_windows
from billing.services.pricing import publish_price
from billing.states import AccountKind, TransferKind
from tests.worlds import MICRO, NOW, Market, Tenant, make_meter, make_user


def lot_of(tenant: Tenant) -> LedgerAccount:
    return LedgerAccount.objects.get(organisation=tenant.organisation, kind="lot")


def move(tenant: Tenant, amount: int, key: str = "x") -> Transfer:
    return post_transfer(
        debit=lot_of(tenant),
        credit=platform_account(AccountKind.CLEARING, at=NOW),
        amount=amount,
        kind=TransferKind.USAGE,
        organisation_id=tenant.organisation.pk,
        key=key,
        description="",
        at=NOW,
    )


def refused(sql: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    except Error:
        return True
    return False


def test_an_overdraft_is_refused(mine: Tenant) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        move(mine, 1_000 * MICRO + 1)
    assert move(mine, 1_000 * MICRO).amount == 1_000 * MICRO


def test_the_same_key_posts_once(mine: Tenant) -> None:
    assert move(mine, 5).pk == move(mine, 5).pk
    assert lot_of(mine).debits == 5


def test_facts_are_never_changed_or_deleted(mine: Tenant, market: Market) -> None:
    post_windows(windows=[Window(NOW, make_meter(mine, market).pk, 60)], source="test", at=NOW)
    assert UsageRecord.objects.count() == 1
    statements = [
        "UPDATE billing_transfer SET amount = 1",
        "DELETE FROM billing_transfer",
        "TRUNCATE billing_transfer CASCADE",
        "UPDATE billing_usagerecord SET seconds = 1",
        "DELETE FROM billing_usagerecord",
        "UPDATE billing_price SET micro_per_gpu_hour = 1",
        "UPDATE billing_ledgeraccount SET credits = credits + 1 WHERE kind = 'lot'",
        "INSERT INTO billing_ledgeraccount (public_id, kind, label, origin, rank, sku_codes, site_codes, debits,"
        " credits, held, created_at) VALUES ('acc_x', 'funding', '', '', 0, '{}', '{}', 0, 5, 0, now())",
        "UPDATE audit_auditevent SET actor_label = 'nobody'",
        "DELETE FROM audit_auditevent",
        "UPDATE residency_residencydecision SET allowed = true",
    ]
    assert [statement for statement in statements if not refused(statement)] == []


def test_two_prices_at_one_time_are_refused(market: Market) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Price.objects.create(
            book=market.price.book, sku=market.sku, valid=(NOW, NOW + timedelta(days=1)), micro_per_gpu_hour=1
        )


def test_a_new_price_ends_the_one_before_at_that_instant(market: Market) -> None:
    publish_price(
        actor=system("test"), book=market.price.book, sku=market.sku, micro_per_gpu_hour=1, valid_from=NOW, at=NOW
    )
    before = Price.objects.in_force_at(NOW - timedelta(microseconds=1)).get(sku=market.sku)
    assert before.valid.upper == NOW
    assert Price.objects.in_force_at(NOW).get(sku=market.sku).micro_per_gpu_hour == 1


def test_a_transfer_is_reversed_once(mine: Tenant) -> None:
    transfer = move(mine, 7)
    reverse_transfer(actor=system("test"), transfer=transfer, reason="mistake", at=NOW)
    with pytest.raises(AlreadyReversed):
        reverse_transfer(actor=system("test"), transfer=transfer, reason="again", at=NOW)
    lot = lot_of(mine)
    assert lot.credits - lot.debits == 1_000 * MICRO


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_and_less_is_no_transfer(mine: Tenant, amount: int) -> None:
    with pytest.raises(InvalidAmount):
        move(mine, amount)
    assert move(mine, 1).amount == 1


def test_a_transfer_counts_from_the_moment_it_is_posted_unless_another_is_said(mine: Tenant) -> None:
    now = move(mine, 1, "now")
    earlier = post_transfer(
        debit=lot_of(mine),
        credit=platform_account(AccountKind.CLEARING, at=NOW),
        amount=1,
        kind=TransferKind.USAGE,
        organisation_id=mine.organisation.pk,
        key="earlier",
        description="",
        at=NOW,
        effective_at=NOW - timedelta(days=1),
    )
    assert [(one.effective_at, one.created_at) for one in (now, earlier)] == [
        (NOW, NOW),
        (NOW - timedelta(days=1), NOW),
    ]


def test_a_reversal_is_on_the_record_with_its_reason(mine: Tenant) -> None:
    reversal = reverse_transfer(actor=system("test"), transfer=move(mine, 7), reason="r" * 201, at=NOW)
    assert reversal.description == "r" * 200
    told = AuditEvent.objects.get(action="transfer.reversed")
    assert (told.subject_id, told.reason) == (reversal.public_id, "r" * 201)


def test_a_reversal_that_the_lot_cannot_bear_is_not_called_reversed_already(mine: Tenant) -> None:
    bought = Transfer.objects.get(credit_account=lot_of(mine))
    move(mine, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        reverse_transfer(actor=system("test"), transfer=bought, reason="mistake", at=NOW)
    assert not Transfer.objects.filter(reverses=bought).exists()


def test_a_large_grant_waits_for_a_second_person(mine: Tenant) -> None:
    from aion.actor import Actor, Scope, Via

    first, second = (Actor(make_user().pk, None, "staff", frozenset(Scope), Via.ADMIN, f"staff{n}") for n in range(2))
    made = request_grant(
        actor=first,
        organisation_id=mine.organisation.pk,
        amount=10_001 * MICRO,
        label="RAISE",
        reason="award",
        expires_at=None,
        at=NOW,
    )
    assert (made.state, made.lot) == ("pending", None)
    for alone in (first, system("a task")):
        with pytest.raises(FourEyesNeeded):
            approve_grant(actor=alone, public_id=made.public_id, at=NOW)
    approve_grant(actor=second, public_id=made.public_id, at=NOW)
    assert CreditRequest.objects.get().lot.credits == 10_001 * MICRO
    assert AuditEvent.objects.filter(action="lot.issued", actor_label="staff1").count() == 1


def test_the_reconciler_finds_what_was_tampered_with(mine: Tenant, market: Market) -> None:
    post_windows(windows=[Window(NOW, make_meter(mine, market).pk, 60)], source="test", at=NOW)
    assert [check.name for check in run_checks() if check.contradictions and check.name == "balances = transfers"] == []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE billing_ledgeraccount SET credits = credits + 1 WHERE kind = 'lot'")
        cursor.execute("UPDATE billing_transfer SET amount = amount + 1 WHERE kind = 'usage'")
    found = {check.name for check in run_checks() if check.contradictions}
    assert {"balances = transfers", "charged = rated usage"} <= found
