"""The job process: background jobs, run until somebody says stop.

Several may run at once, on any number of machines; a job is run by one of them at a time, and what the clock asks for
is run once. A job whose process was killed is taken up by another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from prometheus_client import Counter, Histogram

from linnet import spans
from linnet.stores.postgres.jobrunner import JobRunner, Runnable
from linnet.stores.postgres.jobs import RunnerOptions
from linnet.workers.stopping import run_until
from linnet.write.deps import WriteDeps
from linnet.write.jobs.job import Job, NotYet

log = structlog.get_logger()

RUNS = Counter("linnet_job_runs", "Runs of background jobs by what became of them.", ["job", "outcome"])
SECONDS = Histogram(
    "linnet_job_run_seconds", "How long a run of a background job took.", ["job"], buckets=(0.01, 0.1, 1, 10, 60, 600)
)


async def run_jobs(deps: WriteDeps, jobs: Sequence[Job[Any]], options: RunnerOptions, *, stop: asyncio.Event) -> None:
    """Runs jobs as they come. After ``stop`` those in hand are finished first, or given back when they take long."""
    runner = JobRunner(deps.db, [_runnable(deps, job) for job in jobs], options)
    # The runner gives back by itself what takes long; this is for one that cannot.
    await run_until(stop, runner, name="job runner", stop_seconds=2 * options.grace_seconds)


def _runnable(deps: WriteDeps, job: Job[Any]) -> Runnable:
    return Runnable(job.name, _watched(deps, job), job.pause_seconds, job.cron)


def _watched(deps: WriteDeps, job: Job[Any]) -> Callable[[Mapping[str, Any], int], Awaitable[None]]:
    async def run(arguments: Mapping[str, Any], attempts: int) -> None:
        outcome, began = "given_back", deps.clock.steady_seconds()
        try:
            with spans.whole(f"job {job.name}"):
                await job.run(deps, arguments)
            outcome = "done"
        except NotYet as error:
            outcome = "not_yet"
            log.debug("a job waits", job=job.name, reason=str(error))
            raise
        except Exception as error:
            pause = job.pause_seconds(error, attempts)
            outcome = "given_up" if pause is None else "failed"
            again = "never" if pause is None else f"in {pause:g} s"
            # Without its arguments: they may be about a person.
            log.error("a job failed", job=job.name, attempts=attempts + 1, tried_again=again, exc_info=error)
            raise
        finally:
            RUNS.labels(job.name, outcome).inc()
            SECONDS.labels(job.name).observe(deps.clock.steady_seconds() - began)

    return run
