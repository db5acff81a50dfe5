# SPDX-License-Identifier: Apache-2.0
"""No sequence of operations overdraws a lot or makes credit from nothing."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from billing import queries
from billing.errors import InsufficientCredit
from billing.models import LedgerAccount, Transfer
from billing.reconcile import CHECKS, run_checks
from billing.services.holds import release_hold
from billing.services.metering import Window, post_windows
from tests.worlds import MICRO, NOW, make_lot, make_market, make_meter, make_tenant


class Ledger(RuleBasedStateMachine):
    """An oracle in plain integers beside the database."""

    meters = Bundle("meters")

    def __init__(self) -> None:
        """Start with one tenant and no credit."""
        super().__init__()
        self.tenant, self.market = make_tenant(credit=0, roles=()), make_market(price=777_777)
        self.issued = 0
        self.exact = 0
        self.posted: set[tuple[int, int]] = set()

    @rule(amount=st.integers(1, 5), days=st.none() | st.integers(40, 80))
    def issue(self, amount: int, days: int | None) -> None:
        """Credit comes in."""
        make_lot(self.tenant.organisation, amount, expires_at=NOW + timedelta(days=days) if days else None)
        self.issued += amount * MICRO

    @rule(target=meters, amount=st.integers(1, 4 * MICRO), milli=st.integers(1, 4000))
    def hold(self, amount: int, milli: int) -> Any:
        """A run is held, or refused for lack of credit."""
        available = queries.balance(self.tenant.organisation.pk, NOW).available
        try:
            meter = make_meter(self.tenant, self.market, milli_gpus=milli, hold=amount)
        except InsufficientCredit:
            assert available < amount
            return make_meter(self.tenant, self.market, milli_gpus=milli)
        assert available >= amount
        return meter

    @rule(meter=meters, hour=st.integers(0, 20), seconds=st.integers(1, 3600))
    def use(self, meter: Any, hour: int, seconds: int) -> None:
        """Usage arrives, perhaps again."""
        post_windows(windows=[Window(NOW + timedelta(hours=hour), meter.pk, seconds)], source="test", at=NOW)
        if (meter.pk, hour) not in self.posted:
            self.posted.add((meter.pk, hour))
            self.exact += meter.milli_gpus * seconds * meter.micro_per_gpu_hour

    @rule(meter=meters)
    def release(self, meter: Any) -> None:
        """A run ends."""
        if meter.run.hold_id:
            release_hold(hold_id=meter.run.hold_id, at=NOW)

    @invariant()
    def nothing_is_lost_or_made(self) -> None:
        """Issued = left + charged - owed; charged = the floor of the exact sum."""
        organisation = self.tenant.organisation.pk
        balance = queries.balance(organisation, NOW)
        usage = Transfer.objects.filter(kind="usage", organisation_id=organisation)
        charged = sum(usage.values_list("amount", flat=True))
        assert charged == self.exact // 3_600_000
        assert self.issued == balance.total + charged - balance.owed
        lots = LedgerAccount.objects.filter(kind="lot", organisation_id=organisation)
        assert all(lot.available >= 0 and lot.held >= 0 for lot in lots)

    @invariant()
    def the_books_agree(self) -> None:
        """The reconciler's own rules hold after every step."""
        assert [check.name for check in run_checks() if check.contradictions and check.name in CHECKS] == []


@pytest.mark.django_db
def test_no_sequence_of_operations_overdraws_or_makes_credit() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Ledger,
        settings=settings(
            max_examples=12,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
