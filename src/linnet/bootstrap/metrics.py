"""What ``/metrics`` says: the counters of all processes of one ``linnet serve``, and how much work waits.

With ``PROMETHEUS_MULTIPROC_DIR`` set before a process starts, its counters lie in files there and any process shows the
sum of all; without it a process shows its own. What waits is asked of PostgreSQL at each scrape.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from linnet.domain.event import LANES
from linnet.errors import Unavailable
from linnet.stores.postgres import jobs, outbox
from linnet.stores.postgres.pool import Database

log = structlog.get_logger()

_LANES_TIMEOUT_SECONDS = 2.0


class _Given(Collector):
    """Metrics that were read already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def metrics_renderer(db: Database) -> Callable[[], Awaitable[tuple[bytes, str]]]:
    """A function that returns the text and its content type. Without PostgreSQL the text lacks what waits there."""

    async def render() -> tuple[bytes, str]:
        text = generate_latest(_registry())
        try:
            async with asyncio.timeout(_LANES_TIMEOUT_SECONDS):
                depths, queued = await outbox.fetch_depths(db), await jobs.count_by_status(db)
        except (Unavailable, TimeoutError) as error:
            log.debug("lane depth not known", cause=str(error))
        else:
            text += _render_depths(depths) + _render_jobs(queued)
        return text, CONTENT_TYPE_LATEST

    return render


def _registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # registers itself
    return registry


def _render_depths(depths: dict[int, int]) -> bytes:
    by_lane = GaugeMetricFamily("linnet_lane_depth", "Events that wait in a lane.", labels=["lane"])
    # All lanes, also the empty ones: a series that comes and goes cannot be watched.
    for lane in range(LANES):
        by_lane.add_metric([str(lane)], depths.get(lane, 0))
    total = GaugeMetricFamily("linnet_events_waiting", "Events that wait in all lanes.", value=sum(depths.values()))
    registry = CollectorRegistry()
    registry.register(_Given([by_lane, total]))
    return generate_latest(registry)


def _render_jobs(queued: dict[str, int]) -> bytes:
    waiting = GaugeMetricFamily("linnet_jobs_waiting", "Background jobs that wait.", value=queued.get("todo", 0))
    running = GaugeMetricFamily("linnet_jobs_running", "Background jobs that run.", value=queued.get("doing", 0))
    given_up = GaugeMetricFamily(
        "linnet_jobs_given_up", "Background jobs that failed too often.", value=queued.get("failed", 0)
    )
    registry = CollectorRegistry()
    registry.register(_Given([waiting, running, given_up]))
    return generate_latest(registry)
