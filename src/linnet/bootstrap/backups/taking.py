"""Takes a backup while people go on: reads one moment of the database, and the pictures that are named in it."""

from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from pathlib import Path

import structlog

from linnet.bootstrap.backups.archive import FORMAT, ArchiveWriter, Contents, write_archive
from linnet.clock import SystemClock, rfc3339
from linnet.domain.attachments import ATTACHMENT_FILES, attachment_path
from linnet.domain.avatars import AVATAR_SIDES, avatar_path
from linnet.settings import Settings
from linnet.stores.media import MediaStore
from linnet.stores.postgres.backups import Dump, open_dump
from linnet.stores.postgres.leases import upsert_fact
from linnet.stores.postgres.pool import Database

log = structlog.get_logger()

BACKUP_FACT = "backup.taken_at"


async def take_backup(settings: Settings, path: Path, progress: Callable[[str], None]) -> Contents:
    """Writes the backup to ``path``; ``progress`` hears what it is at. Raises ``BackupRunning``, ``Unavailable``.

    Nothing that anybody does waits for it; pictures that nobody has any more stay until it is through.
    """
    media = MediaStore(settings.media)
    async with open_dump(settings.postgres) as dump:
        taken_at = rfc3339(SystemClock().now_ms())
        with write_archive(path) as archive:
            tables = await dump.fetch_tables()
            for table in tables:
                progress(table.name)
                with archive.table(table) as writer:
                    writer.rows = await dump.copy_out(table, writer.write)
            waiting = await dump.fetch_jobs()
            archive.jobs(waiting)
            progress("pictures")
            # Earlier releases had none.
            has_avatars = any(table.name == "users" and "avatar" in table.columns for table in tables)
            has_attachments = any(table.name == "attachments" for table in tables)
            saved = missing = 0
            for is_there, paths in ((has_avatars, _avatar_paths), (has_attachments, _attachment_paths)):
                if is_there:
                    found, lost = await _save_pictures(paths(dump), media, archive)
                    saved, missing = saved + found, missing + lost
            contents = Contents(
                format=FORMAT,
                linnet=version("linnet"),
                taken_at=taken_at,
                versions=await dump.fetch_versions(),
                tables=archive.tables,
                jobs=len(waiting),
                pictures=saved,
                missing_pictures=missing,
            )
            archive.finish(contents)
    return contents


async def note_backup(settings: Settings, contents: Contents) -> None:
    """Remembers when it was taken, so that the doctor can say how old the newest one is.

    The backup is there whether or not this works: a server that can only be read has one all the same.
    """
    db = Database(settings.postgres)
    try:
        await db.open()
        await upsert_fact(db, BACKUP_FACT, contents.taken_at)
    except Exception as error:
        log.warning("when this backup was taken could not be noted", cause=str(error))
    finally:
        await db.close()


async def _avatar_paths(dump: Dump) -> AsyncIterator[str]:
    async for avatars in dump.fetch_avatars():
        for avatar in avatars:
            for side in AVATAR_SIDES:
                yield avatar_path(avatar, side)


async def _attachment_paths(dump: Dump) -> AsyncIterator[str]:
    async for names in dump.fetch_attachments():
        for name in names:
            for file in ATTACHMENT_FILES:
                yield attachment_path(name, file)


async def _save_pictures(paths: AsyncIterator[str], media: MediaStore, archive: ArchiveWriter) -> tuple[int, int]:
    """How many files were saved, and how many that somebody has were not there."""
    saved = missing = 0
    async for path in paths:
        content = await media.find(path) if media.is_configured else None
        if content is None:
            missing += 1
        else:
            archive.picture(path, content)
            saved += 1
    return saved, missing
