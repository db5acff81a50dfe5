# SPDX-License-Identifier: Apache-2.0
"""Every operation of the money core, done twice: by the product on PostgreSQL and by the oracle; then compared."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import IntegrityError, transaction

from aion.actor import system
from aion.errors import NotFound
from aion.residency.models import ResidencyDecision
from billing.errors import AlreadyReversed, BudgetExceeded, CorrectionNotPossible, InsufficientCredit, MonthNotOver
from billing.models import LedgerAccount, MonthStatement, StatementLine, Transfer
from billing.reconcile import CHECKS, run_checks
from billing.services import budgets, holds
from billing.services.corrections import approve_correction, request_correction
from billing.services.credits import issue_lot
from billing.services.expiry import expire_lots
from billing.services.ledger import reverse_transfer
from billing.services.metering import Window, open_meter, open_run, post_windows
from billing.services.statements import close_month
from billing.states import AccountKind, BudgetAction, BudgetPeriod, BudgetScope, Origin
from tests.billing.books import staff
from tests.billing.machine.oracle import GRACE, Books, Hold, Line, Lot, Meter, Purpose, day_of
from tests.billing.machine.party import Party, Pick, compare
from tests.billing.machine.prepared import Prepared
from tests.worlds import MICRO, NOW, Market, make_market, make_tenant

T = TypeVar("T")
RANK = {Origin.GRANT: 0, Origin.PROMO: 1, Origin.PURCHASE: 2}
PRICES = (777_777, 1_234_567, 1, 2_490_000, 40_000_000)
KEPT = 12  # meters, holds and grants that are still chosen from
ALERT = ((100, BudgetAction.ALERT),)


class World:
    """Two tenants, two GPUs, two sites and one clock."""

    def __init__(self) -> None:
        self.now, self.count, self.steps = NOW, 0, 0
        self.markets = [make_market(price=price) for price in PRICES[:2]]
        self.first, self.second = staff(), staff()
        self.parties = [self._party() for _ in range(2)]
        self.touched: list[Party] = []
        self.prepared = Prepared()

    def _party(self) -> Party:
        tenant = make_tenant(credit=0, roles=("owner",))
        pk = tenant.organisation.pk
        owed = LedgerAccount.objects.create(
            kind=AccountKind.RECEIVABLE, organisation_id=pk, label="Receivable", created_at=NOW
        )
        decision = ResidencyDecision.objects.create(
            organisation_id=pk, subject="test", gate="order", policy="EU_RESIDENT", allowed=True,
            engine_version="test", table_version="test", decided_at=NOW,
        )  # fmt: skip
        tenant.decision = decision.pk  # type: ignore[attr-defined]
        return Party(tenant, Books(owed.pk))

    # --- choosing ------------------------------------------------------------------------------------------------

    def _one(self, pick: Pick, of: Sequence[T]) -> T:
        return of[pick.integer(0, len(of) - 1)]

    def _party_of(self, pick: Pick) -> Party:
        party = self._one(pick, self.parties)
        self.touched = [party]
        return party

    def _number(self) -> int:
        self.count += 1
        return self.count

    def _market(self, pick: Pick) -> Market:
        return self._one(pick, self.markets)

    def _purpose(self, pick: Pick, market: Market) -> Purpose:
        programme = self._one(pick, ("", "", "raise"))
        return Purpose(market.sku.code, market.site.code, programme, pick.integer(0, 2))

    # --- credit --------------------------------------------------------------------------------------------------

    def grant(self, pick: Pick) -> None:
        """Grant or sell a lot, perhaps restricted, perhaps to come, perhaps ending."""
        party, market = self._party_of(pick), self._market(pick)
        if sum(lot.free > 0 for lot in party.books.lots.values()) > 15:
            return
        amount = pick.integer(1, 30) * MICRO + pick.integer(0, 5)
        kind = pick.integer(0, 9)
        fields: dict[str, Any] = {
            "origin": self._one(pick, tuple(RANK)),
            "sku_codes": [market.sku.code] if kind in {0, 4} else [],
            "site_codes": [market.site.code] if kind in {1, 4} else [],
            "programme_codes": ["raise"] if kind == 2 else [],
            "min_level": 1 if kind == 3 else 0,
        }
        start = self.now + timedelta(hours=pick.integer(-30, 30)) if kind in {5, 6} else self.now
        days = pick.integer(0, 3)
        end = start + timedelta(days=days * 7, hours=1) if days else None
        self._issue(party, amount, start, end, fields)

    def _issue(self, party: Party, amount: int, start: datetime, end: datetime | None, fields: dict[str, Any]) -> None:
        key = f"machine:{party.pk}:{self._number()}"
        made = [
            issue_lot(
                actor=system("machine"), organisation_id=party.pk, amount=amount, label="Lot", key=key, at=self.now,
                starts_at=start, expires_at=end, **fields,
            )
            for _ in range(2)
        ]  # fmt: skip
        assert made[0].pk == made[1].pk
        lot = Lot(
            made[0].pk, RANK[fields["origin"]], start, made[0].expires_at, tuple(fields["sku_codes"]),
            tuple(fields["site_codes"]), tuple(fields["programme_codes"]), fields["min_level"], amount,
        )  # fmt: skip
        assert end is None or timedelta() <= lot.expires - end < timedelta(days=1)  # type: ignore[operator]
        party.books.lots[lot.id] = lot
        party.grants = [*party.grants, (Transfer.objects.get(idempotency_key=key), lot)][-KEPT:]

    def take_back(self, pick: Pick) -> None:
        """Reverse a grant: only whole, and only once."""
        party = self._party_of(pick)
        if not party.grants:
            return
        transfer, lot = self._one(pick, party.grants)
        try:
            with transaction.atomic():
                reverse_transfer(actor=self.first, transfer=transfer, reason="machine", at=self.now)
        except AlreadyReversed:
            assert Transfer.objects.filter(reverses=transfer).count() == 1
        except IntegrityError:
            assert lot.free < transfer.amount
        else:
            assert lot.free >= transfer.amount
            lot.debits += transfer.amount

    def expire(self, pick: Pick) -> None:
        """Post what expired, of everybody."""
        self.touched = self.parties
        expected = sum(party.books.expire(self.now) for party in self.parties)
        assert expire_lots(at=self.now) == expected

    def wait(self, pick: Pick) -> None:
        """Let time pass."""
        self.now += timedelta(hours=pick.integer(1, 60))
        self.expire(pick)

    # --- holds ---------------------------------------------------------------------------------------------------

    def launch(self, pick: Pick) -> None:
        """Start a run under a hold; refused, it starts without one (the meter must never lose usage)."""
        party, market = self._party_of(pick), self._market(pick)
        purpose = self._purpose(pick, market)
        amount = pick.integer(1, 20 * MICRO)
        expected = party.books.refusal(amount, purpose, self.now)
        hold, number = None, self._number()
        try:
            row = holds.place_hold(
                purpose=self._asked(party, purpose), amount=amount, reference=f"machine-{number}", at=self.now
            )
        except (BudgetExceeded, InsufficientCredit) as error:
            assert expected == {BudgetExceeded: "budget", InsufficientCredit: "credit"}[type(error)]
        else:
            assert expected == ""
            hold = Hold(row.pk, purpose, amount, party.books.reserve(amount, purpose, self.now))
            party.books.holds[hold.id] = hold
            party.holds = [*party.holds, hold][-KEPT:]
        self._run(party, market, purpose, hold, self._one(pick, PRICES), pick.integer(1, 3), pick.integer(0, 9) > 0)

    def _asked(self, party: Party, purpose: Purpose) -> holds.Purpose:
        return holds.Purpose(
            organisation_id=party.pk, project_id=party.tenant.project.pk, sku_code=purpose.sku,
            site_code=purpose.site, programme_code=purpose.programme, level=purpose.level,
        )  # fmt: skip

    def _run(
        self, party: Party, market: Market, purpose: Purpose, hold: Hold | None, micro: int, devices: int, allowed: bool
    ) -> list[Meter]:
        number = self._number()
        run = open_run(
            organisation_id=party.pk, project_id=party.tenant.project.pk, workload_ref=f"wl_{number}_{party.pk}",
            name="run", site_code=market.site.code, sku_id=market.sku.pk, price_id=market.price.pk,
            micro_per_gpu_hour=micro, hold_id=hold.id if hold else None,
            decision_id=party.tenant.decision if allowed else None,  # type: ignore[attr-defined]
            at=self.now,
        )  # fmt: skip
        made = []
        for device in range(devices):
            reference, milli = f"machine/{party.pk}/{number}/{device}", (137, 1000, 8000)[device]
            pk = open_meter(reference=reference, run_id=run.pk, milli_gpus=milli, allowed=allowed, at=self.now)
            made.append(Meter(pk, run.pk, market.sku.pk, purpose, micro, milli, allowed, hold, reference))
        party.meters = [*party.meters, *made][-KEPT:]
        return made

    def extend(self, pick: Pick) -> None:
        """Ask for more on a hold."""
        party = self._party_of(pick)
        if not party.holds:
            return
        hold, amount = self._one(pick, party.holds), pick.integer(1, 5 * MICRO)
        expected = party.books.refusal(amount, hold.purpose, self.now, run=hold.amount) if hold.open else "closed"
        try:
            holds.extend_hold(hold_id=hold.id, amount=amount, at=self.now)
        except (NotFound, BudgetExceeded, InsufficientCredit) as error:
            assert expected == {NotFound: "closed", BudgetExceeded: "budget", InsufficientCredit: "credit"}[type(error)]
        else:
            assert expected == ""
            hold.legs += party.books.reserve(amount, hold.purpose, self.now)
            hold.amount += amount

    def release(self, pick: Pick) -> None:
        """End a run, perhaps once more."""
        party = self._party_of(pick)
        if party.holds:
            hold = self._one(pick, party.holds)
            assert holds.release_hold(hold_id=hold.id, at=self.now) == party.books.release(hold)

    # --- usage ---------------------------------------------------------------------------------------------------

    def use(self, pick: Pick) -> None:
        """Post usage of one tenant or both: new, late, repeated, conflicting, several windows at once."""
        self.touched = [self._one(pick, self.parties)] if pick.integer(0, 3) else self.parties
        lines = [
            self._line(pick, self._one(pick, party.meters))
            for party in self.touched
            for _ in range(pick.integer(1, 6))
            if party.meters
        ]
        if lines:
            self._post(lines + ([lines[0]] if pick.integer(0, 4) == 0 else []))

    def use_in_pieces(self, pick: Pick) -> None:
        """Post a day's windows of one device, shuffled and cut into batches, some of them again."""
        party = self._party_of(pick)
        if not party.meters:
            return
        meter = self._one(pick, party.meters)
        lines = [self._line(pick, meter) for _ in range(pick.integer(2, 8))]
        cut = pick.integer(0, len(lines))
        for part in (lines[:cut], lines[max(0, cut - 1) :]):
            if part:
                self._post(part)

    def _line(self, pick: Pick, meter: Meter) -> Line:
        known = list(meter.windows)
        if known and pick.integer(0, 4) == 0:
            hour, start = self._one(pick, known)
            seconds = meter.windows[hour, start][0]
            return Line(meter, hour, start, seconds + (1 if pick.integer(0, 3) == 0 and seconds < 600 else 0))
        back = (0, 0, 1, 5, 24, 100, 700)[pick.integer(0, 6)]
        hour = (self.now - timedelta(hours=back + pick.integer(0, 3))).replace(minute=0)
        return Line(meter, hour, 600 * pick.integer(0, 5), pick.integer(1, 600))

    def _post(self, lines: list[Line]) -> None:
        expected: dict[int, tuple[int, int, int]] = {}
        by_party: dict[int, dict[int, int]] = {}
        for party in self.parties:
            own = [line for line in lines if line.meter.reference.startswith(f"machine/{party.pk}/")]
            expected[party.pk], by_party[party.pk] = party.books.post(own, self.now)
        result = post_windows(
            windows=[
                Window(line.hour + timedelta(seconds=line.start), line.meter.id, line.seconds, line.revision)
                for line in lines
            ],
            source="machine",
            at=self.now,
        )
        assert (result.accepted, result.duplicate, result.refused) == tuple(
            map(sum, zip(*expected.values(), strict=True))
        )
        for party in self.parties:
            self._adopt(party, by_party[party.pk])

    def _adopt(self, party: Party, back: dict[int, int]) -> None:
        """Take over what became of credit that came back to expired lots."""
        if not back:
            return
        if not settings.REFUND_EXPIRED_AS_GOODWILL:
            party.books.breakage += sum(back.values())
            return
        # One lot for each set of restrictions: what came back is for the same work as the credit that had paid.
        alike: dict[tuple[Any, ...], int] = {}
        for lot_id in sorted(back):
            lot = party.books.lots[lot_id]
            only = (*(tuple(sorted(one)) for one in (lot.skus, lot.sites, lot.programmes)), lot.level)
            alike[only] = alike.get(only, 0) + back[lot_id]
        rows = LedgerAccount.objects.filter(organisation_id=party.pk, origin=Origin.GOODWILL).order_by("-pk")
        for row, (only, amount) in zip(reversed(list(rows[: len(alike)])), alike.items(), strict=True):
            assert (row.pk in party.books.lots, row.starts_at) == (False, self.now)
            assert (tuple(row.sku_codes), tuple(row.site_codes), tuple(row.programme_codes), row.min_level) == only
            assert row.expires_at is not None
            party.books.lots[row.pk] = Lot(row.pk, 1, self.now, row.expires_at, *only, credits=amount)

    def correct(self, pick: Pick) -> None:
        """Correct a stored window, up or down, with four eyes."""
        party = self._party_of(pick)
        known = [(meter, key) for meter in party.meters for key in meter.windows]
        if known:
            meter, key = self._one(pick, known)
            self._correct(party, meter, key, self._one(pick, (0, pick.integer(0, 600), 600)))

    def _correct(self, party: Party, meter: Meter, key: tuple[datetime, int], seconds: int) -> bool:
        before, revision = sum(meter.windows[key]), len(meter.windows[key])
        try:
            request = request_correction(
                actor=self.first, reference=meter.reference, hour=key[0], start_second=key[1], seconds=seconds,
                reason="machine", at=self.now,
            )  # fmt: skip
        except CorrectionNotPossible:
            assert before == seconds
            return False
        assert before != seconds
        line = Line(meter, key[0], key[1], seconds - before, revision)
        expected, back = party.books.post([line], self.now)
        result = approve_correction(actor=self.second, public_id=request.public_id, at=self.now)
        assert (result.accepted, result.duplicate, result.refused) == expected == (1, 0, 0)
        self._adopt(party, back)
        return True

    def re_rate(self, pick: Pick) -> None:
        """Rate a device's windows again at another price: each is taken off and stands on a new device."""
        party = self._party_of(pick)
        rated = [meter for meter in party.meters if meter.windows]
        if not rated:
            return
        meter = self._one(pick, rated)
        market = next(one for one in self.markets if one.sku.pk == meter.sku_id)
        twin = self._run(party, market, meter.purpose, meter.hold, self._one(pick, PRICES), 1, True)[0]
        for key in sorted(meter.windows)[:4]:
            seconds = sum(meter.windows[key])
            if seconds and self._correct(party, meter, key, 0):
                self._post([Line(twin, key[0], key[1], seconds)])

    # --- months and budgets --------------------------------------------------------------------------------------

    def close(self, pick: Pick) -> None:
        """Close a month: not before its grace is over, not before a later one, once."""
        self.touched = self.parties
        month = (day_of(self.now).replace(day=1) - timedelta(days=1 + 31 * pick.integer(0, 1))).replace(day=1)
        over = (month + timedelta(days=32)).replace(day=1) + GRACE
        allowed = self.now >= over and not any(one > month for party in self.parties for one in party.books.closed)
        try:
            close_month(actor=system("machine"), month=month.date(), at=self.now)
        except MonthNotOver:
            assert not allowed
            return
        assert allowed
        for party in self.parties:
            expected = party.books.close(month)
            if expected is None:
                continue
            statement = MonthStatement.objects.get(organisation_id=party.pk, month=month.date())
            assert statement.exact == sum(expected.values())
            rows = StatementLine.objects.filter(statement=statement)
            found = rows.values_list("usage_month", "sku_id", "micro_per_gpu_hour", "exact")
            assert {(of, sku, micro): exact for of, sku, micro, exact in found} == {
                (of.date(), sku, micro): exact for (of, sku, micro), exact in expected.items()
            }

    def budget(self, pick: Pick) -> None:
        """Set, change or end a budget."""
        party = self._party_of(pick)
        name = self._one(pick, ("month", "lifetime", "workload"))
        actor, amount = party.tenant.actor(), pick.integer(1, 15 if name == "workload" else 400) * MICRO
        fields = {"name": name, "amount": amount, "steps": ALERT}
        if name not in party.budgets:
            scope = BudgetScope.WORKLOAD if name == "workload" else BudgetScope.ORGANISATION
            period = BudgetPeriod.MONTH if name == "month" else BudgetPeriod.LIFETIME
            wish = budgets.BudgetWish(scope=scope, period=period, **fields)  # type: ignore[arg-type]
            party.budgets[name] = budgets.create_budget(actor=actor, wish=wish, at=self.now).public_id
        elif pick.integer(0, 2):
            budgets.end_budget(actor=actor, public_id=party.budgets.pop(name), at=self.now)
            del party.books.caps[name]
            return
        else:
            budgets.change_budget(actor=actor, public_id=party.budgets[name], at=self.now, **fields)  # type: ignore[arg-type]
        party.books.caps[name] = amount

    # --- comparing -----------------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Compare what a step touched with the oracle; each fiftieth step, everything."""
        self.steps += 1
        everything = self.steps % 50 == 0
        for party in self.parties if everything else self.touched:
            compare(party, self.prepared)
        if everything:
            assert [check for check in run_checks(names=CHECKS) if check.contradictions] == []
            self.prepared.forget()
        else:
            assert self.prepared.contradictions([party.pk for party in self.touched]) == []


OPERATIONS = {
    "grant": 4, "take_back": 1, "wait": 2, "expire": 1, "launch": 4, "extend": 1, "release": 2, "use": 8,
    "use_in_pieces": 2, "correct": 3, "re_rate": 1, "close": 1, "budget": 1,
}  # fmt: skip
