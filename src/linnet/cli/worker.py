"""``linnet worker``: applies events until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable, Set
from typing import Any

import click
import uvloop

from linnet.bootstrap.logs import configure_logs
from linnet.bootstrap.worker import Duty, MonitoringAddress, run_worker
from linnet.cli.addresses import refuse_taken_address
from linnet.cli.stores import with_stores
from linnet.settings import Settings


def monitoring_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes ``metrics_port`` and ``metrics_host``."""
    command = click.option(
        "--metrics-host", default="127.0.0.1", show_default=True, help="The address for --metrics-port."
    )(command)
    return click.option(
        "--metrics-port", type=click.IntRange(1, 65535), help="Answer /metrics and /health/* at this port."
    )(command)


@click.command()
@monitoring_options
@click.option("--jobs", "with_jobs", is_flag=True, help="Run background jobs too, as `linnet jobs` does.")
@with_stores
def worker(settings: Settings, *, metrics_port: int | None, metrics_host: str, with_jobs: bool) -> None:
    """Carry tweets to timelines, and apply all other events.

    Run at least two for a site that must not wait for a restart: they share the work by themselves, and whichever is
    killed is made up for by the others. SIGTERM lets one finish what it has in hand, for LINNET_WORKER_STOP_SECONDS.
    """
    duties: set[Duty] = {"events", "jobs"} if with_jobs else {"events"}
    work_until_told(settings, duties, metrics_port=metrics_port, metrics_host=metrics_host)


def work_until_told(settings: Settings, duties: Set[Duty], *, metrics_port: int | None, metrics_host: str) -> None:
    """Works until SIGINT or SIGTERM."""
    configure_logs(settings.log)
    monitoring = None
    if metrics_port is not None:
        address = refuse_taken_address(metrics_host, metrics_port, option="--metrics-port")
        monitoring = MonitoringAddress(address, metrics_port)
    uvloop.run(_run(settings, duties, monitoring))


async def _run(settings: Settings, duties: Set[Duty], monitoring: MonitoringAddress | None) -> None:
    stop, ready = asyncio.Event(), asyncio.Event()
    working = asyncio.create_task(run_worker(settings, duties, monitoring, ready=ready, stop=stop))

    def on_signal() -> None:
        stop.set()
        # Nothing is in hand yet, and the stores may be long in coming.
        if not ready.is_set():
            working.cancel()

    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, on_signal)
    try:
        await working
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
