"""``linnet bench place``: fills a new data directory, or empty servers, with people."""

import asyncio
import os
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from linnet.bench.place.loading import PlaceReport, Stage, load_place
from linnet.bench.place.shape import PlaceShape
from linnet.bootstrap import open_services
from linnet.bootstrap.logs import configure_logs
from linnet.cli.failures import Failure
from linnet.cli.stores import find_settings, with_urls
from linnet.clock import SystemClock
from linnet.embedded import EmbeddedError, EmbeddedOptions, EmbeddedServers, find_running
from linnet.settings import Settings, read_settings
from linnet.stores.postgres.migrate import migrate

_STAGES: dict[Stage, str] = {
    "people": "People",
    "texts": "Texts",
    "follows": "Follows",
    "followers": "Followers",
    "counters": "Counters",
    "tweets": "Tweets",
    "indexes": "Indexes",
    "vacuum": "Tables tidied",
    "ranking": "Ranking",
}


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None or (task.total or 0) < 1000 else f"{speed:,.0f}/s")


@click.command()
@click.option("--people", type=int, required=True, metavar="N", help="How many people.")
@click.option("--follows", type=float, default=50.0, show_default=True, help="Whom each follows, in the mean.")
@click.option("--tweets", type=float, default=5.0, show_default=True, help="What each wrote, in the mean.")
@click.option("--seed", type=int, default=1, show_default=True, help="What all of it is made from.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A data directory, new or empty, that no linnet runs on. Without it the servers are those of"
    " LINNET_DATABASE_URL and LINNET_VALKEY_URL, and must be empty.",
)
@click.option("--json", "as_json", is_flag=True, help="Say what was made as one JSON object, for machines.")
def place(*, people: int, follows: float, tweets: float, seed: int, data_dir: Path | None, as_json: bool) -> None:
    """Fill an empty installation with N people who follow each other and have written, for measurements.

    A few are followed by many, and most by few; the same holds for who follows and writes how much. Nobody can log in.
    A million people with fifty million follows take about 20 GB of disk. Broken off, it leaves nothing behind.
    """
    shape = PlaceShape(people, SystemClock().now_ms(), follows, tweets, seed)
    shape.check()
    try:
        report = asyncio.run(_load(shape, data_dir))
    except EmbeddedError as error:
        raise Failure(str(error)) from error
    click.echo(msgspec.json.encode(report).decode() if as_json else as_text(report))


async def _load(shape: PlaceShape, data_dir: Path | None) -> PlaceReport:
    if data_dir is None:
        settings = find_settings(os.environ, None, needs_valkey=True)
        return await fill(settings, shape)
    if find_running(data_dir) is not None:
        raise Failure(f"a linnet runs on {data_dir}: stop it first, or name another directory.")
    # Nothing is lost that could not be made again, and the pages are forced to the disk once, at the end.
    async with EmbeddedServers(data_dir, EmbeddedOptions(durable=False)) as servers:
        settings = with_urls(
            read_settings(os.environ), database_url=servers.database_url, valkey_url=servers.valkey_url
        )
        report = await fill(settings, shape)
    await asyncio.to_thread(os.sync)
    return report


async def fill(settings: Settings, shape: PlaceShape) -> PlaceReport:
    """Brings the schema up and loads the place, with bars on standard error."""
    configure_logs(settings.log)
    await asyncio.to_thread(migrate, settings.postgres.url)
    with Progress(
        TextColumn("{task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as bars:
        tasks: dict[Stage, TaskID] = {}

        def show(stage: Stage, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(_STAGES[stage])
            bars.update(tasks[stage], completed=done, total=total)

        async with open_services(settings, role="command") as services:
            return await load_place(services.write, shape, progress=show)


def as_text(report: PlaceReport) -> str:
    """For people."""
    seconds = ", ".join(f"{stage} {spent:.1f} s" for stage, spent in report.seconds.items())
    return "\n".join(
        [
            f"{report.people:,} people, {report.follows:,} follows, {report.tweets:,} tweets,"
            f" {report.top_users:,} top users.",
            f"Made in {report.total_seconds:.0f} s: {seconds}.",
        ]
    )
