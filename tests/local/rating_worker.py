# SPDX-License-Identifier: Apache-2.0
"""A rating worker that is there to be killed: ``python -m tests.local.rating_worker``.

It loads the product once and reads commands, one a line, each done by a child of its own that the test kills:
``{"do": "post", "from": 17}``. It answers with the child's pid, the child's own lines, and how the child ended.
"""

import json
import os
import random
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

BATCHES, METERS, ORGANISATIONS, LOTS = 1_000, 12, 60, 400
START = datetime(2026, 3, 2, tzinfo=UTC)
CLOSED = datetime(2026, 8, 1, tzinfo=UTC)
MICRO_PRICES = (777_777, 2_490_000, 1_234_567)
MILLI = (137, 1000, 8000)


def batch(number: int) -> list[tuple[int, datetime, int]]:
    """Return the windows of a batch as (index of the meter, start, seconds): the same at each start."""
    dice = random.Random(number)
    start = START + timedelta(seconds=600 * number)
    return [(meter, start, dice.randint(1, 600)) for meter in sorted(dice.sample(range(METERS), dice.randint(2, 6)))]


def truth() -> int:
    """Return what all batches are worth, in 1/3,600,000 micro-credit."""
    return sum(
        MILLI[meter % 3] * MICRO_PRICES[meter // 3 % 3] * seconds
        for number in range(BATCHES)
        for meter, _, seconds in batch(number)
    )


def set_up() -> dict[str, Any]:
    """Make a tenant with runs under holds, organisations to close and lots that have expired."""
    from billing.services.metering import Window, post_windows
    from tests.worlds import make_lot, make_market, make_meter, make_tenant

    market = make_market(price=MICRO_PRICES[0])
    tenant = make_tenant(credit=700, roles=())
    make_lot(tenant.organisation, 150, expires_at=START + timedelta(days=3))
    make_lot(tenant.organisation, 40, sku_codes=[market.sku.code])
    made = []
    for number in range(METERS):
        market.price.micro_per_gpu_hour = MICRO_PRICES[number // 3 % 3]
        hold = 60_000_000 if number % 2 else None
        made.append(make_meter(tenant, market, milli_gpus=MILLI[number % 3], hold=hold).pk)
    others = [make_tenant(credit=10, roles=()) for _ in range(ORGANISATIONS)]
    windows = [Window(START, make_meter(other, market).pk, 60 + n) for n, other in enumerate(others)]
    post_windows(windows=windows, source="set-up", at=START)
    for number in range(LOTS):
        make_lot(others[number % ORGANISATIONS].organisation, 1, expires_at=START - timedelta(days=30))
    return {"meters": made, "organisation": tenant.organisation.pk}


def post(*, first: int, meters: list[int]) -> dict[str, Any]:
    """Post the batches from ``first`` on; each says its number when it is committed."""
    from billing.services.metering import Window, post_windows

    for number in range(first, BATCHES):
        windows = [Window(start, meters[meter], seconds) for meter, start, seconds in batch(number)]
        post_windows(windows=windows, source="kills", at=START + timedelta(days=8))
        say(batch=number)
    return {}


def close() -> dict[str, Any]:
    """Close the month."""
    from aion.actor import system
    from billing.services.statements import close_month

    done = close_month(actor=system("kills"), month=date(2026, 3, 1), at=CLOSED)
    return {"closed": done.closed, "already": done.already}


def expire() -> dict[str, Any]:
    """Expire lots, a few in a transaction."""
    from billing.services import expiry

    expiry.BATCH = 4
    return {"expired": expiry.expire_lots(at=CLOSED)}


def books(*, organisation: int) -> dict[str, Any]:
    """Return what is stored, in a form that two databases can be compared by."""
    from billing.models import LedgerAccount, MonthStatement, RatingCarry, Transfer, UsageHour, UsageRecord
    from tests.billing.books import drift

    mine = {"organisation": organisation}
    columns = ("kind", "pk", "debits", "credits", "held")
    accounts = LedgerAccount.objects.filter(organisation__isnull=False).order_by("kind", "pk")
    transfers = Transfer.objects.filter(kind__in=["usage", "correction"], **mine)
    return {
        # Numbers of accounts made on the way may have gaps after a crash.
        "accounts": [[kind, pk if kind == "lot" else 0, *sides] for kind, pk, *sides in accounts.values_list(*columns)],
        "exact": int(sum(UsageHour.objects.filter(**mine).values_list("exact", flat=True))),
        "carry": sum(RatingCarry.objects.filter(**mine).values_list("carry", flat=True)),
        "charged": sum(transfers.values_list("amount", flat=True)),
        "records": UsageRecord.objects.filter(organisation_id=organisation).count(),
        "statements": [
            int(exact) for exact in MonthStatement.objects.order_by("organisation").values_list("exact", flat=True)
        ],
        "expired": sorted(Transfer.objects.filter(kind="expiry").values_list("debit_account_id", "amount")),
        "drift": drift(),
    }


def say(**words: Any) -> None:
    """Write one line."""
    os.write(1, (json.dumps(words) + "\n").encode())


ACTS = {"set_up": set_up, "post": post, "close": close, "expire": expire, "books": books}


def child(command: dict[str, Any]) -> None:
    """Do one command and leave without any clean-up, as after a kill."""
    status = 1
    try:
        say(answer=ACTS[command.pop("do")](**command))
        status = 0
    except Exception as error:  # noqa: BLE001 - the test decides what an error means
        say(error=f"{type(error).__name__}: {error}".splitlines()[0])
    finally:
        os._exit(status)


def main() -> None:
    """Load the product, then serve commands until standard input ends."""
    import django

    django.setup()
    import tests.billing.books
    import tests.worlds  # noqa: F401 - loaded before the first child

    say(ready=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line))
        say(pid=pid)
        _, status = os.waitpid(pid, 0)
        say(ended=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
