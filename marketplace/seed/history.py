# SPDX-License-Identifier: Apache-2.0
"""Living through the demo's last three weeks in virtual time, by the services that production uses.

Every order has its key and the sites keep their clocks, so that a killed history is started again and goes on.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from aion import clock
from aion.actor import Actor
from aion.tenancy.models import Organisation, Project, User
from aion.tenancy.services.actors import actor_for
from clusters.errors import WrongState
from clusters.services.health import check_clusters
from clusters.services.provisioning import provision_pending
from clusters.services.reconcile import reconcile_all
from clusters.services.workloads import request_stop
from marketplace.models import Offer, Order
from marketplace.replay.site import SiteControl
from marketplace.seed.consortium import SITES
from marketplace.seed.diary import CLIMAT, DAYS, LUMEN, Ending, Run, runs
from marketplace.seed.people import issue_voucher
from marketplace.services.orders import Request, place_order

KEY = "history:"
LOOK = timedelta(hours=6)
VOUCHER_DAY = 16
START_DELAY = timedelta(seconds=40)
PULL_ATTEMPT = timedelta(seconds=30)
ROUNDS = 20
SKEW = timedelta(seconds=60)


class HistoryFailed(Exception):
    """The history cannot be finished; what was done stays and is resumed by the next start."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something to do at an instant: look, place or stop ``run``, or issue the voucher."""

    at: datetime
    act: str
    run: Run | None = None


class History:
    """The three weeks before now, of two organisations on three sites."""

    def __init__(self, *, report: Callable[[int, int], None]) -> None:
        """Find out how far an earlier start came; ``report(done, total)`` is called with virtual seconds."""
        self.report = report
        self.organisations = list(Organisation.objects.filter(slug__in=(LUMEN, CLIMAT)))
        pools = Offer.objects.filter(pool__cluster__code__in=[code for code, *_ in SITES])
        self.sites = [SiteControl(url) for url in sorted(set(pools.values_list("pool__cluster__api_url", flat=True)))]
        self.orders = Order.objects.filter(idempotency_key__startswith=KEY)
        first = self.orders.order_by("pk").first()
        self.begun = first is not None
        self.has_other_work = Order.objects.filter(organisation__in=self.organisations).count() > self.orders.count()
        self.now = datetime.now(UTC)
        today = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        self.first = _day_of(first.idempotency_key) if first is not None else today - timedelta(days=DAYS)
        self.runs = runs(self.first, until=self.now)
        self.actors: dict[tuple[str, str], Actor] = {}

    @property
    def finished(self) -> bool:
        """Tell whether an earlier start came to its end: all is settled and no site was left in virtual time."""
        return self.begun and not self._unsettled() and not any(self._virtual())

    def live(self) -> Counter[str]:
        """Live through the three weeks and return to the machine's clock. Raises HistoryFailed."""
        virtual = self._virtual()
        if not self.begun or all(virtual):
            self._go_through(self._cursor(virtual))
        self._return()
        return Counter(run.ending for run in self.runs)

    def _virtual(self) -> list[bool]:
        return [bool(site.call("status")["virtual"]) for site in self.sites]

    def _cursor(self, virtual: list[bool]) -> datetime:
        if not all(virtual):
            for site in self.sites:
                site.call("clock", virtual=self.first.timestamp())
            return self.first
        return datetime.fromtimestamp(min(site.call("status")["now"] for site in self.sites), UTC)

    def _go_through(self, cursor: datetime) -> None:
        scripts = {run.name: _script(number, run) for number, run in enumerate(self.runs)}
        for site in self.sites:
            site.call("scripts", scripts={name: script for name, script in scripts.items() if script})
        moments = [moment for moment in self._moments() if moment.at >= cursor]
        total = int((self.now - self.first).total_seconds())
        for at, together in groupby(moments, key=lambda moment: moment.at):
            self._move(at)
            for moment in together:
                self._act(moment)
            self.report(int((at - self.first).total_seconds()), total)

    def _moments(self) -> list[Moment]:
        looks = [Moment(self.first + LOOK * step, "look") for step in range(1, (self.now - self.first) // LOOK + 1)]
        voucher = Moment(self.first + timedelta(days=VOUCHER_DAY, hours=9), "voucher")
        acts = [moment for run in self.runs for moment in _moments_of(run)]
        return sorted([*looks, voucher, *acts], key=lambda moment: moment.at)

    def _move(self, at: datetime) -> None:
        for site in self.sites:
            site.call("advance", to=at.timestamp())
        clock.set_virtual(at)

    def _act(self, moment: Moment) -> None:
        if moment.act == "voucher":
            for organisation in self.organisations:
                issue_voucher(organisation, moment.at)
        elif moment.run is None:
            reconcile_all(at=moment.at)
        elif moment.act == "place":
            self._place(moment.run, moment.at)
        else:
            reconcile_all(at=moment.at)  # a person stops what they see running
            self._stop(moment.run, moment.at)
            reconcile_all(at=moment.at)  # the notice period starts now, not at the next look

    def _place(self, run: Run, at: datetime) -> None:
        request = Request(
            project_id=Project.objects.get(organisation__slug=run.organisation, slug=run.project).public_id,
            offer_id=Offer.objects.on_sale().filter(sku__code=run.sku)[0].public_id,
            name=run.name,
            image=run.image,
            command=("python", "train.py", "--run", run.name),
            milli_gpus=run.gpus * 1000,
            max_seconds=run.hours * 3600,
        )
        place_order(actor=self._actor(run), request=request, at=at, idempotency_key=self._key(run))
        provision_pending(at=at, drain=True)

    def _stop(self, run: Run, at: datetime) -> None:
        actor = self._actor(run)
        order = Order.objects.visible_to(actor).select_related("workload").get(idempotency_key=self._key(run))
        try:
            request_stop(actor=actor, public_id=order.workload.public_id, at=at)
        except WrongState:
            return  # a moment that is repeated after a kill finds it ended

    def _key(self, run: Run) -> str:
        return f"{KEY}{self.first:%Y-%m-%d}:{run.name}"

    def _actor(self, run: Run) -> Actor:
        who = (run.person, run.organisation)
        if who not in self.actors:
            self.actors[who] = actor_for(user=User.objects.get(email=run.person), slug=run.organisation)
        return self.actors[who]

    def _unsettled(self) -> int:
        return self.orders.filter(workload__cleaned_at=None).count()

    def _return(self) -> None:
        """Settle what is left, forget the scripts, and give the sites and the product the machine's clock back."""
        if all(self._virtual()):
            self._move(datetime.now(UTC))
            for _ in range(ROUNDS):
                reconcile_all(at=clock.now())
                if not self._unsettled():
                    break
            else:
                raise HistoryFailed("Runs of the history do not end: see the logs of the demo.")
        clock.release()
        for site in self.sites:
            # A later workload of the same name must run by its own command.
            site.call("scripts", scripts={run.name: None for run in self.runs})
            status = site.call("clock", virtual=None)
            if status["virtual"] or abs(datetime.now(UTC) - datetime.fromtimestamp(status["now"], UTC)) > SKEW:
                raise HistoryFailed("A site did not return to the machine's clock.")
        reconcile_all(at=clock.now())
        check_clusters(at=clock.now())


def _day_of(key: str) -> datetime:
    return datetime.strptime(key.split(":")[1], "%Y-%m-%d").replace(tzinfo=UTC)


def _script(number: int, run: Run) -> list[float | None] | None:
    """Return when the site starts and ends a run, or None where its own rules decide."""
    if run.ending is Ending.NEVER_PULLED:
        return None
    start = (run.placed + START_DELAY).timestamp()
    if run.ending in {Ending.CANCELLED, Ending.TIMED_OUT}:
        return [number, start, None]
    return [number, start, (run.placed + run.length).timestamp(), 1 if run.ending is Ending.FAILED else 0]


def _moments_of(run: Run) -> Iterator[Moment]:
    yield Moment(run.placed, "place", run)
    if run.ending is Ending.NEVER_PULLED:
        yield Moment(run.placed + PULL_ATTEMPT, "look")
    if run.ending in {Ending.CANCELLED, Ending.NEVER_PULLED}:
        yield Moment(run.placed + run.length, "stop", run)


def summary(endings: Counter[str]) -> str:
    """Return how the runs ended, in one line."""
    parts: Iterable[str] = (f"{count} {ending}" for ending, count in endings.most_common())
    return f"{sum(endings.values())} workloads: {', '.join(parts)}."
