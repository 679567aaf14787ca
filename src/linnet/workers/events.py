"""The event process: steps 2 and 3 of the path, run until somebody says stop.

Several may run at once, on any number of machines; they share the lanes without knowing each other. One that is killed
leaves nothing half done: what it had in hand is applied by the others.
"""

import asyncio
from contextlib import suppress

import structlog

from linnet.stores.valkey.client import ValkeyOptions
from linnet.stores.valkey.subscription import Subscription
from linnet.workers.stopping import run_until
from linnet.write.deps import WriteDeps
from linnet.write.outbox.worker import EventWorker, WorkerOptions

log = structlog.get_logger()


async def apply_events(deps: WriteDeps, valkey: ValkeyOptions, options: WorkerOptions, *, stop: asyncio.Event) -> None:
    """Applies events as they come. After ``stop`` the batches in hand are finished first, or given back."""
    worker = EventWorker(deps, options)
    subscription = Subscription(valkey, deps.keys.wake(), on_message=lambda message: _wake(worker, message))
    subscription.start()
    try:
        await run_until(stop, worker, name="event worker", stop_seconds=options.stop_seconds)
    finally:
        await subscription.close()


def _wake(worker: EventWorker, message: bytes) -> None:
    # Anything else than a number is nothing of ours; the poll finds what it may have meant.
    with suppress(ValueError):
        worker.wake(int(message))
