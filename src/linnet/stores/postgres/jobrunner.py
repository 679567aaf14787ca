"""Runs jobs: a worker of procrastinate, given what linnet knows of each job.

The worker says every few seconds that it lives; jobs of one that does not are given back to the queue by whichever
runner looks next. Only this module and ``jobschema.py`` know procrastinate.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.jobs import DeleteJobCondition, Job

from linnet.errors import Unavailable
from linnet.stores.postgres import jobs
from linnet.stores.postgres.jobs import RunnerOptions
from linnet.stores.postgres.jobschema import NAMESPACE
from linnet.stores.postgres.pool import Database

log = structlog.get_logger()


class Runnable(msgspec.Struct, frozen=True):
    """One kind of job.

    ``pause_seconds`` of an error and the number of earlier attempts says when to try again, None for never. ``cron`` is
    in UTC.
    """

    name: str
    run: Callable[[Mapping[str, Any], int], Awaitable[None]]
    pause_seconds: Callable[[BaseException, int], float | None]
    cron: str | None = None


class JobRunner:
    """Runs the jobs that it knows until ``stop``. Several may run at once, also in other processes."""

    def __init__(self, db: Database, known: Sequence[Runnable], options: RunnerOptions) -> None:
        self._db = db
        self._known = known
        self._options = options
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """``run`` lets the jobs in hand finish, gives back those that do not, and returns."""
        self._stopping.set()

    async def run(self) -> None:
        """Raises nothing but cancellation: PostgreSQL being away is waited out."""
        giving_back = asyncio.create_task(self._give_back(), name="stalled jobs")
        try:
            while not self._stopping.is_set():
                try:
                    await self._work()
                except Exception as error:
                    log.warning("the job worker ended and is started again", cause=repr(error))
                if not self._stopping.is_set():
                    await self._pause(1.0)
        finally:
            giving_back.cancel()
            with suppress(asyncio.CancelledError):
                await giving_back

    async def _work(self) -> None:
        """One life of a worker. Returns when told to stop, or when it could not say any more that it lives."""
        options = self._options
        app = App(connector=self._connector())
        for runnable in self._known:
            _register(app, runnable)
        async with app.open_async():
            working = asyncio.create_task(
                app.run_worker_async(
                    name="linnet",
                    queues=[runnable.name for runnable in self._known],
                    concurrency=options.at_once,
                    # Asked for by polling: a listener would cost each process one more connection.
                    listen_notify=False,
                    fetch_job_polling_interval=options.poll_seconds,
                    delete_jobs=DeleteJobCondition.SUCCESSFUL,
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=options.grace_seconds,
                    update_heartbeat_interval=options.heartbeat_seconds,
                    stalled_worker_timeout=options.stalled_seconds,
                ),
                name="job worker",
            )
            stopping = asyncio.create_task(self._stopping.wait(), name="stop")
            try:
                await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                # For this worker a cancellation is the wish to stop in good order.
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working

    def _connector(self) -> PsycopgConnector:
        postgres = self._db.options
        return PsycopgConnector(
            conninfo=postgres.url,
            kwargs={
                **postgres.parameters,
                "application_name": "linnet jobs",
                "options": f"-c search_path={NAMESPACE} {postgres.server_settings}",
            },
            min_size=1,
            max_size=2,
            timeout=5.0,
        )

    async def _give_back(self) -> None:
        while True:
            try:
                given_back = await jobs.retry_stalled(self._db, stalled_seconds=self._options.stalled_seconds)
                if given_back:
                    log.warning("jobs of a worker that is gone are taken up again", jobs=given_back)
            except Unavailable as error:
                log.debug("stalled jobs were not looked for", cause=error.cause)
            except Exception as error:
                # The next look may find it otherwise; without one no job would ever be given back.
                log.error("stalled jobs could not be given back", exc_info=error)
            await asyncio.sleep(self._options.stalled_seconds / 3)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


class _Retries(BaseRetryStrategy):
    def __init__(self, runnable: Runnable) -> None:
        self._runnable = runnable

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError):
            # This process stops: somebody else goes on.
            return RetryDecision()
        pause = self._runnable.pause_seconds(exception, job.attempts)
        return None if pause is None else RetryDecision(retry_in={"milliseconds": round(pause * 1000)})


def _register(app: App, runnable: Runnable) -> None:
    async def perform(context: JobContext, /, timestamp: int = 0, **arguments: Any) -> None:
        # "timestamp" is what every periodic job is given: the time that was its turn.
        await runnable.run(arguments, context.job.attempts)

    task = app.task(name=runnable.name, queue=runnable.name, pass_context=True, retry=_Retries(runnable))(perform)
    if runnable.cron is not None:
        # Once at a time, and no second one waits: who could not be run in time is not made up for.
        app.periodic(cron=runnable.cron, lock=runnable.name, queueing_lock=runnable.name)(task)
