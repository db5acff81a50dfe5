# SPDX-License-Identifier: Apache-2.0
"""What tests of promises between several hands have in common."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from aion.actor import system
from billing.models import Budget, LedgerAccount
from billing.services.budgets import BudgetWish, create_budget
from billing.services.credits import issue_lot
from billing.states import BudgetAction, BudgetPeriod, BudgetScope, Origin
from tests.worlds import (
    MICRO,
    NOW,
    Tenant,
)

ALERTS = ((100, BudgetAction.ALERT),)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run ``acts`` in threads that start together; return what each returned or raised."""
    barrier = threading.Barrier(len(acts))
    answers: dict[int, Any] = {}

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            answers[number] = act()
        except Exception as error:  # noqa: BLE001 - the test looks at what was raised
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[number] for number in range(len(acts))]


def while_open(
    inside: Callable[[], Any], act: Callable[[], Any], then: Callable[[], Any] = lambda: None
) -> tuple[Any, bool]:
    """Do ``inside`` in a transaction and start ``act`` beside it; return what that answered, and whether it waited.

    ``then`` is done in the transaction once ``act`` has answered or waits for a lock.
    """
    answers: list[Any] = []
    beside = threading.Thread(target=lambda: answers.extend(at_once(act)))
    with transaction.atomic():
        inside()
        beside.start()
        while not answers and not blocked():
            pass
        waited = not answers
        then()
    beside.join()
    return answers[0], waited


def top_up(tenant: Tenant, key: str, amount: int = 5_000 * MICRO) -> LedgerAccount:
    """Sell a lot under an idempotency key."""
    return issue_lot(
        actor=system("test"), organisation_id=tenant.organisation.pk, amount=amount, label="Top-up",
        origin=Origin.PURCHASE, key=key, at=NOW,
    )  # fmt: skip


def share(tenant: Tenant, project: str, amount: int, scope: BudgetScope = BudgetScope.PROJECT) -> Budget:
    """Set a monthly budget of so many credits."""
    wish = BudgetWish(
        name="Share", scope=scope, period=BudgetPeriod.MONTH, amount=amount * MICRO, project_id=project, steps=ALERTS
    )
    return create_budget(actor=tenant.actor(), wish=wish, at=NOW)


def second_project(tenant: Tenant) -> str:
    """Return the id of a second project."""
    return str(
        type(tenant.project)
        .objects.create(
            organisation=tenant.organisation, name="B", slug="b", residency_policy="EU_RESIDENT", milli_gpu_quota=8000
        )
        .public_id
    )


def blocked() -> int:
    """Return how many sessions of this database wait for another."""
    with connection.cursor() as cursor:
        # By the locks they hold: what pg_stat_activity says stands still for as long as a transaction does.
        cursor.execute(
            "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND pid IN (SELECT l.pid FROM pg_locks l "
            "JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database())"
        )
        return int(cursor.fetchone()[0])


def names(answers: list[Any]) -> list[str]:
    """Return what the answers of threads are, in order of their names."""
    return sorted(type(answer).__name__ for answer in answers)
