"""``linnet jobs``: runs background jobs; shows those that wait or failed, and tries one again."""

import asyncio
import os
from pathlib import Path

import click
import msgspec

from linnet.bootstrap import open_services
from linnet.bootstrap.logs import configure_logs
from linnet.cli.failures import Failure
from linnet.cli.stores import data_dir_option, find_settings, with_stores
from linnet.cli.worker import monitoring_options, work_until_told
from linnet.clock import rfc3339
from linnet.settings import Settings
from linnet.stores.postgres.jobs import QueuedJob, fetch_page, retry_failed

_PAGE_SIZE = 500
_STATUS_WORDS = {"todo": "waits", "doing": "runs", "failed": "given up"}


@click.group(invoke_without_command=True)
@monitoring_options
@data_dir_option
@click.pass_context
def jobs(ctx: click.Context, *, data_dir: Path | None, metrics_port: int | None, metrics_host: str) -> None:
    """Run background jobs: erasing accounts, clearing away what is old.

    Any number may run at once. `linnet serve` does this too. SIGTERM lets one finish what it has in hand, or give it
    back when it takes long.
    """
    if ctx.invoked_subcommand is None:
        settings = find_settings(os.environ, data_dir, needs_valkey=True)
        work_until_told(settings, {"jobs"}, metrics_port=metrics_port, metrics_host=metrics_host)


@jobs.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, for machines.")
@with_stores
def list_command(settings: Settings, *, as_json: bool) -> None:
    """List the jobs that wait, run, or were given up.

    Oldest first; done ones are gone. Why a job failed is in the log of whoever ran it.
    """
    configure_logs(settings.log)
    asyncio.run(_list(settings, as_json=as_json))


@jobs.command("retry")
@click.argument("job_id", type=click.IntRange(min=1))
@with_stores
def retry_command(settings: Settings, *, job_id: int) -> None:
    """Give a job that was given up another chance."""
    configure_logs(settings.log)
    asyncio.run(_retry(settings, job_id))


async def _list(settings: Settings, *, as_json: bool) -> None:
    async with open_services(settings, role="command") as services:
        count, after_id = 0, 0
        while page := await fetch_page(services.db, after_id=after_id, page_size=_PAGE_SIZE):
            for job in page:
                click.echo(_as_json(job) if as_json else _as_text(job))
            count, after_id = count + len(page), page[-1].id
    if not as_json:
        click.echo(f"{count} jobs" if count else "No jobs.")


async def _retry(settings: Settings, job_id: int) -> None:
    async with open_services(settings, role="command") as services:
        if not await retry_failed(services.db, job_id):
            raise Failure(f"no job {job_id} was given up.")
    click.echo("It will be tried again.")


def _as_json(job: QueuedJob) -> str:
    view = {
        "job_id": str(job.id),
        "name": job.name,
        "status": job.status,
        "attempts": job.attempts,
        "due_at": rfc3339(job.due_ms) if job.due_ms else None,
        "arguments": msgspec.Raw(job.arguments.encode()),
    }
    return msgspec.json.encode(view).decode()


def _as_text(job: QueuedJob) -> str:
    due = f", due {rfc3339(job.due_ms)}" if job.due_ms and job.status == "todo" else ""
    failed = f", {job.attempts} earlier attempts" if job.attempts else ""
    return f"{job.id}  {job.name} {job.arguments}  {_STATUS_WORDS.get(job.status, job.status)}{due}{failed}"
