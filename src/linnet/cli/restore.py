"""``linnet restore``: a new place from a backup."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from linnet.bootstrap.backups import Archive, check_version, read_archive, restore_backup
from linnet.bootstrap.logs import configure_logs
from linnet.cli.backup import progress_shown, told
from linnet.cli.failures import Failure
from linnet.cli.serve import DEMO_FACT
from linnet.cli.stores import DEFAULT_DATA_DIR, with_media_in, with_urls
from linnet.embedded import EmbeddedOptions, EmbeddedServers
from linnet.settings import Settings, read_settings
from linnet.stores.valkey.opening import make_valkey
from linnet.stores.valkey.vitals import holds_keys


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The new data directory to make. Without it the servers are those of LINNET_DATABASE_URL and LINNET_VALKEY_URL"
    " or, if these are not set, ./data is made.",
)
@click.option("--json", "as_json", is_flag=True, help="Say what was restored as one JSON object, for machines.")
def restore(*, path: Path, data_dir: Path | None, as_json: bool) -> None:
    """Make a new place of the backup in FILE.

    The whole file is checked before anything is written. It goes into a data directory that is not there yet, or into
    servers that nobody lives on; a backup of an older release is brought up to date. People stay logged in.
    """
    settings = read_settings(os.environ)
    configure_logs(settings.log)
    is_embedded = data_dir is not None or not settings.postgres.url
    with read_archive(path) as archive:
        check_version(archive)
        with progress_shown("Checking") as progress:
            archive.check(progress)
        with progress_shown("Restoring") as progress:
            if is_embedded:
                directory = data_dir or DEFAULT_DATA_DIR
                asyncio.run(_into_directory(settings, archive, directory, progress))
            else:
                asyncio.run(_into_servers(settings, archive, progress))
        contents = archive.contents
    if as_json:
        click.echo(msgspec.json.encode(contents).decode())
        return
    click.echo(f"Restored {told(contents)}, as they were at {contents.taken_at}.")
    if contents.missing_pictures:
        click.echo(f"{contents.missing_pictures:,} files of pictures were missing when the backup was taken.")
    click.echo(f"Now start it: linnet serve{f' --data-dir {directory}' if is_embedded and data_dir else ''}")


async def _into_directory(
    settings: Settings, archive: Archive, directory: Path, progress: Callable[[str], None]
) -> None:
    async with EmbeddedServers(directory, EmbeddedOptions(is_restore=True)) as servers:
        settings = with_media_in(settings, directory)
        settings = with_urls(settings, database_url=servers.database_url, valkey_url=servers.valkey_url)
        await _restore(settings, archive, progress)
        servers.note_restored()


async def _into_servers(settings: Settings, archive: Archive, progress: Callable[[str], None]) -> None:
    if not settings.valkey.url:
        raise Failure("LINNET_DATABASE_URL is set, but LINNET_VALKEY_URL is not: set both, or neither.")
    if archive.contents.pictures and not settings.media.url:
        raise Failure("the backup holds pictures, and LINNET_MEDIA_URL does not say where to keep them.")
    valkey = make_valkey(settings.valkey)
    await valkey.open()
    try:
        if await holds_keys(valkey, settings.valkey_prefix):
            raise Failure(
                "Valkey holds keys of another place, which the new one would take for its own: empty it, or set"
                " another LINNET_VALKEY_PREFIX."
            )
    finally:
        await valkey.close()
    await _restore(settings, archive, progress)


async def _restore(settings: Settings, archive: Archive, progress: Callable[[str], None]) -> None:
    # A place that people lived in must not be given the demo town when it is first served.
    await restore_backup(settings, archive, progress, facts={DEMO_FACT: "no"})
