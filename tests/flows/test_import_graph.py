"""Importing a graph: exact, safe to repeat, safe to kill, and clear about what is wrong with a file."""

import asyncio
import gzip
import itertools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest
from psycopg import AsyncConnection

from linnet.errors import LinnetError, UsernameTaken, WrongCredentials
from linnet.ids import UserId
from linnet.stores.postgres import bulk, topusers, users
from linnet.stores.postgres.leases import upsert_fact
from linnet.stores.postgres.queries import Query
from linnet.write.actions import imports
from linnet.write.actions.edgelists import NotAnEdgeList, read_edges
from linnet.write.actions.imports import ImportReport, NameOfAStranger, Stage, import_graph
from linnet.write.actions.passwords import PasswordOptions, Passwords
from linnet.write.actions.sessions import log_in
from linnet.write.rules import THRESHOLD_FACT, OtherRules
from tests.flows._popularity import assert_scores
from tests.support.recounts import assert_counts
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

GRAPH = """\
# follower followed
1 2
1 3\t

2\t3
   4 3   # a comment behind
1 2
5 3
5 1
"""
PASSWORD = "benchmark-password"


@pytest.fixture
async def world(servers: Servers, database_url: str) -> AsyncIterator[World]:
    """With top users from four followers on."""
    options = WorldOptions(top_user_followers=3)
    async with open_world(database_url, servers.valkey_url, options=options) as world:
        yield world


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    passwords = Passwords(PasswordOptions(memory_kib=8, passes=1))
    yield passwords
    passwords.close()


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "graph.txt"
    path.write_text(GRAPH)
    return path


def quiet(stage: Stage, done: int, total: int) -> None:
    """Nobody watches."""


async def load(world: World, passwords: Passwords, path: Path, *, password: str | None = None) -> ImportReport:
    return await import_graph(world.write, passwords, path, password=password, progress=quiet)


async def know(world: World, *numbers: int) -> None:
    world.ids |= await users.fetch_ids_by_username(world.db, [f"u{number}" for number in numbers])


async def fetch_pairs(world: World) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Who follows whom by username, by each of the two sides."""
    async with await AsyncConnection.connect(world.db.options.url) as connection:
        sides = []
        for query in (
            "select a.username, b.username from following f"
            " join users a on a.id = f.user_id join users b on b.id = f.followed_id",
            "select a.username, b.username from followers f"
            " join users a on a.id = f.follower_id join users b on b.id = f.user_id",
        ):
            sides.append({(row[0], row[1]) async for row in await connection.execute(query)})
        return sides[0], sides[1]


async def assert_counters_are_exact(world: World) -> None:
    async with await AsyncConnection.connect(world.db.options.url) as connection:
        wrong = await connection.execute(
            "select username from users u"
            " where followers_count <> (select count(*) from followers f where f.user_id = u.id)"
            " or following_count <> (select count(*) from following f where f.user_id = u.id)"
        )
        assert await wrong.fetchall() == []


async def test_people_and_follows_of_a_file_are_there_with_exact_counters(
    world: World, passwords: Passwords, graph: Path
) -> None:
    report = await load(world, passwords, graph)
    assert report == ImportReport(
        lines=7, repeated=1, people=5, people_added=5, follows=6, follows_added=6, passwords_set=0, top_users=["u3"]
    )
    await world.settle()
    await know(world, 1, 2, 3, 4, 5)
    expected = {("u1", "u2"), ("u1", "u3"), ("u2", "u3"), ("u4", "u3"), ("u5", "u3"), ("u5", "u1")}
    assert await fetch_pairs(world) == (expected, expected)
    await assert_counters_are_exact(world)
    profile = await world.profile("u3")
    assert (profile.name, profile.followers_count, profile.following_count) == ("Person 3", 4, 0)
    account = await users.find_account(world.db, world.ids["u3"])
    assert account is not None
    assert account.email == "u3@import.invalid"


async def test_a_gzip_file_says_the_same(world: World, passwords: Passwords, tmp_path: Path) -> None:
    path = tmp_path / "graph.txt.gz"
    path.write_bytes(gzip.compress(GRAPH.encode()))
    report = await load(world, passwords, path)
    assert (report.people_added, report.follows_added) == (5, 6)


async def test_importing_again_changes_nothing_and_says_so(world: World, passwords: Passwords, graph: Path) -> None:
    first = await load(world, passwords, graph, password=PASSWORD)
    await world.settle()
    pairs, everybody = await fetch_pairs(world), await users.fetch_profiles(world.db, list(world.ids.values()))
    again = await load(world, passwords, graph, password=PASSWORD)
    await world.settle()
    assert first.changed
    assert not again.changed
    assert (again.people, again.follows) == (5, 6)
    assert await fetch_pairs(world) == pairs
    assert await users.fetch_profiles(world.db, list(world.ids.values())) == everybody


async def test_imported_people_log_in_with_the_given_password_and_with_none_without(
    world: World, passwords: Passwords, graph: Path
) -> None:
    await load(world, passwords, graph)
    with pytest.raises(WrongCredentials):
        await log_in(world.write, passwords, login="u1", password=PASSWORD, device="")
    report = await load(world, passwords, graph, password=PASSWORD)
    assert (report.people_added, report.passwords_set) == (0, 5)
    await log_in(world.write, passwords, login="u1", password=PASSWORD, device="")
    # Who has a password keeps it.
    report = await load(world, passwords, graph, password="another-password")
    assert report.passwords_set == 0
    await log_in(world.write, passwords, login="u1", password=PASSWORD, device="")


async def test_timelines_are_exact_across_a_top_user_that_was_imported(
    world: World, passwords: Passwords, graph: Path
) -> None:
    await load(world, passwords, graph)
    await world.settle()
    await know(world, 1, 2, 3, 4, 5)
    record = await topusers.find(world.db, world.ids["u3"])
    assert record is not None
    assert record.since_id is not None
    await world.home("u1")
    for name in ("u3", "u2", "u1", "u3"):
        await world.post(name)
    await world.settle()
    await world.assert_exact()


async def test_a_follow_of_somebody_who_reads_already_shows_at_once(
    world: World, passwords: Passwords, graph: Path, tmp_path: Path
) -> None:
    """Also when it makes a top user of somebody whose followers have windows, and when it was unfollowed before."""
    await load(world, passwords, graph, password=PASSWORD)
    await world.settle()
    await know(world, 1, 2, 3, 4, 5)
    await world.follow("u4", "u2")
    await world.post("u1", "hello")
    await world.post("u2", "hello too")
    await world.unfollow("u4", "u2")
    await world.settle()
    for name in world.ids:
        await world.home(name)

    more = tmp_path / "more.txt"
    more.write_text("4 2\n2 1\n3 1\n4 1\n6 1\n1 6\n3 2\n")
    report = await load(world, passwords, more)
    assert (report.people_added, report.follows_added, report.passwords_set) == (1, 7, 0)
    # People who can log in follow as ever, so the counters that decide this come with their events.
    assert [str(item.author.username) for item in (await world.home("u4")).items] == ["u2", "u1"]
    await world.settle()
    await know(world, 6)
    await assert_counters_are_exact(world)
    assert (await world.profile("u1")).followers_count == 5
    record = await topusers.find(world.db, world.ids["u1"])
    assert record is not None
    await world.post("u1", "as a top user")
    await world.settle()
    await world.assert_exact()


async def test_a_follow_across_a_block_is_left_out(
    world: World, passwords: Passwords, graph: Path, tmp_path: Path
) -> None:
    """Of people who can log in, and of people who cannot yet."""
    await load(world, passwords, graph, password=PASSWORD)
    (tmp_path / "new.txt").write_text("6 1\n")
    await load(world, passwords, tmp_path / "new.txt")
    await world.settle()
    await know(world, 1, 2, 3, 4, 5, 6)
    for one, other in (("u2", "u4"), ("u2", "u6"), ("u3", "u6")):
        await world.block(one, other)
    await world.settle()
    (tmp_path / "more.txt").write_text("2 4\n4 2\n2 6\n6 2\n6 3\n6 4\n3 4\n")
    report = await load(world, passwords, tmp_path / "more.txt")
    assert (report.follows, report.follows_added) == (7, 2)
    assert {("u6", "u4"), ("u3", "u4"), ("u6", "u1")} <= (await fetch_pairs(world))[0]
    await world.settle()
    await assert_counts(world.db, top_user_followers=3)


async def test_a_follow_that_is_imported_while_a_block_commits_is_left_out_or_ended(
    world: World, passwords: Passwords, graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await load(world, passwords, graph, password=PASSWORD)
    (tmp_path / "new.txt").write_text("6 1\n7 1\n8 1\n")
    await load(world, passwords, tmp_path / "new.txt")
    await world.settle()
    await know(world, 1, 2, 3, 6, 7, 8)
    # Compared with the truth before the blocks: they come between that and the follows.
    block = await world.loom.start("block", world.block("u2", "u6"))
    real = bulk.GraphStage.insert_follows

    async def meanwhile(stage: bulk.GraphStage, first_ordinal: int, follow_ids: Sequence[int]) -> int:
        await world.block("u2", "u7")
        assert await world.loom.run_until(block, "commit")
        inserting = asyncio.ensure_future(real(stage, first_ordinal, follow_ids))
        while not await world.db.value(_IMPORT_WAITS):
            assert not inserting.done(), "it does not wait for the block"
        await world.loom.run(block)
        return await inserting

    monkeypatch.setattr(bulk.GraphStage, "insert_follows", meanwhile)
    (tmp_path / "more.txt").write_text("6 2\n7 2\n8 2\n")
    report = await load(world, passwords, tmp_path / "more.txt")
    assert report.follows_added == 1
    await world.settle()
    await assert_counts(world.db, top_user_followers=3)


_IMPORT_WAITS = Query(
    "test.import_waits",
    (),
    "value",
    "select exists (select from pg_stat_activity where datname = current_database()"
    " and application_name = 'linnet import' and wait_event_type = 'Lock')",
)


class Killed(BaseException):
    """What a kill is to the code: it just stops."""


@pytest.mark.parametrize("dies_in", ["insert_people", "insert_follows", "match_threshold", "update_passwords"])
@pytest.mark.parametrize("calls_before", [0, 1, 2])
async def test_an_import_that_was_killed_goes_on_when_it_is_run_again(
    world: World, passwords: Passwords, graph: Path, monkeypatch: pytest.MonkeyPatch, dies_in: str, calls_before: int
) -> None:
    monkeypatch.setattr(imports, "_ROWS_PER_CHUNK", 2)
    owner = imports if dies_in == "match_threshold" else bulk.GraphStage
    real = getattr(owner, dies_in)
    calls = itertools.count()

    async def dying(*args, **kwargs):
        if next(calls) == calls_before:
            raise Killed
        return await real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(owner, dies_in, dying)
        try:
            await load(world, passwords, graph, password=PASSWORD)
        except Killed:
            await assert_counters_are_exact(world)

    await load(world, passwords, graph, password=PASSWORD)
    await world.settle()
    expected = {("u1", "u2"), ("u1", "u3"), ("u2", "u3"), ("u4", "u3"), ("u5", "u3"), ("u5", "u1")}
    assert await fetch_pairs(world) == (expected, expected)
    await assert_counters_are_exact(world)
    await know(world, 3)
    assert await topusers.find(world.db, world.ids["u3"]) is not None
    await log_in(world.write, passwords, login="u4", password=PASSWORD, device="")


async def test_tweets_are_ranked_by_the_followers_of_an_import_also_when_it_was_killed(
    world: World, passwords: Passwords, graph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = graph.with_name("first.txt")
    first.write_text("2 1\n")
    await load(world, passwords, first)
    await know(world, 1)
    await world.post("u1")
    await world.settle()

    async def dying(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(imports, "rescore_popular", dying)
        with pytest.raises(Killed):
            await load(world, passwords, graph)
    await load(world, passwords, graph)
    await assert_scores(world)


async def test_a_stranger_with_such_a_name_or_address_stops_it_before_anything_is_written(
    world: World, passwords: Passwords, graph: Path
) -> None:
    await world.person("u3")
    with pytest.raises(NameOfAStranger, match="u3"):
        await load(world, passwords, graph)
    assert await users.fetch_ids_by_username(world.db, ["u1", "u2"]) == {}

    other = graph.with_name("other.txt")
    other.write_text("7 8\n")
    await users.insert(
        world.db, user_id=UserId(7), username="sly", name="Sly", email="u8@import.invalid", password_hash="-"
    )
    with pytest.raises(NameOfAStranger, match="u8"):
        await load(world, passwords, other)
    with pytest.raises(UsernameTaken):
        await world.person("sly")


async def test_a_second_import_at_the_same_time_is_refused(world: World, passwords: Passwords, graph: Path) -> None:
    async with bulk.open_stage(world.db.options, domain=imports.EMAIL_DOMAIN):
        with pytest.raises(bulk.ImportRunning):
            await load(world, passwords, graph)
    assert (await load(world, passwords, graph)).people_added == 5


WRONG = {
    "not a number": ("1 2\nx 3\n", "line 2: 'x' is not a number"),
    "a fraction": ("1.5 2\n", "line 1: '1.5' is not a number"),
    "digits of another script": ("١ ٢\n", "is not a number"),
    "an underscore": ("1_000 2\n", "'1_000' is not a number"),
    "negative": ("1 2\n\n# so\n3 -4\n", "line 4: '-4' is negative"),
    "too large": ("1 2\n3 9223372036854775808\n", "line 2: '9223372036854775808' is too large"),
    "far too large": ("1 " + "9" * 4000 + "\n", "is too large"),
    "one column": ("12\n", "line 1: one column instead of two"),
    "commas": ("1,2\n", "one column instead of two: '1,2'"),
    "three columns": ("1 2\n1 2 3\n", "line 2: 3 columns instead of two"),
    "oneself": ("1 2\n07 7\n", "line 2: person 7 follows themself"),
    "binary": ("1 2\n\x00\x01\x02\x7f\n", "line 2: this is not text"),
    "one endless line": ("1" * 100_000, "line 1: this is not text"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_is_said_with_file_and_line_and_nothing_is_written(
    world: World, passwords: Passwords, tmp_path: Path, case: str
) -> None:
    content, sentence = WRONG[case]
    path = tmp_path / "edges.txt"
    path.write_text(content)
    with pytest.raises(NotAnEdgeList) as refused:
        await load(world, passwords, path)
    assert str(path) in str(refused.value)
    assert sentence in str(refused.value)
    assert await users.fetch_ids_by_username(world.db, ["u1", "u2"]) == {}


async def test_a_damaged_gzip_file_is_named(world: World, passwords: Passwords, tmp_path: Path) -> None:
    path = tmp_path / "edges.gz"
    whole = gzip.compress("".join(f"{n} {n + 1}\n" for n in range(50_000)).encode())
    for content, sentence in (
        (whole[: len(whole) // 2], "ends in the middle, after line "),
        (whole[:5000] + b"\xff" * 100 + whole[5100:], "is damaged after line "),
        (b"1 2\n", "is not a gzip file"),
    ):
        path.write_bytes(content)
        with pytest.raises(NotAnEdgeList) as refused:
            await load(world, passwords, path)
        assert str(path) in str(refused.value)
        assert sentence in str(refused.value)
    assert await users.fetch_ids_by_username(world.db, ["u1"]) == {}


async def test_an_empty_file_and_one_of_comments_bring_nothing(
    world: World, passwords: Passwords, tmp_path: Path
) -> None:
    path = tmp_path / "edges.txt"
    for content in ("", "# nothing\n\n", "\n" * 10):
        path.write_text(content)
        assert not (await load(world, passwords, path)).changed


def test_line_ends_and_a_byte_order_mark_of_other_systems_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "edges.txt"
    path.write_bytes(b"\xef\xbb\xbf1 2\r\n3 4\r\n5 9223372036854775807")
    rows = b"".join(block.rows for block in read_edges(path))
    assert rows == b"1\t1\t2\n2\t3\t4\n3\t5\t9223372036854775807\n"


async def test_an_import_with_other_settings_than_the_workers_is_refused(
    world: World, passwords: Passwords, graph: Path
) -> None:
    await upsert_fact(world.db, THRESHOLD_FACT, "3")
    other = msgspec.structs.replace(
        world.write, options=msgspec.structs.replace(world.write.options, top_user_followers=4)
    )
    with pytest.raises(OtherRules, match="followers of a top user: 3 there, 4 here"):
        await import_graph(other, passwords, graph, password=None, progress=quiet)
    assert await fetch_pairs(world) == (set(), set())


async def test_a_weak_password_is_refused_first(world: World, passwords: Passwords, graph: Path) -> None:
    with pytest.raises(LinnetError):
        await load(world, passwords, graph, password="short")
    assert await users.fetch_ids_by_username(world.db, ["u1"]) == {}
