"""``linnet import-graph``: people and follows by the hundred thousand, from an edge list."""

import asyncio
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Eta

from linnet.bootstrap import open_services
from linnet.bootstrap.logs import configure_logs
from linnet.cli.stores import with_stores
from linnet.settings import Settings
from linnet.write.actions import imports
from linnet.write.actions.imports import ImportReport, Stage

_STAGES: dict[Stage, str] = {
    "reading": "Reading bytes",
    "people": "Adding people",
    "follows": "Adding follows",
    "passwords": "Setting passwords",
}


@click.command("import-graph")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option(
    "--password",
    metavar="TEXT",
    help="Let everybody who is imported log in with this one password; without it nobody can. For benchmarks.",
)
@click.option("--json", "as_json", is_flag=True, help="Say what was done as one JSON object, for machines.")
@with_stores
def import_graph(settings: Settings, *, path: Path, password: str | None, as_json: bool) -> None:
    """Import people and whom they follow from FILE, plain or gzip.

    A line of FILE holds two numbers, "follower followed"; blank lines and # comments are skipped. Person 88 becomes the
    user u88. Nothing is written before the whole file was read and found right. Doing it again changes nothing, and
    goes on where an import was broken off.
    """
    configure_logs(settings.log)
    report = asyncio.run(_import(settings, path, password))
    click.echo(msgspec.json.encode(report).decode() if as_json else _as_text(report))


async def _import(settings: Settings, path: Path, password: str | None) -> ImportReport:
    # Standard output is for the report. Where nobody watches, the bars say only how it ended.
    with Progress(
        TextColumn("{task.description:<17}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        Eta(elapsed_when_finished=False),
        console=Console(stderr=True),
    ) as bars:
        tasks: dict[Stage, TaskID] = {}

        def show(stage: Stage, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(_STAGES[stage])
            bars.update(tasks[stage], completed=done, total=total)

        async with open_services(settings, role="command") as services:
            return await imports.import_graph(
                services.write, services.passwords, path, password=password, progress=show
            )


def _as_text(report: ImportReport) -> str:
    lines = [f"{report.people:,} people and {report.follows:,} follows in the file."]
    if report.repeated:
        lines.append(f"{report.repeated:,} lines said again what an earlier line had said.")
    if not report.changed:
        return "\n".join([*lines, "All of it was there already: nothing changed."])
    lines.append(f"Added {report.people_added:,} people and {report.follows_added:,} follows.")
    if report.passwords_set:
        lines.append(f"{report.passwords_set:,} people can log in now.")
    if report.top_users:
        lines.append(f"New top users: {', '.join(report.top_users)}.")
    return "\n".join(lines)
