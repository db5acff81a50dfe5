# SPDX-License-Identifier: Apache-2.0
"""No sequence of operations makes, loses or misplaces a micro-credit: 10,000 steps, each against the oracle.

``AION_FUZZ=long`` (``make fuzz``) runs many more; ``AION_FUZZ_SEED=7,2500`` repeats one run of so many steps.
"""

import os
import random
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.billing.machine.world import OPERATIONS, World

LONG = os.environ.get("AION_FUZZ") == "long"
STEPS = 10_000 if LONG else 1_250
SEEDS = range(200 if LONG else 8)


class Dice:
    """A seeded generator that numbers are picked from."""

    def __init__(self, seed: str) -> None:
        self.dice = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        return self.dice.randint(low, high)


def drive(seed: str, steps: int) -> None:
    """Run ``steps`` operations; a failure says how to repeat it and what came last."""
    world, pick = World(), Dice(seed)
    names = [name for name, weight in OPERATIONS.items() for _ in range(weight)]
    done: list[str] = []
    try:
        for _ in range(steps):
            done.append(names[pick.integer(0, len(names) - 1)])
            getattr(world, done[-1])(pick)
            world.compare()
    except BaseException as error:
        error.add_note(f"AION_FUZZ_SEED={seed},{len(done)} repeats it; the last steps were {done[-10:]}")
        raise


@pytest.mark.timeout(3_000 if LONG else 240)
@pytest.mark.parametrize("seed", SEEDS)
def test_ten_thousand_steps_agree_with_the_oracle(committed: None, settings: Any, seed: int) -> None:
    settings.REFUND_EXPIRED_AS_GOODWILL = seed % 2 == 0
    drive(str(seed), STEPS)


@pytest.mark.skipif("AION_FUZZ_SEED" not in os.environ, reason="only to repeat a failure: AION_FUZZ_SEED=seed,steps")
@pytest.mark.timeout(3_000)
def test_a_seed_is_repeated(committed: None, settings: Any) -> None:
    seed, steps = os.environ["AION_FUZZ_SEED"].split(",")
    settings.REFUND_EXPIRED_AS_GOODWILL = int(seed) % 2 == 0
    drive(seed, int(steps))


class Drawn:
    """Hypothesis as the source of chance: a failure is shrunk to its shortest form."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data

    def integer(self, low: int, high: int) -> int:
        return int(self.data.draw(st.integers(low, high)))


class Money(RuleBasedStateMachine):
    """The same operations, in sequences that Hypothesis chooses and shrinks."""

    def __init__(self) -> None:
        """Start with nothing: months are closed for everybody, so one example must not see another's."""
        super().__init__()
        self.before = transaction.savepoint()
        self.world = World()

    def teardown(self) -> None:
        """Leave nothing."""
        transaction.savepoint_rollback(self.before)


def _rule(name: str) -> Any:
    @rule(data=st.data())
    def step(self: Money, data: st.DataObject) -> None:
        getattr(self.world, name)(Drawn(data))
        self.world.compare()

    step.__name__ = name
    return step


for _name in OPERATIONS:
    setattr(Money, _name, _rule(_name))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fault",
    [
        "UPDATE billing_ledgeraccount SET credits = credits + 1 WHERE kind = 'lot'",
        "UPDATE billing_usagehour SET exact = exact + 1",
        "UPDATE billing_usageday SET milli_gpu_seconds = milli_gpu_seconds + 1",
        "UPDATE billing_holdleg SET amount = amount + 1",
        "UPDATE billing_ratingcarry SET carry = carry + 1",
    ],
)
def test_a_fault_that_is_planted_between_two_steps_is_noticed(fault: str) -> None:
    world, pick = World(), Dice("planted")
    for name in ("grant", "grant", "grant", "grant", "launch", "launch", "launch", "launch", "use", "use", "use"):
        getattr(world, name)(pick)
        world.compare()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(fault)
        assert cursor.rowcount > 0
        cursor.execute("SET session_replication_role = DEFAULT")
    world.touched = world.parties
    with pytest.raises(AssertionError):
        world.compare()


@pytest.mark.django_db
@pytest.mark.timeout(3_000 if LONG else 240)
def test_a_failure_is_shrunk_to_its_shortest_form() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Money,
        settings=settings(
            max_examples=2_000 if LONG else 15,
            stateful_step_count=60 if LONG else 20,
            deadline=None,
            derandomize=not LONG,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
