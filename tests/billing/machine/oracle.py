# SPDX-License-Identifier: Apache-2.0
"""What the money core promises, said again in plain Python: no database, nothing of the product, slow and obvious."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

HOUR, GRACE = timedelta(hours=1), timedelta(hours=72)
UNIT = 3_600_000  # an exact charge is counted in this part of a micro-credit


def day_of(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Purpose:
    """What credit is asked for."""

    sku: str
    site: str
    programme: str
    level: int


@dataclass
class Lot:
    """A credit lot."""

    id: int
    rank: int
    starts: datetime
    expires: datetime | None
    skus: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    programmes: tuple[str, ...] = ()
    level: int = 0
    credits: int = 0
    debits: int = 0
    held: int = 0

    @property
    def free(self) -> int:
        return self.credits - self.debits - self.held

    def fits(self, purpose: Purpose) -> bool:
        return (
            (not self.skus or purpose.sku in self.skus)
            and (not self.sites or purpose.site in self.sites)
            and (not self.programmes or purpose.programme in self.programmes)
            and self.level <= purpose.level
        )

    def order(self) -> tuple[bool, datetime, int, int]:
        restricted = bool(self.skus or self.sites or self.programmes or self.level)
        return not restricted, self.expires or datetime.max.replace(tzinfo=UTC), self.rank, self.id


@dataclass
class Leg:
    """What one lot holds for a run."""

    lot: Lot
    amount: int
    captured: int = 0
    released: int = 0

    @property
    def open(self) -> int:
        return self.amount - self.captured - self.released


@dataclass
class Hold:
    """What a run has reserved."""

    id: int
    purpose: Purpose
    amount: int
    legs: list[Leg]
    open: bool = True


@dataclass
class Meter:
    """A device of a run, with the seconds of its windows by (hour, start): one number a revision."""

    id: int
    run: int
    sku_id: int
    purpose: Purpose
    micro: int
    milli: int
    allowed: bool
    hold: Hold | None
    reference: str
    windows: dict[tuple[datetime, int], list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A window in a batch."""

    meter: Meter
    hour: datetime
    start: int
    seconds: int
    revision: int = 0


class Books:
    """The books of one organisation."""

    def __init__(self, receivable: int) -> None:
        self.receivable, self.owed = receivable, 0
        self.lots: dict[int, Lot] = {}
        self.holds: dict[int, Hold] = {}
        self.exact: dict[tuple[datetime, int, int], int] = defaultdict(int)  # (hour, run, sku)
        self.terms: dict[int, int] = {}  # price of a run
        self.paid: dict[tuple[int, datetime], dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self.payers: list[tuple[int, datetime, int]] = []  # (sku, day, account), as posted
        self.stated: dict[tuple[datetime, int, int], int] = defaultdict(int)  # (month, sku, price)
        self.closed: set[datetime] = set()
        self.caps: dict[str, int] = {}
        self.breakage = 0

    # --- holds ---------------------------------------------------------------------------------------------------

    def refusal(self, amount: int, purpose: Purpose, at: datetime, *, run: int = 0) -> str:
        """Return why a hold (or the extension of one of ``run``) is refused: budget, credit or nothing."""
        month = day_of(at).replace(day=1)
        held = sum(leg.open for hold in self.holds.values() for leg in hold.legs)
        used = {
            "month": sum(exact for (hour, _, _), exact in self.exact.items() if hour >= month) // UNIT,
            "lifetime": sum(self.exact.values()) // UNIT,
        }
        for scope, cap in self.caps.items():
            asked = run + amount if scope == "workload" else used[scope] + held + amount
            if asked > cap:
                return "budget"
        return "" if sum(lot.free for lot in self._live(purpose, at)) >= amount else "credit"

    def _live(self, purpose: Purpose, at: datetime) -> list[Lot]:
        live = [lot for lot in self.lots.values() if lot.starts <= at and (lot.expires is None or lot.expires > at)]
        return sorted((lot for lot in live if lot.free > 0 and lot.fits(purpose)), key=Lot.order)

    def reserve(self, amount: int, purpose: Purpose, at: datetime) -> list[Leg]:
        legs = []
        for lot in self._live(purpose, at):
            taken = min(lot.free, amount)
            if taken:
                lot.held += taken
                legs.append(Leg(lot, taken))
                amount -= taken
        assert amount == 0
        return legs

    def release(self, hold: Hold) -> bool:
        if not hold.open:
            return False
        for leg in hold.legs:
            leg.lot.held -= leg.open
            leg.released = leg.amount - leg.captured
        hold.open = False
        return True

    def expire(self, at: datetime) -> int:
        gone = [lot for lot in self.lots.values() if lot.expires and lot.expires <= at - GRACE and lot.free > 0]
        for lot in gone:
            self.breakage += lot.free
            lot.debits += lot.free
        return len(gone)

    # --- usage ---------------------------------------------------------------------------------------------------

    def carry(self, sku: int) -> int:
        return sum(exact for (_, _, of), exact in self.exact.items() if of == sku) % UNIT

    def charged(self) -> int:
        by_sku: dict[int, int] = defaultdict(int)
        for (_, _, sku), exact in self.exact.items():
            by_sku[sku] += exact
        return sum(total // UNIT for total in by_sku.values())

    def post(self, lines: list[Line], at: datetime) -> tuple[tuple[int, int, int], dict[int, int]]:
        """Post a batch: return (accepted, duplicate, refused) and what expired lots got back, by lot."""
        accepted, duplicate, refused = [], 0, 0
        for line in lines:
            stored = line.meter.windows.get((line.hour, line.start), [])
            if not line.meter.allowed:
                refused += 1
            elif line.revision < len(stored):
                same = stored[line.revision] == line.seconds
                duplicate, refused = duplicate + same, refused + (not same)
            else:
                line.meter.windows.setdefault((line.hour, line.start), []).append(line.seconds)
                accepted.append(line)
        back = self._charge(accepted, at) if accepted else {}
        return (len(accepted), duplicate, refused), back

    def _charge(self, lines: list[Line], at: datetime) -> dict[int, int]:
        fresh: dict[tuple[datetime, int, int], int] = defaultdict(int)
        meters = {line.meter.run: line.meter for line in lines}
        for line in lines:
            key = (line.hour, line.meter.run, line.meter.sku_id)
            fresh[key] += line.meter.milli * line.seconds * line.meter.micro
        running = {sku: self.carry(sku) for _, _, sku in fresh}
        needs = []
        for key in sorted(fresh):
            hour, run, sku = key
            before, running[sku] = running[sku], running[sku] + fresh[key]
            needs.append((hour, meters[run], running[sku] // UNIT - before // UNIT))
            self.exact[key] += fresh[key]
            self.terms[run] = meters[run].micro
        moved: dict[tuple[int, int, datetime], int] = defaultdict(int)  # (account, sku, day)
        rest = [(hour, meter, self._capture(hour, meter, amount, moved)) for hour, meter, amount in needs if amount > 0]
        self._burn([need for need in rest if need[2]], moved)
        back = self._refund([need for need in needs if need[2] < 0], moved, at)
        for (account, sku, day), amount in sorted(moved.items()):
            self.paid[sku, day][account] += amount
            if amount > 0:
                self.payers.append((sku, day, account))
        return back

    def _capture(self, hour: datetime, meter: Meter, amount: int, moved: dict[tuple[int, int, datetime], int]) -> int:
        for leg in meter.hold.legs if meter.hold else []:
            taken = min(leg.open, amount)
            leg.captured += taken
            leg.lot.held -= taken
            leg.lot.debits += taken
            if taken:
                moved[leg.lot.id, meter.sku_id, day_of(hour)] += taken
            amount -= taken
        return amount

    def _burn(self, needs: list[tuple[datetime, Meter, int]], moved: dict[tuple[int, int, datetime], int]) -> None:
        """Burn hour by hour, but hours with the same lots in force together: grouped by what may pay."""
        groups: dict[tuple[object, ...], list[tuple[datetime, int]]] = defaultdict(list)
        for hour, meter, amount in needs:
            day = day_of(hour)
            started = [lot.starts for lot in self.lots.values() if day <= lot.starts < hour + HOUR]
            hold = meter.hold
            purpose = hold.purpose if hold else Purpose(meter.purpose.sku, meter.purpose.site, "", 0)
            groups[day, max(started, default=day), meter.sku_id, purpose].append((hour, amount))

        def turn(item: tuple[tuple[object, ...], list[tuple[datetime, int]]]) -> tuple[object, ...]:
            (day, _, sku, purpose), parts = item
            assert isinstance(purpose, Purpose)
            return day, max(hour for hour, _ in parts), sku, purpose.site, purpose.programme, purpose.level

        for (day, _, sku, purpose), parts in sorted(groups.items(), key=turn):
            assert isinstance(day, datetime) and isinstance(sku, int) and isinstance(purpose, Purpose)
            amount, end = sum(part for _, part in parts), max(hour for hour, _ in parts) + HOUR
            for lot in sorted(self.lots.values(), key=Lot.order):
                in_time = lot.starts < end and (lot.expires is None or lot.expires > day)
                taken = min(max(lot.free, 0), amount) if in_time and lot.fits(purpose) else 0
                if taken:
                    lot.debits += taken
                    moved[lot.id, sku, day] += taken
                    amount -= taken
            if amount:
                self.owed += amount
                moved[self.receivable, sku, day] += amount

    def _refund(
        self, needs: list[tuple[datetime, Meter, int]], moved: dict[tuple[int, int, datetime], int], at: datetime
    ) -> dict[int, int]:
        wanted: dict[tuple[int, datetime], int] = defaultdict(int)
        for hour, meter, amount in needs:
            wanted[meter.sku_id, day_of(hour)] -= amount
        given: dict[int, int] = defaultdict(int)
        earlier = dict(moved)
        for (sku, day), amount in sorted(wanted.items(), key=lambda item: (item[0][1], item[0][0])):
            left = amount
            payers = [account for account, paid in self.paid[sku, day].items() if paid > 0]
            owing = [account for account in payers if account == self.receivable]
            lots = sorted((self.lots[account] for account in payers if account in self.lots), key=Lot.order)
            for account in [*owing, *(lot.id for lot in reversed(lots))]:
                part = min(left, self.paid[sku, day][account])
                given[account] += part
                moved[account, sku, day] -= part
                left -= part
            if left:
                batch = [
                    ((of_day == day), account)
                    for (account, of, of_day), paid in earlier.items()
                    if of == sku and paid > 0
                ]
                past = [
                    (of_day == day, place, account)
                    for place, (of, of_day, account) in enumerate(self.payers)
                    if of == sku
                ]
                best = max(((same, 1, account, account) for same, account in batch), default=None)
                old = max(((same, 0, place, account) for same, place, account in past), default=None)
                account = max(one for one in (best, old) if one)[3]
                given[account] += left
                moved[account, sku, day] -= left
        self.owed -= given.pop(self.receivable, 0)
        back = {}
        for account, amount in given.items():
            lot = self.lots[account]
            lot.credits += amount
            if lot.expires and lot.expires <= at - GRACE and amount:
                lot.debits += amount
                back[account] = amount
        return back

    # --- statements ----------------------------------------------------------------------------------------------

    def close(self, month: datetime) -> dict[tuple[datetime, int, int], int] | None:
        """Return the lines of a month's statement: what was used until its end and not stated; None without usage."""
        end = (month + timedelta(days=32)).replace(day=1)
        used: dict[tuple[datetime, int, int], int] = defaultdict(int)
        for (hour, run, sku), exact in self.exact.items():
            if hour < end:
                used[day_of(hour).replace(day=1), sku, self.terms[run]] += exact
        if not used or month in self.closed:
            return None
        self.closed.add(month)
        lines = {key: exact - self.stated[key] for key, exact in used.items() if exact != self.stated[key]}
        for key, exact in lines.items():
            self.stated[key] += exact
        return lines
