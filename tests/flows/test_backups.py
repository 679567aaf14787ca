"""Promise: a restored place is the place that was saved, as it was at one moment; or nothing is restored at all."""

import asyncio
import re
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import hypothesis
import msgspec
import psycopg
import pytest
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from linnet.bootstrap.backups import (
    BackupUnreadable,
    Contents,
    check_version,
    read_archive,
    restore_backup,
    take_backup,
)
from linnet.bootstrap.backups.archive import Archive
from linnet.domain.avatars import AVATAR_SIDES, avatar_path
from linnet.errors import LinnetError
from linnet.ids import random_bytes
from linnet.settings import Settings, read_settings
from linnet.stores.postgres import backups, jobs
from linnet.stores.postgres.backups import BackupRunning, InUse, Load, NotEmpty, Table, open_dump
from linnet.stores.postgres.leases import find_fact
from linnet.stores.postgres.migrate import SchemaMismatch, check_schema, migrate
from linnet.write.actions import attachments, avatars
from linnet.write.actions.attachments import Sent
from linnet.write.actions.tweets import post_tweet
from linnet.write.jobs.oldtweets import fill_in_old_tweets
from tests.flows._linnet_process import url_of
from tests.flows._old_release import open_old_release
from tests.support import drawn
from tests.support.dumps import dump_postgres
from tests.support.pushing import subscribed
from tests.support.recounts import assert_counts
from tests.support.servers import Servers
from tests.support.world import World, open_world

FACTS = {"a fact": "of a new place"}
# What belongs to the database and not to the place: which migrations made it and when, and the queue's own numbers.
OWN = re.compile(r"row of (public\.\w*(yoyo|schema_migrations)\w*|linnet_jobs\.(?!procrastinate_jobs$)\w+)$")
# A job gets a number of its own in each queue, and its time to the second.
_OF_THE_QUEUE = re.compile(rb'^\(\d+,|(?<=:\d\d)\.\d+|(?<=,)"?\d{4}-[^,]*(?=,0,f)')


def quiet(part: str) -> None:
    """Nobody watches."""


class Empty:
    """A place to restore into: a database, and a directory for pictures."""

    def __init__(self, url: str, media: Path) -> None:
        self.url, self.media = url, media
        self.settings = settings_of(url, media)

    async def restore(self, path: Path) -> None:
        with read_archive(path) as archive:
            check_version(archive)
            archive.check(quiet)
            await restore_backup(self.settings, archive, quiet, facts=FACTS)

    def rows(self) -> list[tuple[str, bytes]]:
        return rows_of(self.url)


def settings_of(url: str, media: Path) -> Settings:
    return read_settings({"LINNET_DATABASE_URL": url_of(url), "LINNET_MEDIA_URL": media.as_uri()})


def rows_of(url: str) -> list[tuple[str, bytes]]:
    """Everything that the place consists of."""
    found = ((where, _OF_THE_QUEUE.sub(b"", row) if "jobs" in where else row) for where, row in dump_postgres(url))
    return sorted((where, row) for where, row in found if not OWN.match(where) and b"a fact" not in row)


def media_of(world: World) -> Path:
    return Path(world.write.media.options.url.removeprefix("file://"))


async def saved(world: World, path: Path) -> Contents:
    return await take_backup(settings_of(world.db.options.url, media_of(world)), path, quiet)


@pytest.fixture
def empty(servers: Servers, tmp_path: Path) -> Iterator[Empty]:
    """A database that no migration has seen."""
    name = f"test_restore_{random_bytes(5).hex()}"
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(servers.database_url, autocommit=True))
        connection.execute(f"create database {name} template template0".encode())
        stack.callback(lambda: connection.execute(f"drop database {name} with (force)".encode()))
        yield Empty(make_conninfo(servers.database_url, dbname=name), tmp_path / "restored")


async def picture(number: int) -> bytes:
    return drawn.encoded(drawn.quarters(width=64 + number, height=64))


@pytest.fixture
async def town(world: World) -> World:
    """Of everything something; some events and jobs wait still."""
    await world.person("ada", "ben", "cleo", "zoe")
    await world.follow("ada", "ben", "cleo")
    await world.follow("ben", "ada", "zoe")
    first = await world.post("ben", 'tab\there, back\\slash, "quotes", \\. and\nlines, 🐦 #birds')
    await world.post("ada", "an answer, @ben", reply_to=first)
    await world.like("ada", first)
    await world.retweet("cleo", first)
    await world.pin("ben", first)
    await world.block("cleo", "zoe")
    await world.mute("ada", "cleo")
    await avatars.put_avatar(world.write, world.ids["ada"], lambda: picture(1))
    shown, _ = [
        await attachments.keep(world.write, world.ids["ada"], Sent(await picture(1), "boats")) for _ in range(2)
    ]
    await post_tweet(
        world.write, world.ids["ada"], text="", reply_to=None, idempotency_key=None, attached=[shown.id], warning="wet"
    )
    await subscribed(world, "ada", "https://push.example.org/ada")
    await world.settle()
    async with world.db.transaction() as session:
        await jobs.insert(session, name="erase", arguments='{"user": "zoë"}', lock="user", delay_seconds=3600)
        await jobs.insert(session, name="erase", arguments="{}", lock="user")
    await world.post("ben", "on its way still #birds")
    return world


async def test_a_restored_place_is_the_place_that_was_saved(
    town: World, empty: Empty, servers: Servers, tmp_path: Path
) -> None:
    path = tmp_path / "linnet.zip"
    contents = await saved(town, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (contents.rows_of("tweets"), contents.pictures, contents.missing_pictures) == (5, 7, 0)
    assert contents.jobs == 2
    await empty.restore(path)
    check_schema(empty.settings.postgres.url)
    assert empty.rows() == rows_of(town.db.options.url)
    files = {each.relative_to(empty.media): each.read_bytes() for each in empty.media.rglob("*.webp")}
    assert files == {each.relative_to(media_of(town)): each.read_bytes() for each in media_of(town).rglob("*.webp")}

    async with open_world(empty.url, servers.valkey_url) as restored:
        restored.ids.update(town.ids)
        assert await find_fact(restored.db, "a fact") == "of a new place"
        await restored.settle()
        await town.settle()
        await restored.assert_exact()
        # Devices subscribed to it.
        assert await restored.write.push_key.public() == await town.write.push_key.public()
        await assert_counts(restored.db, top_user_followers=restored.options.top_user_followers)
        for name in ("ada", "ben", "cleo"):
            assert await restored.home(name) == await town.home(name)


async def test_people_go_on_meanwhile_and_what_is_saved_is_one_moment(
    town: World, empty: Empty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "_LOCK_TIMEOUT_MS", 100)

    async def go_on() -> None:
        await town.post("cleo", "after that moment")
        await town.unfollow("ben", "ada")
        # Her picture was named in that moment. It has to be there when it is read.
        await avatars.put_avatar(town.write, town.ids["ada"], lambda: picture(2))
        await town.settle()

    path, before = tmp_path / "linnet.zip", rows_of(town.db.options.url)
    async with open_dump(town.db.options) as dump:
        # The moment is that of the first question.
        assert await dump.fetch_versions()
        await go_on()
        [former] = [avatar for some in [each async for each in dump.fetch_avatars()] for avatar in some]
        assert all((media_of(town) / avatar_path(former, side)).exists() for side in AVATAR_SIDES)
        with pytest.raises(BackupRunning):
            await saved(town, path)
    assert not path.exists()
    assert await avatars.delete_unreferenced(town.write) == 1
    contents = await saved(town, path)
    assert contents.pictures == 7
    await empty.restore(path)
    assert empty.rows() == rows_of(town.db.options.url) != before


async def test_a_restore_that_dies_leaves_nothing_and_is_done_again(
    town: World, empty: Empty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "linnet.zip"
    await saved(town, path)
    copied = Load.copy_in

    async def dying(self: Load, table: Table, blocks: AsyncIterator[bytes]) -> int:
        if table.name == "tweets":
            raise MemoryError
        return await copied(self, table, blocks)

    with monkeypatch.context() as patched:
        patched.setattr(Load, "copy_in", dying)
        with pytest.raises(MemoryError):
            await empty.restore(path)
    assert [where for where, _ in empty.rows() if "installation" not in where] == []
    await empty.restore(path)
    assert empty.rows() == rows_of(town.db.options.url)


async def test_nothing_is_restored_over_people_or_under_processes(
    town: World, empty: Empty, servers: Servers, tmp_path: Path
) -> None:
    path = tmp_path / "linnet.zip"
    await saved(town, path)
    before = rows_of(town.db.options.url)
    with read_archive(path) as archive, pytest.raises(NotEmpty):
        await restore_backup(settings_of(town.db.options.url, tmp_path), archive, quiet, facts={})
    assert rows_of(town.db.options.url) == before

    migrate(empty.url)
    with psycopg.connect(empty.url) as connection:
        connection.execute(
            "insert into worker_leases (worker, holder, from_ms, until_ms, expires_at)"
            " values (1, 'somebody', 0, 1, now() + %s)",
            [timedelta(hours=1)],
        )
        connection.commit()
        with pytest.raises(InUse):
            await empty.restore(path)
        connection.execute("update worker_leases set expires_at = now() - interval '1 second'")
    await empty.restore(path)
    assert empty.rows() == before


async def test_the_backup_of_an_older_release_is_brought_up_to_date(
    empty: Empty, servers: Servers, tmp_path: Path
) -> None:
    with open_old_release(servers) as old:
        old.sign_up("ada", "ben")
        old.follow("ben", "ada")
        old.post("ada", "a kestrel over the mill #birds", days_ago=9)
        old.finish(top_user_followers=5000)
        contents = await take_backup(settings_of(old.url, tmp_path), tmp_path / "old.zip", quiet)
    assert contents.versions == ["0001.initial"]
    with psycopg.connect(empty.url, autocommit=True) as connection:
        connection.execute("create table unrelated ()")
    await empty.restore(tmp_path / "old.zip")
    check_schema(empty.settings.postgres.url)
    async with open_world(empty.url, servers.valkey_url) as town:
        town.ids.update(old.people)
        await fill_in_old_tweets.run(town.write, {})
        await town.assert_exact()
        await assert_counts(town.db, top_user_followers=5000)
        assert [tweet.text for tweet in (await town.home("ben")).items] == ["a kestrel over the mill #birds"]


async def test_a_database_that_is_ahead_of_the_backup_is_refused(
    empty: Empty, servers: Servers, tmp_path: Path
) -> None:
    with open_old_release(servers) as old:
        await take_backup(settings_of(old.url, tmp_path), tmp_path / "old.zip", quiet)
    migrate(empty.url)
    with pytest.raises(SchemaMismatch, match="restore into a new database"):
        await empty.restore(tmp_path / "old.zip")


# Files that are not as they were written


@pytest.fixture(scope="module")
def small(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A backup with rows and a picture in it."""
    directory = tmp_path_factory.mktemp("small")

    async def make() -> None:
        with servers.fresh_database() as url:
            async with open_world(url, servers.valkey_url) as world:
                await world.person("ada")
                await world.post("ada", "hello")
                await avatars.put_avatar(world.write, world.ids["ada"], lambda: picture(3))
                await saved(world, directory / "small.zip")

    asyncio.run(make())
    return (directory / "small.zip").read_bytes()


def checked(path: Path) -> None:
    with read_archive(path) as archive:
        check_version(archive)
        archive.check(quiet)


@hypothesis.settings(deadline=None, max_examples=150, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(data=st.data())
def test_a_damaged_file_is_refused_or_still_says_the_same(small: bytes, tmp_path: Path, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(small) - 1), label="at")
    damaged = bytearray(small)
    if data.draw(st.booleans(), label="cut off"):
        del damaged[at:]
    else:
        damaged[at] ^= data.draw(st.integers(1, 255), label="bits")
    (tmp_path / "whole.zip").write_bytes(small)
    (tmp_path / "damaged.zip").write_bytes(damaged)
    try:
        checked(tmp_path / "damaged.zip")
    except BackupUnreadable:
        return
    with read_archive(tmp_path / "damaged.zip") as one, read_archive(tmp_path / "whole.zip") as other:
        assert _all_of(one) == _all_of(other)


def _all_of(archive: Archive) -> list[object]:
    tables = [b"".join(archive.blocks(table)) for table in archive.contents.tables]
    return [archive.contents.tables, tables, archive.jobs(), list(archive.pictures())]


def rewritten(small: bytes, path: Path, name: str, content: bytes) -> Path:
    """The same backup with one thing in it that is another."""
    (path / "small.zip").write_bytes(small)
    with zipfile.ZipFile(path / "small.zip") as one, zipfile.ZipFile(path / "other.zip", "w") as other:
        for info in one.infolist():
            if info.filename != name:
                other.writestr(info, one.read(info))
        other.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path / "other.zip"


def contents_with(small: bytes, path: Path, **changed: object) -> bytes:
    (path / "small.zip").write_bytes(small)
    with read_archive(path / "small.zip") as archive:
        return msgspec.json.encode(msgspec.to_builtins(archive.contents) | changed)


def test_files_that_mean_ill_are_refused(small: bytes, tmp_path: Path) -> None:
    known = "0123456789abcdef" * 2
    for name, content in (
        ("media/../../etc/passwd", b"root"),
        ("media//etc/passwd", b"root"),
        (f"media/avatars/{known}/../../../x", b"x"),
        (f"media/avatars/{known}/7.webp", b"x"),
        (f"media/avatars/{known}/64.webp", bytes(17 << 20)),
        ("contents.json", b" " * (65 << 20)),
        ("contents.json", b"[" * 100_000),
        ("contents.json", b"{}"),
        ("jobs.json", b'[{"name": 1}]'),
        ("jobs.json", b"[]" + b" " * (65 << 20)),
    ):
        with pytest.raises(BackupUnreadable):
            checked(rewritten(small, tmp_path, name, content))


def test_a_backup_of_a_newer_linnet_is_refused_by_its_name(small: bytes, tmp_path: Path) -> None:
    for changed in ({"format": 2, "linnet": "9.9"}, {"versions": ["0001.initial", "9999.later"], "linnet": "9.9"}):
        newer = contents_with(small, tmp_path, **changed)
        with pytest.raises(BackupUnreadable, match=r"newer linnet \(9\.9"):
            checked(rewritten(small, tmp_path, "contents.json", newer))


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "none.zip").write_bytes(content)
    with pytest.raises(LinnetError, match="no backup of linnet"):
        checked(tmp_path / "none.zip")


def test_tables_that_do_not_exist_are_not_written(small: bytes, tmp_path: Path, empty: Empty) -> None:
    (tmp_path / "small.zip").write_bytes(small)
    with read_archive(tmp_path / "small.zip") as archive:
        tables = msgspec.to_builtins(archive.contents.tables)
    tables[0]["name"] = "pg_authid"
    path = rewritten(small, tmp_path, "contents.json", contents_with(small, tmp_path, tables=tables))
    with pytest.raises(BackupUnreadable):
        asyncio.run(empty.restore(path))
