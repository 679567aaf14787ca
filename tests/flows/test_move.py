"""Promise: a place that moves loses nothing and doubles nothing, whoever writes meanwhile and whoever dies; and people
can write at one place at most.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from linnet.bootstrap.checkup.finding import CheckupOptions, Patient
from linnet.bootstrap.checkup.stores import check_migrations
from linnet.bootstrap.moves import Destination, MoveOptions, MoveReport, cancel_move, find_move, move, reopen
from linnet.bootstrap.moves.leaving import MovedAlready, NoMove, NotMoved
from linnet.bootstrap.moves.moving import OtherMove, TooBusy, ValkeyInUse
from linnet.bootstrap.services import build_services
from linnet.bootstrap.waiting import wait_for_database
from linnet.clock import ManualClock
from linnet.errors import Unavailable
from linnet.ids import TweetId, random_bytes, unix_ms_of
from linnet.settings import Settings, read_settings
from linnet.stores.postgres import jobs
from linnet.stores.postgres.faults import HasMovedAway
from linnet.stores.postgres.jobs import fetch_page
from linnet.stores.postgres.leases import find_fact
from linnet.stores.postgres.leasing import LeaseKeeper, LeaseOptions
from linnet.stores.postgres.migrate import SchemaMismatch, migrate
from linnet.stores.postgres.moves import arrival, connecting
from linnet.stores.postgres.moves.arrival import InUse, NotEmpty, SameDatabase, Unsuitable
from linnet.stores.postgres.moves.connecting import MoveRunning
from linnet.stores.postgres.moves.residence import HasMoved, IsMovingIn, check_residence
from linnet.stores.postgres.moves.transfer import STAYING, Differs
from linnet.stores.postgres.pool import Database, PostgresOptions
from linnet.stores.valkey.client import ValkeyOptions
from linnet.write.actions import attachments, avatars, tweets
from linnet.write.actions.attachments import Sent
from tests.flows._linnet_process import url_of
from tests.support import drawn
from tests.support.dumps import dump_postgres
from tests.support.pushing import subscribed
from tests.support.recounts import assert_counts
from tests.support.servers import Servers
from tests.support.strait import open_strait
from tests.support.world import World, open_world

FACTS = {"a fact": "of the new place"}
# What belongs to a database, and not to the place that lives in it.
OWN = re.compile(
    rf"row of (linnet_move\.\w+|public\.({'|'.join(STAYING)}|\w*(yoyo|schema_migrations)\w*)"
    r"|linnet_jobs\.(?!procrastinate_jobs$)\w+)$"
)
# A job gets a number of its own in each queue, and its time to the second.
_OF_THE_QUEUE = re.compile(rb'^\(\d+,|(?<=:\d\d)\.\d+|(?<=,)"?\d{4}-[^,]*(?=,0,f)')
PATIENT = MoveOptions(read_only_seconds=600.0)


class Place:
    """A database to move to, with keys and pictures of its own."""

    def __init__(self, url: str, servers: Servers, media: Path) -> None:
        self.url = url
        self.media = media
        self.settings = read_settings(
            {
                "LINNET_DATABASE_URL": url_of(url),
                "LINNET_VALKEY_URL": servers.valkey_url,
                "LINNET_VALKEY_PREFIX": f"m{random_bytes(6).hex()}:",
                "LINNET_MEDIA_URL": media.as_uri(),
            }
        )

    def named(self, name: str = "there") -> Destination:
        return Destination(self.settings, name, FACTS)


def quiet(part: str) -> None:
    """Nobody watches."""


def settings_of(world: World) -> Settings:
    return read_settings(
        {"LINNET_DATABASE_URL": url_of(world.db.options.url), "LINNET_MEDIA_URL": world.write.media.options.url}
    )


async def moved(world: World, to: Destination, options: MoveOptions = PATIENT) -> MoveReport:
    return await move(settings_of(world), to, quiet, options)


def rows_of(url: str) -> list[tuple[str, bytes]]:
    """Everything that a place consists of."""
    found = ((where, _OF_THE_QUEUE.sub(b"", row) if "jobs" in where else row) for where, row in dump_postgres(url))
    return sorted((where, row) for where, row in found if not OWN.match(where) and b"a fact" not in row)


@pytest.fixture
def new_database(servers: Servers) -> Iterator[Callable[..., str]]:
    """Makes databases that no migration has seen."""
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(servers.database_url, autocommit=True))

        def make(options: str = "") -> str:
            name = f"test_move_{random_bytes(5).hex()}"
            connection.execute(f"create database {name} template template0 {options}".encode())
            stack.callback(lambda: connection.execute(f"drop database {name} with (force)".encode()))
            return make_conninfo(servers.database_url, dbname=name)

        yield make


@pytest.fixture(autouse=True)
def patient_with_the_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a busy server takes to notice that somebody is gone."""
    monkeypatch.setattr(connecting, "_LOCK_TIMEOUT_MS", 120_000)


@pytest.fixture
def there(servers: Servers, tmp_path: Path) -> Iterator[Place]:
    with servers.fresh_database() as url:
        yield Place(url, servers, tmp_path / "there")


@pytest.fixture
async def town(world: World) -> World:
    """Of everything something; some events and jobs wait still."""
    await world.person("ada", "ben", "cleo", "zoe")
    await world.follow("ada", "ben", "cleo")
    await world.follow("ben", "ada", "zoe")
    first = await world.post("ben", 'tab\there, back\\slash, "quotes", \\N \\. and\nlines, 🐦 #birds')
    await world.post("ada", "an answer, @ben", reply_to=first)
    await world.like("ada", first)
    await world.retweet("cleo", first)
    await world.pin("ben", first)
    await world.block("cleo", "zoe")
    await world.mute("ada", "cleo")
    await put_picture(world, "ada", 1)
    await post_picture(world, "ada")
    await subscribed(world, "ada", "https://push.example.org/ada")
    await world.settle()
    async with world.db.transaction() as session:
        await jobs.insert(session, name="erase", arguments='{"user": "zoë"}', lock="user", delay_seconds=3600)
        await jobs.insert(session, name="erase", arguments="{}", lock="user")
    await world.post("ben", "on its way still #birds")
    return world


async def put_picture(world: World, name: str, number: int) -> None:
    """Their own, and the wide one above their page."""

    async def upload() -> bytes:
        return drawn.encoded(drawn.quarters(width=64 + number, height=64))

    await avatars.put_avatar(world.write, world.ids[name], upload)
    await avatars.put_avatar(world.write, world.ids[name], upload, use="header")


async def post_picture(world: World, name: str) -> None:
    """A tweet with one of two pictures; the other one waits."""
    file = drawn.encoded(drawn.quarters(width=64, height=48))
    shown, _ = [await attachments.keep(world.write, world.ids[name], Sent(file)) for _ in range(2)]
    await tweets.post_tweet(
        world.write, world.ids[name], text="", reply_to=None, idempotency_key=None, attached=[shown.id]
    )


def media_of(world: World) -> Path:
    return Path(world.write.media.options.url.removeprefix("file://"))


def files_of(directory: Path) -> dict[Path, bytes]:
    return {each.relative_to(directory): each.read_bytes() for each in directory.rglob("*.webp")}


async def assert_it_lives(town: World, there: Place, servers: Servers) -> None:
    """What moved is a place as any other: exact, and it goes on."""
    async with open_world(there.url, servers.valkey_url) as arrived:
        arrived.ids.update(town.ids)
        await arrived.settle()
        await arrived.assert_exact()
        await assert_counts(arrived.db, top_user_followers=arrived.options.top_user_followers)
        posted = await arrived.post("ben", "hello from there")
        await arrived.settle()
        assert (await arrived.home_ids("ada"))[0] == posted


# While people write


class Crowd:
    """People who write without a pause until they are told that the place has moved; ``posted`` was answered."""

    def __init__(self, town: World) -> None:
        self.town = town
        self.posted: list[TweetId] = []
        self.answered = 0
        self._tasks = [asyncio.create_task(self._write(name)) for name in ("ada", "ben")]
        self._tasks.append(asyncio.create_task(self._apply()))

    async def refused(self) -> None:
        """Returns when all of them were told so; whatever else went wrong is raised."""
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            assert isinstance(outcome, HasMovedAway), outcome

    async def wrote(self, more: int) -> None:
        enough = self.answered + more
        while self.answered < enough:
            assert not any(task.done() for task in self._tasks)
            await asyncio.sleep(0)

    async def _write(self, name: str) -> None:
        for number in itertools.count():
            posted = await self.town.post(name, f"number {number} #tag{number % 3} @zoe")
            self.posted.append(posted)
            await self.town.like("cleo", posted)
            await self.town.pin(name, posted)
            if number % 3 == 0:
                await self.town.delete(name, posted)
                # Not before: a deletion that is refused leaves the tweet where it is.
                self.posted.remove(posted)
            if number % 4 == 0:
                await self.town.follow("zoe", name)
                await self.town.unfollow("zoe", name)
            if number % 16 == 0:
                await put_picture(self.town, name, number)
                await post_picture(self.town, name)
            self.answered += 1

    async def _apply(self) -> None:
        while True:
            await self.town.worker.drain()
            await asyncio.sleep(0)


async def test_all_that_was_answered_arrives_once_while_people_write(
    town: World, there: Place, servers: Servers
) -> None:
    crowd = Crowd(town)
    await crowd.wrote(5)
    report = await moved(town, there.named())
    await crowd.refused()

    assert rows_of(there.url) == rows_of(town.db.options.url)
    async with open_world(there.url, servers.valkey_url) as arrived:
        found = await arrived.db.fetch(int, _query("select id from tweets where text like 'number %%'"))
        assert sorted(found) == sorted(crowd.posted)
        assert await find_fact(arrived.db, "a fact") == "of the new place"
        # Devices subscribed to it.
        assert await arrived.write.push_key.public() == await town.write.push_key.public()
        assert [job.name for job in await fetch_page(arrived.db, page_size=10)] == ["erase", "erase"]
    assert (report.jobs, report.missing_pictures, report.was_done_before) == (2, 0, False)
    assert report.rows["users"] == 4
    # Beside those that people have may lie some that they had for a moment.
    assert files_of(there.media).items() <= files_of(media_of(town)).items()
    async with open_world(there.url, servers.valkey_url) as arrived:
        chosen = await arrived.db.fetch(
            str, _query("select unnest(array[avatar, header]) from users where avatar is not null")
        )
        attached = await arrived.db.fetch(str, _query("select name from attachments where state = 'ready'"))
    assert len(attached) > 2
    assert {*chosen, *attached} <= {path.parts[1] for path in files_of(there.media)}
    await assert_it_lives(town, there, servers)


async def test_the_old_place_can_only_be_read_until_somebody_takes_it_up_again(town: World, there: Place) -> None:
    with pytest.raises(NotMoved):
        await reopen(settings_of(town))
    before, rows = await town.home_ids("ada"), rows_of(town.db.options.url)
    await moved(town, there.named())
    town.forget()
    await town.flush()
    assert await town.home_ids("ada") == before
    for attempt in (town.post("ada"), town.like("zoe", TweetId(before[0])), town.follow("zoe", "ada")):
        with pytest.raises(HasMovedAway, match="can only be read"):
            await attempt
    with pytest.raises(HasMovedAway):
        async with town.db.transaction() as session:
            await jobs.insert(session, name="erase", arguments="{}", lock="user")
    # Nor is a picture deleted, which may be somebody's at the new place by now.
    await town.write.media.put(f"avatars/{'0' * 32}/64.webp", b"", media_type="image/webp")
    assert await avatars.delete_unreferenced(town.write) == 0
    with pytest.raises(HasMoved, match=r"moved to there on .*linnet move reopen"):
        await wait_for_database(town.db.options, patient=True)
    # Who only looks may look, and the new place is open to all.
    await wait_for_database(town.db.options, patient=False)
    await wait_for_database(there.settings.postgres, patient=True)

    assert await _doctor_says(town) == ["wrong"]
    with pytest.raises(MovedAlready, match="linnet move reopen"):
        await cancel_move(settings_of(town))
    assert (await reopen(settings_of(town))).destination == "there"
    await wait_for_database(town.db.options, patient=True)
    assert rows_of(town.db.options.url) == rows
    assert await avatars.delete_unreferenced(town.write) == 1
    await town.post("ada", "back again")
    await town.settle()
    await town.assert_exact()


async def test_a_writer_that_is_not_done_is_waited_for_and_arrives(town: World, there: Place) -> None:
    with psycopg.connect(town.db.options.url) as writer:

        def write(part: str) -> None:
            if part == "comparing users":
                # Everything was copied, and the gate is not closed yet.
                writer.execute("insert into markers values (%s, 'home', 1, 1, 1)", (town.ids["ada"],))

        moving = asyncio.create_task(move(settings_of(town), there.named(), write, PATIENT))
        await _until(lambda: _waits_for_a_lock(town), moving)
        late = asyncio.create_task(town.post("zoe", "too late"))
        await _until(lambda: _waits_for_a_lock(town, at_least=2), moving)
        assert not moving.done()
        assert not late.done()
        writer.commit()
        await moving
    with pytest.raises(HasMovedAway):
        await late
    rows = rows_of(there.url)
    assert rows == rows_of(town.db.options.url)
    assert [row for where, row in rows if where == "row of public.markers"]


async def test_a_writer_that_never_ends_holds_up_the_move_alone_and_it_can_be_given_up(
    town: World, there: Place
) -> None:
    hurried = MoveOptions(read_only_seconds=0.05, attempts=2)
    with pytest.raises(NoMove):
        await cancel_move(settings_of(town))
    with psycopg.connect(town.db.options.url) as writer:
        await _begin(town, there)
        writer.execute("insert into markers values (%s, 'home', 1, 1, 1)", (town.ids["ada"],))
        with pytest.raises(TooBusy):
            await moved(town, there.named(), hurried)
        await town.post("ada", "noted")
    assert await _holds(town, "select exists (select from linnet_move.changes)")
    assert await _doctor_says(town) == ["note"]
    assert (await cancel_move(settings_of(town))).destination == "there"
    left = (
        "select not exists (select from pg_trigger where not tgisinternal and tgname like 'linnet%%')"
        " and to_regnamespace('linnet_move') is null"
    )
    assert await _holds(town, left)
    assert await _doctor_says(town) == []
    await town.post("ada", "noted no more")
    await town.settle()
    await town.assert_exact()
    with pytest.raises(IsMovingIn):
        check_residence(there.settings.postgres.url)


# Who dies


class Died(BaseException):
    """As by kill -9: nothing is done any more."""


class Mortal(psycopg.AsyncConnection[Any]):
    """A connection of a mover that dies, with all others of it, so many statements after the one with these words."""

    words, more = "", 0
    living: ClassVar[list["Mortal"]] = []

    @classmethod
    def doom(cls, words: str, more: int) -> None:
        cls.words, cls.more = words, more
        cls.living.clear()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        Mortal.living.append(self)

    async def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        self.live(query.as_string(None) if isinstance(query, sql.Composable) else str(query))
        return await super().execute(query, *args, **kwargs)

    @classmethod
    def live(cls, text: str) -> None:
        if cls.words and cls.words in text:
            cls.words = ""
        elif cls.words:
            return
        cls.more -= 1
        if cls.more < 0:
            for connection in cls.living:
                connection.pgconn.finish()
            raise Died


DEATHS = (
    *(("pg_advisory_lock", 0), ("create schema linnet_move", 0), ("update linnet_move.departure", 0)),
    *(("create table linnet_move.filling", 0), ("create table linnet_move.copied", 3), ("create trigger", 0)),
    *(("create trigger", 60), ("insert into linnet_move.copied", 0), ("insert into linnet_move.copied", 40)),
    *(("avatar >", 0), ("create temp table", 0), ("create temp table", 9), ("delete from linnet_move.changes", 0)),
    *(("md5", 30), ('analyze "public"', 3), ("share row exclusive", 0), ("share row exclusive", 2)),
    *(("share row exclusive", 12), ("delete from worker_leases", 0), ("linnet_jobs.procrastinate_jobs", 0)),
    *(("create table linnet_move.moved", 0), ("drop schema", 0), ("drop schema", 0)),
)


async def test_whoever_is_killed_anywhere_the_same_command_goes_on(
    town: World, there: Place, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "AsyncConnection", Mortal)
    writer = psycopg.connect(town.db.options.url, autocommit=True)
    readings = itertools.count()

    def write(part: str) -> None:
        if part == "the last changes":
            # Something is left for the last step.
            writer.execute("insert into markers values (%s, 'home', 1, 1, 1)", (next(readings),))

    has_moved = False
    for words, more in DEATHS:
        Mortal.doom(words, more)
        with pytest.raises((Died, Unavailable)):
            await move(settings_of(town), there.named(), write, PATIENT)
        assert not Mortal.words, f"nobody said {words!r}"
        has_moved = await _holds(town, "select to_regclass('linnet_move.moved') is not null")
        if has_moved:
            # It died between the old place and the new one: nobody can write at either, and everybody can read.
            with pytest.raises(HasMovedAway):
                await town.post("ada", "too late")
        else:
            await town.post("ada", f"when it died at {words}")
            await town.pin("ben", await town.post("ben", "on top"))
        with psycopg.connect(there.url) as connection:
            arrived = connection.execute("select exists (select from users)").fetchone()
        if arrived == (True,):
            with pytest.raises(IsMovingIn):
                check_residence(there.settings.postgres.url)
    writer.close()
    assert has_moved
    Mortal.doom("never said", 0)
    assert (await moved(town, there.named())).was_done_before
    assert rows_of(there.url) == rows_of(town.db.options.url)
    assert files_of(there.media) == files_of(media_of(town))
    assert (await moved(town, there.named())).was_done_before
    await assert_it_lives(town, there, servers)


async def test_what_goes_wrong_at_the_new_place_harms_nobody_and_is_made_up_for(
    town: World, there: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = arrival.take_table

    async def full(source: Any, target: Any, table: Any) -> int:
        rows = await taken(source, target, table)
        if table.name == "tweets":
            await target.execute("do $$ begin raise disk_full using message = 'No space left on device'; end $$")
        return rows

    with monkeypatch.context() as patched:
        patched.setattr(arrival, "take_table", full)
        with pytest.raises(Unavailable, match="No space left on device"):
            await moved(town, there.named())
    await town.post("ada", "life goes on")
    # Nobody starts where half of a place is; who is patient is let in when all of it is there.
    with pytest.raises(IsMovingIn, match="linnet move"):
        await wait_for_database(there.settings.postgres, patient=False)
    waiting = asyncio.create_task(wait_for_database(there.settings.postgres, patient=True))

    await _begin(town, there)
    with psycopg.connect(there.url, autocommit=True) as connection:
        # As a disk would, or somebody who thinks that this is a database to try things in.
        assert connection.execute("update tweets set likes_count = likes_count + 1").rowcount
    with pytest.raises(Differs, match="The table tweets has other rows where it was moved to"):
        await moved(town, there.named())
    await town.post("ada", "and on")
    assert not waiting.done()
    await moved(town, there.named())
    await waiting
    assert rows_of(there.url) == rows_of(town.db.options.url)


async def test_a_network_that_is_cut_in_the_last_step_keeps_nobody_from_writing(town: World, there: Place) -> None:
    hurried, cut = MoveOptions(read_only_seconds=0.2), asyncio.Event()
    with open_strait(there.url) as strait:
        far = read_settings({"LINNET_DATABASE_URL": url_of(strait.url)})
        settings = msgspec.structs.replace(there.settings, postgres=far.postgres)

        def cut_off(part: str) -> None:
            if part == "the last changes" and not cut.is_set():
                strait.close_way()
                cut.set()

        moving = asyncio.create_task(move(settings_of(town), Destination(settings, "there", FACTS), cut_off, hurried))
        await asyncio.wait([moving, asyncio.create_task(cut.wait())], return_when=asyncio.FIRST_COMPLETED)
        # The gate is open again, though nothing was heard from the new server.
        await town.post("ada", "is anybody there?")
        strait.open_way()
        with suppress(Unavailable, TooBusy):
            await moving
    await moved(town, there.named())
    assert rows_of(there.url) == rows_of(town.db.options.url)


# What is refused


async def test_what_cannot_be_moved_to_is_refused_before_anything_is_changed(
    town: World, there: Place, new_database: Callable[..., str], servers: Servers, tmp_path: Path
) -> None:
    before = rows_of(town.db.options.url)

    async def refused(error: type[BaseException], url: str, match: str = ".") -> None:
        with pytest.raises(error, match=match):
            await moved(town, Place(url, servers, tmp_path / "nowhere").named())
        assert await find_move(settings_of(town)) is None
        await town.db.run(_query("update users set name = name where false"))

    await refused(SameDatabase, town.db.options.url)
    await refused(Unsuitable, new_database("encoding 'SQL_ASCII' locale 'C'"), "SQL_ASCII, and not in UTF8")
    foreign = new_database()
    with psycopg.connect(foreign, autocommit=True) as connection:
        connection.execute("create table orders (id int)")
    await refused(Unsuitable, foreign, "tables of something else")

    lived_in = new_database()
    migrate(lived_in)
    with psycopg.connect(lived_in, autocommit=True) as connection:
        connection.execute("insert into worker_leases values (1, 'x', 0, 1, now() + interval '1 hour')")
        await refused(InUse, lived_in)
        connection.execute("update worker_leases set expires_at = now() - interval '1 second'")
        connection.execute("insert into users (id, username, name, email, password_hash) values (1, 'a', 'a', 'a', '')")
        await refused(NotEmpty, lived_in)
    newer = new_database()
    migrate(newer)
    with psycopg.connect(newer, autocommit=True) as connection:
        connection.execute("insert into schema_migrations (migration_hash, migration_id) values ('x', '9999.later')")
    await refused(SchemaMismatch, newer, "newer linnet")
    await refused(Unavailable, make_conninfo(there.url, dbname="none"), "does not exist")
    other, role = new_database(), f"test_move_{random_bytes(5).hex()}"
    name = conninfo_to_dict(other)["dbname"]
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"create role {role} login".encode())
        try:
            await refused(Unsuitable, make_conninfo(other, user=role), f"role {role} may not make tables")
        finally:
            connection.execute(f"drop role {role}".encode())
        connection.execute(f"alter database {name} set default_transaction_read_only = on".encode())
    await refused(Unsuitable, other, "can only be read")

    key = there.settings.valkey_prefix + b"something"
    await town.write.valkey.call(b"SET", key, b"")
    with pytest.raises(ValkeyInUse):
        await moved(town, there.named())
    await town.write.valkey.call(b"UNLINK", key)
    assert rows_of(town.db.options.url) == before


async def test_a_place_whose_schema_is_old_is_not_moved(there: Place, new_database: Callable[..., str]) -> None:
    old = new_database()
    migrate(old, ["0001.initial"])
    settings = read_settings({"LINNET_DATABASE_URL": url_of(old)})
    with pytest.raises(SchemaMismatch, match="linnet db migrate"):
        await move(settings, there.named(), quiet)


async def test_of_two_movers_at_once_one_is_refused(town: World, there: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_LOCK_TIMEOUT_MS", 100)
    for url in (town.db.options.url, there.url):
        async with connecting.connected(url, name="another") as another, connecting.alone(another):
            with pytest.raises(MoveRunning):
                await moved(town, there.named())
            assert await find_move(settings_of(town)) is None
    async with connecting.connected(town.db.options.url, name="another") as another, connecting.alone(another):
        with pytest.raises(MoveRunning):
            await cancel_move(settings_of(town))


async def test_a_move_that_is_under_way_goes_nowhere_else(
    town: World, there: Place, new_database: Callable[..., str], servers: Servers, tmp_path: Path
) -> None:
    elsewhere = Place(new_database(), servers, tmp_path / "elsewhere")
    await _begin(town, there)
    with pytest.raises(OtherMove, match="to there is under way"):
        await moved(town, elsewhere.named("elsewhere"))
    # The database was made anew meanwhile: it is filled from the beginning.
    assert (await moved(town, elsewhere.named())).rows["users"] == 4
    with pytest.raises(OtherMove, match="has moved already, to there"):
        await moved(town, there.named())
    with pytest.raises(HasMoved):
        check_residence(town.db.options.url)
    assert rows_of(elsewhere.url) == rows_of(town.db.options.url)


# Ids


async def test_ids_go_on_above_those_of_the_old_place_whatever_the_new_clock_says(town: World, there: Place) -> None:
    former = await town.post("ada", "the last one")
    async with _keeper(town.db.options.url, town.write.clock.now_ms()) as keeper:
        minted_there = keeper.ids.mint()
        await moved(town, there.named())
    async with _keeper(there.url, unix_ms_of(former) - 3_600_000) as keeper:
        new = [keeper.ids.mint() for _ in range(200)]
    assert min(new) > former
    assert sorted(set(new)) == new
    assert minted_there not in new
    # Not by the whole hour, nor by as far as leases reach.
    assert unix_ms_of(new[-1]) - unix_ms_of(former) < 59_000


def _keeper(url: str, now_ms: int) -> Any:
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def kept() -> AsyncIterator[LeaseKeeper]:
        db = Database(PostgresOptions(url, pool_timeout_seconds=60.0, statement_timeout_seconds=60.0))
        await db.open()
        keeper = LeaseKeeper(db, ManualClock(now_ms), LeaseOptions())
        try:
            await keeper.open()
            yield keeper
        finally:
            await keeper.close()
            await db.close()

    return kept()


# Small words


def _query(text: str) -> Any:
    from linnet.stores.postgres.queries import Query

    return Query("test.move", (), "many", text)


async def _begin(town: World, there: Place) -> None:
    """A move that is broken off when everything was copied."""

    class Enough(Exception):
        pass

    def stop(part: str) -> None:
        if part.startswith("comparing"):
            raise Enough

    with pytest.raises(Enough):
        await move(settings_of(town), there.named(), stop, PATIENT)


async def _doctor_says(town: World) -> list[str]:
    """How it stands with moves."""
    # Nobody asks Valkey for it.
    settings = msgspec.structs.replace(settings_of(town), valkey=ValkeyOptions("redis://nowhere.invalid"))
    patient = Patient(build_services(settings, only_looks=True), CheckupOptions(), None, {})
    return [found.state for found in await check_migrations(patient) if found.check == "move"]


async def _holds(town: World, question: str) -> bool:
    return bool(await town.db.value(_query(question)))


async def _waits_for_a_lock(town: World, *, at_least: int = 1) -> bool:
    waiting = await town.db.value(
        _query("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
    )
    return int(waiting) >= at_least


async def _until(question: Callable[[], Any], unless: asyncio.Task[Any]) -> None:
    """Asks until it is so; a task that ends first has failed."""
    while not await question():
        if unless.done():
            unless.result()
            raise AssertionError("it ended too early")
        await asyncio.sleep(0)
