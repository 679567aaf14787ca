"""One process that applies events, runs background jobs, or both, from its settings to its end."""

import asyncio
from collections.abc import Set
from contextlib import AsyncExitStack
from typing import Literal

import msgspec
import structlog

from linnet.bootstrap.garbage import look_for_garbage_seldom
from linnet.bootstrap.metrics import metrics_renderer
from linnet.bootstrap.readiness import readiness_check
from linnet.bootstrap.services import Services, open_services
from linnet.bootstrap.traces import start_traces
from linnet.settings import Settings
from linnet.workers.events import apply_events
from linnet.workers.jobs import run_jobs
from linnet.workers.monitoring import Page, Pages, serve_pages
from linnet.workers.pushes import SenderOptions, send_pushes
from linnet.write.jobs.job import known_jobs

log = structlog.get_logger()

Duty = Literal["events", "jobs"]


class MonitoringAddress(msgspec.Struct, frozen=True):
    """Where a worker answers those who watch it."""

    host: str
    port: int


async def run_worker(
    settings: Settings,
    duties: Set[Duty],
    monitoring: MonitoringAddress | None,
    *,
    ready: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    """Sets ``ready``, does its duties until ``stop`` is set, and finishes what it has in hand.

    Raises ``Unavailable`` or ``SchemaMismatch`` at the start, ``OSError`` for an address that is not to be had.
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, start_traces(settings.traces, role="worker"))
        services = await stack.enter_async_context(open_services(settings, role="worker"))
        if monitoring is not None:
            pages = monitoring_pages(services)
            await stack.enter_async_context(serve_pages(pages, host=monitoring.host, port=monitoring.port))
        jobs = known_jobs()
        look_for_garbage_seldom()
        log.info("the worker is ready", duties=sorted(duties))
        ready.set()
        async with asyncio.TaskGroup() as group:
            if "events" in duties:
                group.create_task(apply_events(services.write, settings.valkey, settings.worker, stop=stop))
            if "jobs" in duties:
                group.create_task(run_jobs(services.write, jobs, settings.jobs, stop=stop))
                sending = SenderOptions(stop_seconds=settings.jobs.grace_seconds)
                group.create_task(send_pushes(services.write, services.read, sending, stop=stop))


def monitoring_pages(services: Services) -> Pages:
    """The same three pages that a web process has."""
    check = readiness_check(services)
    render = metrics_renderer(services.db, services.valkey)

    async def live() -> Page:
        return Page(200, b'{"status":"live"}', "application/json")

    async def ready() -> Page:
        readiness = await check()
        return Page(200 if readiness.ready else 503, msgspec.json.encode(readiness), "application/json")

    async def metrics() -> Page:
        return Page(200, *await render())

    return {"/health/live": live, "/health/ready": ready, "/metrics": metrics}
