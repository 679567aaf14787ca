"""``linnet backup``: everything that people have here, in one file."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from linnet.bootstrap.backups import Contents, note_backup, take_backup
from linnet.bootstrap.logs import configure_logs
from linnet.cli.failures import Failure
from linnet.cli.stores import with_database
from linnet.settings import Settings


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Say what was saved as one JSON object, for machines.")
@with_database
def backup(settings: Settings, *, path: Path, as_json: bool) -> None:
    """Save everything to FILE, while linnet runs: people, tweets, pictures.

    FILE is a zip file that holds one moment, and is there only when it is whole. `linnet restore` makes a new place of
    it. Keep it safe: it holds what your people keep to themselves, such as e-mail addresses.
    """
    configure_logs(settings.log)
    if path.exists():
        raise Failure(f"{path} is there already: choose another name, or move it away.")
    if not path.parent.is_dir():
        raise Failure(f"there is no directory {path.parent}.")
    with progress_shown("Saving") as progress:
        contents = asyncio.run(_take(settings, path, progress))
    size_bytes = path.stat().st_size
    if as_json:
        report = {"file": str(path), "bytes": size_bytes, **msgspec.to_builtins(contents)}
        click.echo(msgspec.json.encode(report).decode())
        return
    click.echo(f"Saved {told(contents)} to {path} ({size_bytes / 1e6:,.1f} MB).")
    if contents.missing_pictures:
        click.echo(f"{contents.missing_pictures:,} files of pictures were not where pictures are kept.")


async def _take(settings: Settings, path: Path, progress: Callable[[str], None]) -> Contents:
    contents = await take_backup(settings, path, progress)
    await note_backup(settings, contents)
    return contents


def told(contents: Contents) -> str:
    """What a backup holds, in words."""
    people, tweets = contents.rows_of("users"), contents.rows_of("tweets")
    parts = [_counted(people, "person", "people"), _counted(tweets, "tweet", "tweets")]
    if contents.pictures:
        parts.append(_counted(contents.pictures, "file of a picture", "files of pictures"))
    return ", ".join(parts[:-1]) + f" and {parts[-1]}"


@contextmanager
def progress_shown(what: str) -> Iterator[Callable[[str], None]]:
    """On a terminal, a line that says what it is at. Standard output is for the report."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as bars:
        task = bars.add_task(what, total=None)
        yield lambda part: bars.update(task, description=f"{what} {part.replace('_', ' ')}")


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
