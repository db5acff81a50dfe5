# SPDX-License-Identifier: Apache-2.0
"""What of a pool is promised when: a reservation finds its GPUs, whatever was launched before and is launched after."""

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext

from aion import figures
from clusters.errors import CapacityNotAvailable
from clusters.models import Pool, Reservation, Workload

PEAK = "SELECT clusters_reserved_peak(%s, %s, %s)"
EVER, FOREVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_LENGTH = ExpressionWrapper(F("max_seconds") * Value(timedelta(seconds=1)), output_field=DurationField())
LATEST_END = ExpressionWrapper(Coalesce("started_at", "queued_at") + _LENGTH, output_field=DateTimeField())


def reserved_peak(*, pool_id: int, since: datetime, until: datetime) -> int:
    """Return the most milli-GPUs of a pool that are promised at any instant of [since, until)."""
    with connection.cursor() as cursor:
        cursor.execute(PEAK, [pool_id, since, until])
        (peak,) = cursor.fetchone()
    return int(peak)


def most_promised(pool_id: int) -> int:
    """Return the most milli-GPUs of a pool that are promised at any instant."""
    return reserved_peak(pool_id=pool_id, since=EVER, until=FOREVER)


def reservable(*, pool: Pool, since: datetime, until: datetime, at: datetime) -> int:
    """Return how many milli-GPUs of ``pool`` could still be promised for all of [since, until).

    The pool sells no more than it says as reserved, and what runs on demand and may run into the window keeps its
    place.
    """
    peak = reserved_peak(pool_id=pool.pk, since=since, until=until)
    return max(0, min(pool.reservable - peak, pool.milli_gpus - peak - _reaching(pool, since, at)))


def lock_pool(pool_id: int) -> Pool:
    """Return the pool, locked against every other promise and every launch that has not committed."""
    pool: Pool = Pool.objects.select_for_update(of=("self",)).select_related("cluster__site", "flavour").get(pk=pool_id)
    return pool


def hold_pool(pool_id: int) -> Pool:
    """Return the pool, locked against promises; launches where nothing is reserved go on beside it."""
    pool: Pool = Pool.objects.select_for_update(no_key=True).get(pk=pool_id)
    return pool


def require_unreserved(*, workload: Workload, at: datetime) -> None:
    """Raise CapacityNotAvailable where work on demand might still run when others have its GPUs reserved.

    Spot work gives way, and what runs on a reservation has its place. Call it once the row is written.
    """
    if workload.spot or workload.reservation_id is not None:
        return
    ahead = Reservation.objects.promised().filter(pool=workload.pool_id, ends_at__gt=at)
    if not ahead.exists():
        return
    # Launches on such a pool pass one by one, so that two cannot both take its last free GPUs.
    pool = hold_pool(workload.pool_id)
    until = FOREVER if _waits(pool, at) else (workload.started_at or at) + timedelta(seconds=workload.max_seconds)
    met = ahead.filter(starts_at__lt=until).order_by("starts_at").first()
    if met is None:
        return
    since = max(met.starts_at, at)
    peak = reserved_peak(pool_id=pool.pk, since=since, until=until)
    left = pool.milli_gpus - peak - _reaching(pool, since, at)
    if left < 0:
        raise CapacityNotAvailable(
            gettext(
                "From %(since)s UTC on %(reserved)s of the pool's %(size)s GPUs are reserved, which leaves too few for "
                "as long as this may run: ask for fewer GPUs or less time, or reserve some."
            )
            % {
                "since": f"{since:%Y-%m-%d %H:%M}",
                "reserved": figures.gpus(peak),
                "size": figures.gpus(pool.milli_gpus),
            },
            field="gpus",
            requested_gpus=workload.milli_gpus / 1000,
            maximum_gpus=max(0, workload.milli_gpus + left) / 1000,
        )


def _waits(pool: Pool, at: datetime) -> bool:
    """Tell whether work on demand waits for GPUs: nobody knows then when it runs."""
    reserved = reserved_peak(pool_id=pool.pk, since=at, until=at + timedelta(microseconds=1))
    return _summed(pool, Q()) + reserved > pool.milli_gpus


def _reaching(pool: Pool, since: datetime, at: datetime) -> int:
    """Return the milli-GPUs of work on demand that may still run at ``since``."""
    runs = Q(latest_end__gt=since)
    if _waits(pool, at):
        runs |= Q(started_at=None)
    return _summed(pool, runs)


def _summed(pool: Pool, which: Q) -> int:
    rows = Workload.objects.firm().filter(pool=pool).annotate(latest_end=LATEST_END).filter(which)
    return int(rows.aggregate(total=Sum("milli_gpus", default=0))["total"])
