"""One event process, from its settings to its end."""

import asyncio
from contextlib import AsyncExitStack

import msgspec
import structlog

from linnet.bootstrap.metrics import metrics_renderer
from linnet.bootstrap.readiness import readiness_check
from linnet.bootstrap.services import Services, open_services
from linnet.settings import Settings
from linnet.workers.events import apply_events
from linnet.workers.monitoring import Page, Pages, serve_pages
from linnet.workers.pruning import PruneOptions, Pruner

log = structlog.get_logger()


class MonitoringAddress(msgspec.Struct, frozen=True):
    """Where a worker answers those who watch it."""

    host: str
    port: int


async def run_worker(
    settings: Settings, monitoring: MonitoringAddress | None, *, ready: asyncio.Event, stop: asyncio.Event
) -> None:
    """Sets ``ready``, works until ``stop`` is set, and finishes what it has in hand.

    Raises ``Unavailable`` or ``SchemaMismatch`` at the start, ``OSError`` for an address that is not to be had.
    """
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(open_services(settings, role="worker"))
        if monitoring is not None:
            pages = monitoring_pages(services)
            await stack.enter_async_context(serve_pages(pages, host=monitoring.host, port=monitoring.port))
        log.info("the worker is ready", lanes_at_once=settings.worker.lanes_at_once)
        ready.set()
        pruner = Pruner(services.db, services.clock, PruneOptions())
        await apply_events(services.write, settings.valkey, settings.worker, pruner, stop=stop)


def monitoring_pages(services: Services) -> Pages:
    """The same three pages that a web process has."""
    check = readiness_check(services)
    render = metrics_renderer(services.db)

    async def live() -> Page:
        return Page(200, b'{"status":"live"}', "application/json")

    async def ready() -> Page:
        readiness = await check()
        return Page(200 if readiness.ready else 503, msgspec.json.encode(readiness), "application/json")

    async def metrics() -> Page:
        return Page(200, *await render())

    return {"/health/live": live, "/health/ready": ready, "/metrics": metrics}
