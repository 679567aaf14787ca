"""What ``/metrics`` says: the counters of all processes of one ``linnet serve``, and how the place as a whole does.

With ``PROMETHEUS_MULTIPROC_DIR`` set before a process starts, its counters lie in files there and any process shows the
sum of all; without it a process shows its own. At each scrape the stores are asked whether they answer, and PostgreSQL
what waits in it.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

import msgspec
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from linnet.domain.event import LANES
from linnet.errors import Unavailable
from linnet.stores.postgres import jobs, outbox, pushes, reports, vitals
from linnet.stores.postgres.pool import Database
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.connection import ValkeyReplyError

log = structlog.get_logger()

_TIMEOUT_SECONDS = 2.0
_LATE_JOB_SECONDS = 600.0
_LATE_PUSH_SECONDS = 60.0
_STALLED_JOB_SECONDS = 30.0
_LIVE_FILE = re.compile(r"gauge_live\w*_(\d+)\.db")


class _Given(Collector):
    """Metrics that were read already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


class _Waiting(msgspec.Struct, frozen=True):
    """What PostgreSQL says of the place as a whole."""

    depths: dict[int, int]
    oldest_seconds: float
    parked: int
    jobs: dict[str, int]
    late_jobs: int
    runners: int
    processes: int
    reports: int
    pushes: int


def metrics_renderer(db: Database, valkey: Valkey) -> Callable[[], Awaitable[tuple[bytes, str]]]:
    """A function that returns the text and its content type. Without PostgreSQL the text lacks what waits there."""

    async def render() -> tuple[bytes, str]:
        waiting, has_valkey = await asyncio.gather(_find_waiting(db), _answers(valkey))
        up = GaugeMetricFamily("linnet_store_up", "1 when the store answers, 0 when it does not.", labels=["store"])
        up.add_metric(["postgresql"], waiting is not None)
        up.add_metric(["valkey"], has_valkey)
        families = [up, *([] if waiting is None else _families(waiting))]
        registry = CollectorRegistry()
        registry.register(_Given(families))
        return generate_latest(_registry()) + generate_latest(registry), CONTENT_TYPE_LATEST

    return render


async def _find_waiting(db: Database) -> _Waiting | None:
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS), db.session() as session:
            return _Waiting(
                depths=await outbox.fetch_depths(session),
                oldest_seconds=await vitals.find_oldest_event_seconds(session),
                parked=await vitals.count_parked(session),
                jobs=await jobs.count_by_status(session),
                late_jobs=(await vitals.find_late_jobs(session, late_seconds=_LATE_JOB_SECONDS)).count,
                runners=await vitals.count_job_runners(session, stalled_seconds=_STALLED_JOB_SECONDS),
                processes=(await vitals.find_leases(session)).held,
                reports=await reports.count_open(session),
                pushes=await pushes.count_late(session, late_seconds=_LATE_PUSH_SECONDS),
            )
    except (Unavailable, TimeoutError) as error:
        log.debug("what waits is not known", cause=str(error))
        return None


async def _answers(valkey: Valkey) -> bool:
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await valkey.ping()
    except (Unavailable, ValkeyReplyError, TimeoutError):
        return False
    return True


def _registry() -> CollectorRegistry:
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if directory is None:
        return REGISTRY
    _forget_the_dead(Path(directory))
    registry = CollectorRegistry()
    # It registers itself.
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client declares no types here
    return registry


def _forget_the_dead(directory: Path) -> None:
    """What a process has just now, such as open streams, is nobody's when it was killed."""
    pids = {int(found[1]) for name in os.listdir(directory) if (found := _LIVE_FILE.fullmatch(name))}
    for pid in pids:
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]  # prometheus_client has no types here


def _families(waiting: _Waiting) -> list[Metric]:
    by_lane = GaugeMetricFamily("linnet_lane_depth", "Events that wait in a lane.", labels=["lane"])
    # All lanes, also the empty ones: a series that comes and goes cannot be watched.
    for lane in range(LANES):
        by_lane.add_metric([str(lane)], waiting.depths.get(lane, 0))
    single: Mapping[str, tuple[str, float]] = {
        "linnet_events_waiting": ("Events that wait in all lanes.", sum(waiting.depths.values())),
        "linnet_events_oldest_seconds": ("How long the oldest event waits.", waiting.oldest_seconds),
        "linnet_events_parked": ("Events that were given up, until somebody replays them.", waiting.parked),
        "linnet_jobs_waiting": ("Background jobs that wait.", waiting.jobs.get("todo", 0)),
        "linnet_jobs_running": ("Background jobs that run.", waiting.jobs.get("doing", 0)),
        "linnet_jobs_given_up": ("Background jobs that failed too often.", waiting.jobs.get("failed", 0)),
        "linnet_jobs_late": ("Background jobs that should have begun ten minutes ago.", waiting.late_jobs),
        "linnet_job_runners": ("Processes that run background jobs.", waiting.runners),
        "linnet_processes": ("Processes that may mint ids: web and worker ones, and commands.", waiting.processes),
        "linnet_pushes_late": ("Devices to which something should have been sent a minute ago.", waiting.pushes),
        "linnet_reports_waiting": ("What people reported and nobody dealt with yet.", waiting.reports),
    }
    return [by_lane, *(GaugeMetricFamily(name, words, value=value) for name, (words, value) in single.items())]
