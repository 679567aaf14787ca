"""Makes an empty place what a backup says: its tables, its jobs, its pictures.

Before anything is written the whole file is read and compared with its checksums. Pictures come first, which nobody
sees without rows; then all rows in one transaction. So a restore that is broken off can be started again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

from linnet.bootstrap.backups.archive import Archive, BackupUnreadable, SavedTable
from linnet.clock import SystemClock
from linnet.domain.avatars import AVATAR_MEDIA_TYPE
from linnet.settings import Settings
from linnet.stores.media import MediaStore
from linnet.stores.postgres.backups import Load, Table, open_load
from linnet.stores.postgres.migrate import SchemaMismatch, known_versions, migrate


def check_version(archive: Archive) -> None:
    """Raises ``BackupUnreadable`` when a newer linnet made these tables."""
    if unknown := sorted(set(archive.contents.versions) - set(known_versions())):
        raise BackupUnreadable(
            f"This backup was made by a newer linnet ({archive.contents.linnet}, migration {unknown[-1]}): restore it"
            " with that version or a later one."
        )


async def restore_backup(
    settings: Settings, archive: Archive, progress: Callable[[str], None], *, facts: Mapping[str, str]
) -> None:
    """Fills the database and the media store of the settings. The archive has been checked.

    ``facts`` are noted about the new place where the backup says nothing of them. Raises ``NotEmpty``, ``InUse``,
    ``BackupRunning``, ``SchemaMismatch``, ``Unavailable``.
    """
    versions = archive.contents.versions
    await asyncio.to_thread(migrate, settings.postgres.url, versions)
    async with open_load(settings.postgres) as load:
        if await load.fetch_versions() != versions:
            raise SchemaMismatch(
                "The database's tables are newer than the backup: restore into a new database, and this linnet brings"
                " it up to date."
            )
        progress("pictures")
        await _restore_pictures(settings, archive)
        await _restore_tables(load, archive, progress)
        await load.insert_jobs(archive.jobs(), now_ms=SystemClock().now_ms())
        for key, value in facts.items():
            await load.note_fact(key, value)
    progress("schema")
    await asyncio.to_thread(migrate, settings.postgres.url)


async def _restore_pictures(settings: Settings, archive: Archive) -> None:
    media = MediaStore(settings.media)
    for path, content in archive.pictures():
        await media.put(path, content, media_type=AVATAR_MEDIA_TYPE)


async def _restore_tables(load: Load, archive: Archive, progress: Callable[[str], None]) -> None:
    known = {table.name: table for table in await load.fetch_tables()}
    for saved in archive.contents.tables:
        progress(saved.name)
        table = Table(saved.name, saved.columns)
        if saved.name not in known or set(saved.columns) != set(known[saved.name].columns):
            raise BackupUnreadable(f"The backup does not fit: its table {saved.name} is not as its migrations make it.")
        rows = await load.copy_in(table, _each(archive.blocks(saved)))
        if rows != saved.rows:
            raise BackupUnreadable(_differs(saved, rows))


def _differs(saved: SavedTable, rows: int) -> str:
    return f"The backup is damaged: {saved.name} has {rows:,} rows, and {saved.rows:,} were saved."


async def _each(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block
