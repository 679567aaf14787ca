"""The doctor says of each thing that is not well that it is not, and what to do; and of nothing else."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from linnet.bootstrap.backups import BACKUP_FACT
from linnet.bootstrap.checkup import CheckupOptions, Finding, examine
from linnet.bootstrap.worker import run_worker
from linnet.clock import ManualClock, SystemClock, rfc3339
from linnet.domain.timeline import Entry, pack_entry
from linnet.ids import TweetId, UserId
from linnet.read.timelines.verify import VerifyOptions
from linnet.settings import Settings, read_settings
from linnet.stores.postgres.leases import upsert_fact
from linnet.stores.valkey.keys import FORMAT
from linnet.write.rules import THRESHOLD_FACT
from tests.flows._linnet_process import url_of
from tests.support.servers import Servers
from tests.support.world import World

ALL = {
    *("PostgreSQL", "schema", "clock", "Valkey", "disk", "pictures"),
    *("processes", "events", "parked", "jobs", "reports", "timelines", "backup", "settings"),
}
# What differs is looked at once: nobody is about to change it.
OPTIONS = CheckupOptions(verify=VerifyOptions(looks=1, pause_seconds=0.0))


class Place:
    """An installation, as the environment of its processes describes it."""

    def __init__(self, world: World, servers: Servers, media: Path) -> None:
        self.world = world
        self.environ = {
            "LINNET_DATABASE_URL": url_of(world.db.options.url),
            "LINNET_VALKEY_URL": servers.valkey_url,
            "LINNET_VALKEY_PREFIX": world.write.keys.prefix.removesuffix(FORMAT).decode(),
            "LINNET_MEDIA_URL": media.as_uri(),
            "LINNET_WEB_PROCESSES": "2",
        }

    def settings(self, **environ: str) -> Settings:
        return read_settings(self.environ | environ)

    async def examined(
        self, *, options: CheckupOptions = OPTIONS, data_dir: Path | None = None, **environ: str
    ) -> list[Finding]:
        return [found async for found in examine(self.settings(**environ), data_dir=data_dir, options=options)]

    async def said_of(self, check: str, **how: Any) -> Finding:
        """The only thing that was said of it."""
        [found] = [found for found in await self.examined(**how) if found.check == check]
        return found

    async def run(self, statement: str, **params: Any) -> None:
        """Something that no linnet does."""
        async with await psycopg.AsyncConnection.connect(self.world.db.options.url, autocommit=True) as connection:
            await connection.execute(statement.encode(), params)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A process that applies events and runs jobs."""
        ready, stop = asyncio.Event(), asyncio.Event()
        worker = asyncio.create_task(run_worker(self.settings(), {"events", "jobs"}, None, ready=ready, stop=stop))
        try:
            await asyncio.wait([worker, asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
            assert not worker.done(), worker.exception()
            await self._is_known()
            yield
        finally:
            stop.set()
            await worker

    async def _is_known(self) -> None:
        """The worker listens and has said that it lives, which it does a moment after it is ready."""
        async with asyncio.timeout(20):
            while True:
                found = {each.check: each for each in await self.examined()}
                if found["events"].state == found["jobs"].state == "well":
                    return


@pytest.fixture
def place(world: World, servers: Servers, tmp_path: Path) -> Place:
    (tmp_path / "media").mkdir()
    return Place(world, servers, tmp_path / "media")


def states(found: list[Finding]) -> dict[str, str]:
    return {each.check: each.state for each in found}


def assert_wrong(found: Finding, *words: str) -> None:
    assert found.state == "wrong", found
    for word in words:
        assert word in f"{found.sentence} → {found.advice}"


async def test_a_healthy_installation_is_well_and_nothing_is_left_behind(place: Place, tmp_path: Path) -> None:
    await place.world.person("ada", "ben")
    await place.world.post("ada")
    await place.world.settle()
    await upsert_fact(place.world.db, BACKUP_FACT, rfc3339(SystemClock().now_ms()))
    async with place.working():
        # Now that Valkey is believed: what was there before nobody made is thrown away.
        await place.world.home("ben")
        found = await place.examined(data_dir=tmp_path)
        assert {each.check: each.sentence for each in found if each.state != "well"} == {}
        assert set(states(found)) == ALL
    assert list((tmp_path / "media").iterdir()) == []
    said = {each.check: each for each in found}
    assert said["timelines"].details["compared"] == 1
    assert said["events"].details["workers"] == 1
    assert said["processes"].details["processes"] == 1


async def test_where_nobody_works_it_says_who_is_missing(place: Place, tmp_path: Path) -> None:
    found = {each.check: each for each in await place.examined()}
    assert_wrong(found["processes"], "No process of linnet runs", "linnet serve")
    assert_wrong(found["events"], "Nobody applies events", "linnet worker")
    assert_wrong(found["jobs"], "Nobody runs background jobs", "linnet jobs")
    assert {check for check, each in found.items() if each.state == "wrong"} == {"processes", "events", "jobs"}
    beside = {each.check: each for each in await place.examined(data_dir=tmp_path)}
    for check in ("events", "jobs"):
        assert_wrong(beside[check], "`linnet serve` has one: look at what it said")


async def test_events_that_wait_for_long_are_told_with_their_lanes(place: Place) -> None:
    await place.world.person("ada")
    async with place.working():
        # Its actor waits for a retry, so that nobody takes it.
        await place.run(
            "insert into outbox (actor_id, id, lane, kind, payload, appended_at, retry_at)"
            " values (%(ada)s, 1, 7, 'tweet_posted', '{}', now() - interval '605 seconds', now() + interval '1 hour')",
            ada=place.world.ids["ada"],
        )
        found = await place.said_of("events")
        assert_wrong(found, "1 event waits in 1 lane, the oldest for 10 min", "log of `linnet worker`")
        assert found.details["lanes"] == {"7": 1}


async def test_a_parked_event_is_told_with_the_commands_for_it(place: Place) -> None:
    await place.run(
        "insert into parked_events (actor_id, id, lane, kind, payload, appended_at, attempts, reason)"
        " values (1, 1, 1, 'tweet_posted', '{}', now(), 5, 'planted')"
    )
    found = await place.said_of("parked")
    assert_wrong(found, "1 event was given up", "linnet events list", "linnet events replay")
    assert found.examples == ("tweet_posted of user 1: planted",)


async def test_jobs_that_failed_or_are_late_are_told(place: Place) -> None:
    async with place.working():
        # Of a name that no process knows, so that nobody takes them.
        await place.run(
            "insert into linnet_jobs.procrastinate_jobs (queue_name, task_name, args, status, scheduled_at)"
            " values ('nobody', 'nobody', '{}', 'todo', now() - interval '20 minutes'),"
            " ('nobody', 'to fail', '{}', 'todo', now())"
        )
        # Said to have failed just now: what failed long ago is cleared away, perhaps by the worker of this test.
        await place.run("update linnet_jobs.procrastinate_jobs set status = 'failed' where task_name = 'to fail'")
        late, failed = [found for found in await place.examined() if found.check == "jobs"]
    assert_wrong(late, "1 job should have begun, the first 20 min ago", "linnet jobs list")
    assert_wrong(failed, "1 job was given up", "linnet jobs retry")


async def test_a_schema_that_is_older_or_newer_is_told_and_nothing_is_read_by_it(place: Place) -> None:
    await place.run("delete from schema_migrations where migration_id like '0002%%'")
    found = await place.examined()
    [schema] = [each for each in found if each.check == "schema"]
    assert_wrong(schema, "older than this linnet", "linnet db migrate")
    skipped = {each.check for each in found if each.state == "skipped"}
    assert skipped == {"processes", "events", "parked", "jobs", "reports", "timelines", "backup"}
    assert all(each.sentence == "Not looked at, because of schema." for each in found if each.state == "skipped")

    await place.run("insert into schema_migrations (migration_hash, migration_id) values ('x', '9999.of-tomorrow')")
    assert_wrong(await place.said_of("schema"), "made by a newer linnet", "Install that version")


async def test_without_postgresql_the_rest_is_looked_at(place: Place) -> None:
    found = await place.examined(LINNET_DATABASE_URL="postgresql://ada:secret-word@127.0.0.1:1/linnet")
    assert_wrong(found[0], "It does not answer", "Connection refused", "LINNET_DATABASE_URL")
    assert "secret-word" not in str(found)
    assert {each.check for each in found if each.state == "well"} == {"Valkey", "disk", "pictures", "settings"}
    assert "Not looked at, because of PostgreSQL." in {each.sentence for each in found}


async def test_without_valkey_the_rest_is_looked_at(place: Place) -> None:
    found = {each.check: each for each in await place.examined(LINNET_VALKEY_URL="redis://:secret-word@127.0.0.1:1")}
    assert_wrong(found["Valkey"], "every page comes from PostgreSQL", "LINNET_VALKEY_URL")
    assert "secret-word" not in str(found)
    assert found["timelines"].state == "skipped"
    assert found["events"].sentence == "None waits."


async def test_a_database_that_can_only_be_read_is_told(place: Place) -> None:
    name = conninfo_to_dict(place.world.db.options.url)["dbname"]
    await place.run(f"alter database {name} set default_transaction_read_only = on")
    assert_wrong(await place.said_of("PostgreSQL"), "can only be read", "primary")


async def test_a_valkey_that_throws_keys_away_is_told(place: Place) -> None:
    call = place.world.write.valkey.call
    try:
        await call(b"CONFIG", b"SET", b"maxmemory", b"8gb", b"maxmemory-policy", b"allkeys-lru")
        assert_wrong(await place.said_of("Valkey"), "throws single keys away (allkeys-lru)", "noeviction")
    finally:
        await call(b"CONFIG", b"SET", b"maxmemory", b"0", b"maxmemory-policy", b"noeviction")
    assert (await place.said_of("Valkey")).state == "well"


@pytest.mark.skipif("LINNET_TEST_VALKEY_URL" in os.environ, reason="others need that one meanwhile")
async def test_a_valkey_that_is_full_is_told(place: Place) -> None:
    call = place.world.write.valkey.call
    try:
        await call(b"CONFIG", b"SET", b"maxmemory", b"1mb")
        assert_wrong(await place.said_of("Valkey"), "soon it refuses to write", "maxmemory")
    finally:
        await call(b"CONFIG", b"SET", b"maxmemory", b"0")


async def test_clocks_that_differ_are_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    there = ManualClock(SystemClock().now_ms() - 3_600_000)
    monkeypatch.setattr("linnet.bootstrap.services.SystemClock", lambda: there)
    assert_wrong(await place.said_of("clock"), "PostgreSQL's clock is 60 min ahead of this machine's", "NTP")


async def test_ids_of_a_clock_that_was_ahead_are_told(place: Place) -> None:
    async with place.working():
        await place.run("update worker_leases set until_ms = until_ms + 86400000")
        assert_wrong(await place.said_of("processes"), "24 h ahead of time", "clocks of all machines")


async def test_a_full_disk_is_told(place: Place, tmp_path: Path) -> None:
    options = CheckupOptions(min_free_bytes=1 << 60, verify=OPTIONS.verify)
    assert_wrong(await place.said_of("disk", options=options, data_dir=tmp_path), f"free at {tmp_path}", "Make room")


async def test_pictures_that_cannot_be_kept_are_told(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    for path in (tmp_path / "file", tmp_path / "file/within"):
        assert_wrong(await place.said_of("pictures", LINNET_MEDIA_URL=path.as_uri()), str(path))
    found = await place.said_of("pictures", LINNET_MEDIA_URL=(tmp_path / "later").as_uri())
    assert found.state == "well"
    assert not (tmp_path / "later").exists(), "it would belong to who looks"
    assert (await place.said_of("pictures", LINNET_MEDIA_URL="")).state == "note"


async def test_how_old_the_newest_backup_is_is_told_and_is_no_illness(place: Place) -> None:
    found = await place.said_of("backup")
    assert (found.state, found.details) == ("note", {"taken_at": None})
    assert "`linnet backup FILE`" in found.advice
    now_ms = SystemClock().now_ms()
    for days, state, told in ((1, "well", "24 h ago"), (9, "note", "9 days ago"), (-1, "well", "0.0 s ago")):
        await upsert_fact(place.world.db, BACKUP_FACT, rfc3339(now_ms - days * 86_400_000))
        found = await place.said_of("backup")
        assert (found.state, told in found.sentence) == (state, True), found


async def test_a_timeline_that_differs_is_told(place: Place) -> None:
    world = place.world
    await world.person("ada", "ben")
    await world.home("ben")

    async def plant(tweet_id: TweetId) -> None:
        entry = Entry(tweet_id, world.ids["ada"], UserId(0), TweetId(0))
        await world.write.valkey.call(b"LPUSH", world.write.keys.home(world.ids["ben"]), pack_entry(entry))

    await plant(TweetId(world.write.ids.mint()))
    assert (await place.said_of("timelines")).state == "well", "a tweet that is not there is shown to nobody"
    await plant(await world.post("ada"))
    found = await place.said_of("timelines")
    assert_wrong(found, "1 of 1 timeline", "linnet timelines verify --repair")
    assert found.details["user_ids"] == [str(world.ids["ben"])]
    assert found.examples == (f"of user {world.ids['ben']}: 0 missing, 1 too many",)


async def test_settings_that_do_not_go_together_are_noted_and_are_no_illness(place: Place) -> None:
    await upsert_fact(place.world.db, THRESHOLD_FACT, "7")
    found = [
        each
        for each in await place.examined(
            LINNET_TRENDING_HALF_LIFE_HOURS="96",
            LINNET_PUBLIC_URL="https://linnet.example",
            LINNET_RATE_LIMITS_ENABLED="false",
            LINNET_DATABASE_POOL_SIZE="200",
        )
        if each.check == "settings"
    ]
    assert {each.state for each in found} == {"note"}
    said = " ".join(f"{each.sentence} {each.advice}" for each in found)
    for words in (
        "LINNET_TRENDING_WINDOW_HOURS",
        "LINNET_TRUSTED_PROXIES",
        "LINNET_RATE_LIMITS_ENABLED",
        "7 there and 5000 here",
        "600 connections",
    ):
        assert words in said


@pytest.mark.parametrize("error", [RuntimeError("a bug\nof ours"), TimeoutError()])
async def test_a_check_that_fails_does_not_keep_the_others_from_being_made(
    place: Place, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fail(db: object) -> int:
        raise error

    monkeypatch.setattr("linnet.stores.postgres.vitals.count_parked", fail)
    found = await place.examined()
    assert_wrong(next(each for each in found if each.check == "parked"), "This could not be looked at")
    assert set(states(found)) == ALL
