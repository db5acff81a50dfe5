# SPDX-License-Identifier: Apache-2.0
"""Driving a replay: virtual hour by virtual hour, through orders, the site's API, metering and rating.

Every step is idempotent, so that a process killed at any line is started again and goes on.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from celery import current_app
from celery.exceptions import TimeoutError as CeleryTimeout
from django.db import InterfaceError, OperationalError, connection
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from aion import clock
from aion.actor import Actor, system
from aion.tenancy.models import Organisation
from billing import queries as billing
from billing.reconcile import run_checks
from clusters import queries as clusters
from clusters.errors import WrongState
from clusters.services.workloads import request_stop
from marketplace.models import Order, ReplayRun
from marketplace.replay import setup
from marketplace.replay.plan import STEP, fleet, make_plan, max_seconds
from marketplace.replay.site import SiteControl
from marketplace.replay.trace import Item, Trace
from marketplace.services.orders import Request, place_order

IMAGE = "registry.aion.example/replay/trace:1"
PATIENCE_SECONDS = 180.0
TASK_SECONDS = 20.0
DRAIN_ROUNDS = 200
T = TypeVar("T")


class ReplayFailed(Exception):
    """The replay cannot go on; what was done stays and is resumed by the next start."""


@dataclass(frozen=True, slots=True)
class Result:
    """The closing table."""

    expected_milli: int
    metered_milli: int
    charged: int
    open_holds: int
    unrated: int
    quarantined: int
    reconciled: bool
    contradictions: dict[str, int]
    workloads: int
    pods: int

    @property
    def ok(self) -> bool:
        """Tell whether the truth is hit and everything reconciles."""
        return (
            self.expected_milli == self.metered_milli and not self.open_holds and not self.unrated and self.reconciled
        )

    def as_json(self) -> str:
        """Return the one-line answer; exact numbers, at most three decimals."""
        return (
            f'{{"gpu_seconds_metered": {plain(self.metered_milli)}, '
            f'"gpu_seconds_expected": {plain(self.expected_milli)}, '
            f'"charged_microcredits": {self.charged}, "open_holds": {self.open_holds}, '
            f'"unrated_records": {self.unrated}, "ledger_reconciled": {"true" if self.reconciled else "false"}}}'
        )


def plain(milli: int) -> str:
    """Return thousandths as a plain decimal without trailing zeros."""
    text = f"{Decimal(milli) / 1000:.3f}"
    return text.rstrip("0").rstrip(".")


class Driver:
    """One replay of one file."""

    def __init__(self, trace: Trace, *, site_url: str, report: Callable[[int, int], None]) -> None:
        """Prepare; ``report(done, total)`` is called after each step with virtual seconds."""
        self.trace, self.site_url, self.report = trace, site_url, report
        self.plan = make_plan(trace)
        self.site = SiteControl(site_url)
        self.orders = sorted((item for item in trace.items if item.places_an_order), key=lambda i: (i.created, i.line))
        self.created = [item.created for item in self.orders]
        self.cancellations = sorted((i for i in self.orders if i.started is None), key=lambda i: (i.ended, i.line))
        self.cancelled = [item.ended for item in self.cancellations]
        self.actors: dict[int, Actor] = {}
        self.placed: set[int] = set()

    def run(self) -> Result:
        """Replay to the end and return the closing table. Raises ReplayFailed when a part stays dead."""
        run = self._patiently(self._begin)
        for start in self._steps(run):
            end = min(start + STEP, max(self.trace.end, start + 1))
            self._step(run, start, end)
            self.report(end, self.trace.end)
        self._patiently(lambda: self._finish(run))
        return self._patiently(lambda: measure(run))

    def at(self, second: int) -> datetime:
        """Return a virtual instant."""
        return self.trace.origin + timedelta(seconds=second)

    def _begin(self) -> ReplayRun:
        run = setup.begin(self.trace)
        self.world = setup.build_world(self.trace, self.plan, site_url=self.site_url)
        if run.finished_at is not None:
            return run
        now = self.at(run.cursor)
        self.site.call("clock", virtual=now.timestamp())
        if run.prepared_at is None:
            self.site.call("fleet", nodes=fleet(self.plan, self.world.offer.pool.cluster.site.code))
            self.site.call("scripts", scripts={item.name: self._script(item) for item in self.orders})
            ReplayRun.objects.filter(pk=run.pk).update(prepared_at=now)
        clock.set_virtual(now)
        return run

    def _script(self, item: Item) -> list[float | None]:
        if item.started is None:
            return [item.line, None, None]
        return [item.line, self.at(item.started).timestamp(), self.at(item.ended).timestamp()]

    def _steps(self, run: ReplayRun) -> Iterator[int]:
        if run.finished_at is None:
            yield from range(run.cursor, max(self.trace.end, 1), STEP)

    def _step(self, run: ReplayRun, start: int, end: int) -> None:
        last = end >= self.trace.end
        self._patiently(lambda: self._place(start, end))
        self._drain_provisioning()
        self._patiently(lambda: self._cancel(start, end + 1 if last else end))
        self._patiently(lambda: self.site.call("advance", to=self.at(end).timestamp()))
        self._patiently(lambda: clock.set_virtual(self.at(end)))
        # The clocks stand at ``end`` already: what is ordered next may be placed while the workers look back.
        self._task("clusters.reconcile_all", meanwhile=lambda: self._place(end, end + STEP))
        if not last:
            self._patiently(lambda: ReplayRun.objects.filter(pk=run.pk).update(cursor=end))

    def _place(self, start: int, end: int) -> None:
        """Place the orders created in [start, end), and those of the trace's last second with its last step."""
        until = end + 1 if end >= self.trace.end else end
        items = self.orders[bisect_left(self.created, start) : bisect_left(self.created, until)]
        items = [item for item in items if item.line not in self.placed]
        if not items:
            return
        keys = [self._key(item) for item in items]
        done = set(Order.objects.filter(idempotency_key__in=keys).values_list("idempotency_key", flat=True))
        for item, key in zip(items, keys, strict=True):
            if key not in done:
                self._order(item, key)
            self.placed.add(item.line)

    def _order(self, item: Item, key: str) -> None:
        project = self.world.projects[item.tenant]
        request = Request(
            project_id=project.public_id,
            offer_id=self.world.offer.public_id,
            name=item.name,
            image=IMAGE,
            command=(),
            milli_gpus=item.milli_gpus,
            max_seconds=max_seconds(item),
        )
        actor = self._actor(project.organisation_id)
        place_order(actor=actor, request=request, at=self.at(item.created), idempotency_key=key)

    def _actor(self, organisation_id: int) -> Actor:
        if organisation_id not in self.actors:
            self.actors[organisation_id] = system("replay", organisation_id=organisation_id)
        return self.actors[organisation_id]

    def _key(self, item: Item) -> str:
        return f"replay:{self.trace.digest[:16]}:{item.line}"

    def _cancel(self, start: int, end: int) -> None:
        for item in self.cancellations[bisect_left(self.cancelled, start) : bisect_left(self.cancelled, end)]:
            order = Order.objects.select_related("workload").get(idempotency_key=self._key(item))
            actor = self._actor(order.organisation_id)
            try:
                request_stop(actor=actor, public_id=order.workload.public_id, at=self.at(item.ended))
            except WrongState:
                continue  # a step that is repeated after a crash finds it cancelled

    def _drain_provisioning(self) -> None:
        for _ in range(DRAIN_ROUNDS):
            if not self._patiently(clusters.unprovisioned):
                return
            done = self._task("clusters.provision_pending", drain=True)
            if done == 0 and self._patiently(clusters.unprovisioned):  # else the doorbells were faster
                time.sleep(0.2)  # the site refuses or is being restarted; there is no event to wait on
        raise ReplayFailed("Orders stay unprovisioned: see the worker's log for why the site refuses them.")

    def _finish(self, run: ReplayRun) -> None:
        if run.finished_at is not None:
            return
        for _ in range(DRAIN_ROUNDS):
            self._task("clusters.reconcile_all")
            organisations = self._organisations()
            if not clusters.uncleaned(organisations) and not billing.open_hold_count(organisations):
                break
        ReplayRun.objects.filter(pk=run.pk).update(finished_at=self.at(self.trace.end), cursor=self.trace.end)

    def _organisations(self) -> list[int]:
        return [project.organisation_id for project in self.world.projects.values()]

    def _task(self, name: str, *, meanwhile: Callable[[], None] = lambda: None, **kwargs: Any) -> Any:
        """Ring, do ``meanwhile``, await the result; a lost task is rung again, since every task is idempotent."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                rung = current_app.send_task(name, kwargs=kwargs)
                self._patiently(meanwhile)
                return rung.get(timeout=TASK_SECONDS)
            except (CeleryTimeout, BrokerError, RedisError, OperationalError, OSError) as error:
                if time.monotonic() > deadline:
                    raise ReplayFailed(f"No worker finished {name} within {PATIENCE_SECONDS:.0f} seconds.") from error
                time.sleep(0.5)  # the supervisor restarts worker and broker; there is no event to wait on

    def _patiently(self, action: Callable[[], T]) -> T:
        """Repeat an idempotent action while PostgreSQL is being restarted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return action()
            except (OperationalError, InterfaceError) as error:
                connection.close()
                if time.monotonic() > deadline:
                    raise ReplayFailed("PostgreSQL does not come back.") from error
                time.sleep(0.5)  # as above


def measure(run: ReplayRun) -> Result:
    """Return the closing table of a run from the database alone."""
    organisations = list(Organisation.objects.filter(slug__startswith=f"{run.prefix}-").values_list("pk", flat=True))
    metered, charged = billing.rated_totals(organisations)
    checks = run_checks()
    contradictions = {check.name: check.contradictions for check in checks if check.contradictions}
    return Result(
        expected_milli=run.gpu_milli_seconds_expected,
        metered_milli=metered,
        charged=charged,
        open_holds=billing.open_hold_count(organisations),
        unrated=clusters.unmetered_windows(organisations),
        quarantined=billing.quarantined_count(organisations),
        reconciled=not contradictions,
        contradictions=contradictions,
        workloads=Order.objects.filter(organisation__in=organisations).count(),
        pods=clusters.pod_count(organisations),
    )
