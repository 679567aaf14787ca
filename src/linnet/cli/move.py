"""``linnet move``: everything that people have here goes to other servers, while they go on; and back."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from linnet.bootstrap.logs import configure_logs
from linnet.bootstrap.moves import Destination, MoveReport, cancel_move, find_move, reopen
from linnet.bootstrap.moves import move as move_place
from linnet.cli.backup import progress_shown
from linnet.cli.failures import Failure
from linnet.cli.serve import DEMO_FACT
from linnet.cli.stores import DEFAULT_DATA_DIR, with_media_in, with_urls
from linnet.embedded import EmbeddedOptions, EmbeddedServers, find_running
from linnet.embedded.datadir import is_in_use
from linnet.settings import Settings, read_settings
from linnet.settings.table import mask_url

# A place that people lived in must not be given the demo town when it is first served.
_FACTS = {DEMO_FACT: "no"}

_from_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The data directory that is moved from, whether `linnet serve` runs on it or not. Without it the place is that"
    " of LINNET_DATABASE_URL or, if this is not set, ./data.",
)


def _url(name: str, setting: str, meaning: str) -> Callable[[Any], Any]:
    def parse(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        if value is not None:
            # As the setting reads it, so that what is refused here is what would be refused there.
            read_settings({setting: value})
        return value

    return click.option(name, metavar="URL", callback=parse, help=f"{meaning}, as in {setting}.")


@click.group(invoke_without_command=True)
@_url("--to-database", "LINNET_DATABASE_URL", "The empty PostgreSQL database to move to")
@_url("--to-valkey", "LINNET_VALKEY_URL", "The empty Valkey to move to")
@_url("--to-media", "LINNET_MEDIA_URL", "Where pictures are to be (without it they stay where they are)")
@click.option(
    "--to-data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The way back: a new data directory for `linnet serve`, instead of servers.",
)
@_from_option
@click.option("--json", "as_json", is_flag=True, help="Say what was moved as one JSON object, for machines.")
@click.pass_context
def move(
    ctx: click.Context,
    *,
    to_database: str | None,
    to_valkey: str | None,
    to_media: str | None,
    to_data_dir: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Move everything to other servers while people go on, and back.

    From `linnet serve` to servers of your own: --to-database and --to-valkey. From servers (LINNET_DATABASE_URL and
    LINNET_VALKEY_URL) into one directory: --to-data-dir. Ids, log-ins and pictures stay as they are. Nothing is taken
    away at the old place; in the end it can only be read, and what is new is at the new one.

    Whatever breaks it off, run it again: it goes on. Until it is through, the old place goes on as if nothing had been.
    """
    if ctx.invoked_subcommand is not None:
        return
    if to_data_dir is None and not (to_database and to_valkey):
        raise click.UsageError("say where to: --to-database URL and --to-valkey URL, or --to-data-dir DIR")
    if to_data_dir is not None and (to_database or to_valkey):
        raise click.UsageError("either servers or a data directory: not both")
    settings = read_settings(os.environ)
    configure_logs(settings.log)
    if to_data_dir is not None:
        report, then = asyncio.run(_into_directory(settings, data_dir, to_data_dir, to_media))
    else:
        report, then = asyncio.run(
            _to_servers(settings, data_dir, database_url=to_database or "", valkey_url=to_valkey or "", media=to_media)
        )
    if as_json:
        click.echo(msgspec.json.encode(report).decode())
        return
    _tell(report, then)


@move.command("cancel")
@_from_option
def cancel_command(*, data_dir: Path | None) -> None:
    """Give up a move that was begun.

    Nothing was lost, and nobody noticed. The database that was moved to is of no use, and has to be made anew.
    """
    settings = read_settings(os.environ)
    configure_logs(settings.log)

    async def cancel() -> str:
        async with _left(settings, data_dir) as source:
            return (await cancel_move(source)).destination

    click.echo(f"The move to {asyncio.run(cancel())} is given up.")


@move.command("reopen")
@_from_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reopen_command(*, data_dir: Path | None, yes: bool) -> None:
    """Live at the old place again after a move.

    Everything is as it was in the moment of the move. What people have changed at the new place since is not here, and
    nobody must go on there: the two would be different places with the same people.
    """
    settings = read_settings(os.environ)
    configure_logs(settings.log)
    if not yes:
        click.confirm("Is linnet stopped at the new place, and may what was changed there be lost?", abort=True)

    async def open_again() -> str:
        async with _left(settings, data_dir) as source:
            return (await reopen(source)).destination

    click.echo(f"People live here again, as before the move to {asyncio.run(open_again())}.")


async def _to_servers(
    settings: Settings, data_dir: Path | None, *, database_url: str, valkey_url: str, media: str | None
) -> tuple[MoveReport, list[str]]:
    async with _left(settings, data_dir) as source:
        target = with_urls(_with_media(source, media), database_url=database_url, valkey_url=valkey_url)
        report = await _move(source, Destination(target, mask_url(database_url), _FACTS))
    then = [f"LINNET_DATABASE_URL={mask_url(database_url)}", f"LINNET_VALKEY_URL={mask_url(valkey_url)}"]
    if target.media.url:
        then.append(f"LINNET_MEDIA_URL={mask_url(target.media.url)}")
    return report, ["Start linnet there, with", *(f"  {line}" for line in then)]


async def _into_directory(
    settings: Settings, data_dir: Path | None, directory: Path, media: str | None
) -> tuple[MoveReport, list[str]]:
    name = str(directory.absolute())
    then = ["Start it:", f"  linnet serve --data-dir {directory}"]
    async with _left(settings, data_dir) as source:
        begun = await find_move(source)
        if begun is not None and begun.has_moved and begun.destination == name and not (directory / "moving").exists():
            return MoveReport(name, {}, 0, 0, 0, 0.0, was_done_before=True), then
        async with EmbeddedServers(directory, EmbeddedOptions(is_move=True)) as servers:
            # Into the directory, unless somebody says where: whoever serves it need not know of another place.
            inside = (directory.resolve() / "media").as_uri()
            target = with_urls(
                _with_media(source, media or inside),
                database_url=servers.database_url,
                valkey_url=servers.valkey_url,
            )
            report = await _move(source, Destination(target, name, _FACTS))
            servers.note_moved_in()
    return report, then


def _with_media(settings: Settings, url: str | None) -> Settings:
    if url is None:
        return settings
    return msgspec.structs.replace(settings, media=msgspec.structs.replace(settings.media, url=url))


async def _move(source: Settings, to: Destination) -> MoveReport:
    with progress_shown("Moving") as progress:
        return await move_place(source, to, progress)


@asynccontextmanager
async def _left(settings: Settings, data_dir: Path | None) -> AsyncIterator[Settings]:
    """The place that is moved from: servers that run, or those of a data directory, which are started for it."""
    if data_dir is None and settings.postgres.url:
        yield settings
        return
    directory = data_dir or DEFAULT_DATA_DIR
    settings = with_media_in(settings, directory)
    if (running := find_running(directory)) is not None:
        yield with_urls(settings, database_url=running.database_url, valkey_url=running.valkey_url)
        return
    if is_in_use(directory):
        raise Failure(f"linnet is just starting or ending on {directory}: try again in a moment.")
    if not (directory / "linnet.json").exists():
        raise Failure(f"there is no data of linnet in {directory}: name its --data-dir, or set LINNET_DATABASE_URL.")
    async with EmbeddedServers(directory) as servers:
        yield with_urls(settings, database_url=servers.database_url, valkey_url=servers.valkey_url)


def _tell(report: MoveReport, then: list[str]) -> None:
    if report.was_done_before:
        click.echo(f"This place has moved to {report.destination}, and is open there.")
    else:
        people, tweets = report.rows.get("users", 0), report.rows.get("tweets", 0)
        click.echo(
            f"Moved {people:,} {'person' if people == 1 else 'people'} and {tweets:,}"
            f" {'tweet' if tweets == 1 else 'tweets'} to {report.destination}; every row was compared."
        )
        click.echo(f"For {report.read_only_seconds:.1f} s nobody could change anything. Here it can only be read now.")
        if report.pictures:
            click.echo(f"{report.pictures:,} files of pictures were copied.")
        if report.missing_pictures:
            click.echo(f"{report.missing_pictures:,} files of pictures were not where pictures are kept.")
    for line in then:
        click.echo(line)
