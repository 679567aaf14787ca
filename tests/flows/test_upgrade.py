"""A place that lived with the first release goes on with this one: what was written before is found, by everybody."""

import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from linnet.domain.event import TweetDeleted, UserFollowed, lane_of
from linnet.domain.timeline import Entry, Range, pack_entry
from linnet.errors import Unavailable
from linnet.ids import MAX_ID, TweetId
from linnet.read.timelines.popular import top_tweets
from linnet.read.timelines.search import tweets_found_page
from linnet.read.timelines.tag import tag_page
from linnet.read.timelines.trending import Trending
from linnet.read.views.pages import Page, PageView, page_json
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres.leases import upsert_fact
from linnet.stores.postgres.migrate import migrate
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.keys import FORMAT, Keys, pack_id
from linnet.write.actions.erasure import delete_account
from linnet.write.actions.passwords import PasswordOptions, Passwords
from linnet.write.fanout import oldtweets
from linnet.write.fanout.oldtweets import BELOW_FACT, are_old_tweets_done, fill_in_old_tweets
from linnet.write.fanout.popular import match_half_life
from linnet.write.jobs import oldtweets as job
from linnet.write.jobs.erasure import erase_account
from linnet.write.jobs.job import NotYet
from tests.flows import _leaving as leaving
from tests.flows._linnet_process import Family, eventually, family, free_port, url_of
from tests.flows._old_release import OldRelease, open_old_release
from tests.flows._popularity import assert_scores
from tests.support.dumps import dump_postgres
from tests.support.faults import Killed
from tests.support.recount_tags import assert_tags
from tests.support.recounts import assert_counts
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

THRESHOLD = 2
PASSWORD = "a feather for a pen"
EVERYBODY = ("ada", "ben", "cleo", "dan", "u88", "u89")


@pytest.fixture
def old(servers: Servers) -> Iterator[OldRelease]:
    """People who follow, answer and retweet each other; some events wait still. Person u88 came with an import."""
    with open_old_release(servers) as old:
        old.sign_up(*EVERYBODY)
        for name in ("ben", "cleo", "dan", "u89"):
            old.follow(name, "ada", "u88")
        old.follow("ada", "ben", "cleo")
        first = old.post("ada", "a kestrel over the mill #birds #Mill", days_ago=400)
        old.post("u88", "what an import brings #birds", days_ago=3)
        answer = old.post("ben", "where exactly, @ada? #birds", reply_to=first, days_ago=1)
        old.post("ada", "right behind it, @ben and @dan", reply_to=answer)
        old.retweet("cleo", first)
        for number in range(7):
            old.post("cleo", f"one more kestrel, number {number} #Birds #kestrel{number % 2}")
        old.post("dan", "Ein Falke über der Mühle, http://mill.example/seen #MÜHLE")
        old.post("dan", "nothing but words")
        gone = old.post("ben", "gone before anybody heard of it #gone", waiting=True)
        old.append(TweetDeleted(gone.author_id, gone.tweet_id))
        old.rows(f"delete from tweets where id = {gone.tweet_id} returning id")
        old.post("ben", "still on its way to you, @ada #birds", waiting=True)
        old.append(UserFollowed(old.people["u89"], old.people["ben"]))
        old.finish(top_user_followers=THRESHOLD)
        # Follow events add to counters that a follow is not in yet.
        old.follow("u89", "ben")
        yield old


@pytest.fixture
async def town(old: OldRelease, servers: Servers) -> AsyncIterator[World]:
    """The same place, migrated, with its events applied and its tweets ranked, as workers do when they start."""
    assert "0002.everything-people-do" in migrate(old.url)
    options = WorldOptions(top_user_followers=THRESHOLD)
    async with open_world(old.url, servers.valkey_url, options=options) as town:
        town.ids.update(old.people)
        await match_half_life(town.write)
        await town.settle()
        yield town


def texts(page: Page) -> list[str]:
    return [item.text for item in msgspec.json.decode(page_json(page), type=PageView[TweetView]).items]


async def found(town: World, query: str) -> list[str]:
    return texts(await tweets_found_page(town.read, None, query, Range(100)))


async def tagged(town: World, tag: str) -> list[str]:
    return texts(await tag_page(town.read, None, tag, Range(100)))


async def assert_filled_in(town: World) -> None:
    """All that is derived from tweets is as if each had been posted with this release; and nobody was told anything."""
    town.forget()
    assert await town.db.fetch(lambda *row: row, _DOCUMENTS_AMISS) == []
    assert await town.db.fetch(lambda *row: row, _MENTIONS_AMISS) == []
    await assert_tags(town.db, town.options.trending, town.write.clock)
    await assert_scores(town)
    await assert_counts(town.db, top_user_followers=THRESHOLD)
    await town.assert_exact()
    assert await town.db.value(_TOLD_OF_OLD_TWEETS) == 0
    assert await are_old_tweets_done(town.db)


async def test_old_tweets_are_found_by_words_and_tags_and_are_ranked(town: World) -> None:
    assert await found(town, "kestrel") == []
    assert not await are_old_tweets_done(town.db)
    await job.fill_in_old_tweets.run(town.write, {})
    await assert_filled_in(town)
    assert len(await found(town, "kestrel")) == 8
    assert await found(town, "falken") == ["Ein Falke über der Mühle, http://mill.example/seen #MÜHLE"]
    assert await found(town, "to:ada where") == ["where exactly, @ada? #birds"]
    assert len(await found(town, "mühle has:link")) == 1
    assert (await tagged(town, "birds"))[-1] == "a kestrel over the mill #birds #Mill"
    assert len(await tagged(town, "birds")) == 11
    assert await tagged(town, "gone") == []
    trending = await Trending(town.db, town.write.clock, town.options.trending).fetch(10)
    assert [(tag.tag, tag.people_count) for tag in trending][:1] == [("birds", 2)]
    assert len(await top_tweets(town.read, None, 100)) == 14


async def test_new_tweets_mix_with_old_ones_while_the_job_runs(town: World) -> None:
    strand = await town.loom.start("fill in", fill_in_old_tweets(town.write, page_size=3))
    await town.loom.run(strand, steps=40)
    assert not strand.done
    await town.post("dan", "a kestrel of today, @cleo #birds #kestrel1")
    oldest = TweetId(min(await town.db.fetch(int, _TWEET_IDS)))
    await town.delete("ada", oldest)
    await town.like("ben", TweetId(max(await town.db.fetch(int, _TWEET_IDS))))
    await town.loom.run(strand)
    town.loom.collect()
    await town.settle()
    await assert_filled_in(town)
    assert (await found(town, "kestrel"))[0] == "a kestrel of today, @cleo #birds #kestrel1"
    assert len(await found(town, "kestrel")) == 8


async def test_a_job_that_is_killed_anywhere_goes_on_and_ends_the_same(town: World) -> None:
    kills = 0
    while True:
        strand = await town.loom.start("fill in", fill_in_old_tweets(town.write, page_size=4))
        # Further each time: what a run was killed over, the next one gets through.
        await town.loom.run(strand, steps=kills)
        if strand.done:
            break
        await town.loom.kill(strand)
        kills += 1
        town.loom.collect()
        with pytest.raises((Killed, Unavailable)):
            strand.task.result()
    strand.task.result()
    assert kills > 25, "it is many steps long"
    await assert_filled_in(town)


async def test_done_twice_or_by_two_at_once_is_as_good_as_once(town: World) -> None:
    strands = [await town.loom.start(f"{n}", fill_in_old_tweets(town.write, page_size=2)) for n in range(2)]
    while not all(strand.done for strand in strands):
        for strand in strands:
            await town.loom.step(strand)
    town.loom.collect()
    # One that was slow may have noted less than was done.
    await fill_in_old_tweets(town.write)
    await assert_filled_in(town)
    await upsert_fact(town.db, BELOW_FACT, str(MAX_ID))
    assert await fill_in_old_tweets(town.write) == 15
    await assert_filled_in(town)


async def test_a_tweet_that_is_deleted_at_any_moment_leaves_nothing(old: OldRelease, town: World) -> None:
    """Wherever the job is with it, its author deletes it and posts another, and a worker wants to apply both."""
    cleo, steps, is_last = town.ids["cleo"], 0, False
    while not is_last:
        doomed = old.post("cleo", "let us have another kestrel, @ada #birds #Hills")
        await town.db.run(_COUNT_ONE, author_id=cleo)
        filling = await town.loom.start("fill in", oldtweets._fill_in(town.write, lane_of(cleo), [doomed]))
        await town.loom.run(filling, steps=steps)
        is_last = filling.done
        await town.delete("cleo", doomed.tweet_id)
        await town.post("cleo", f"after {steps} steps #birds #hills")
        delivering = await town.loom.start("deliver", town.deliver(lane_of(cleo)))
        await town.loom.run(delivering)
        await town.loom.finish()
        town.loom.collect()
        await town.settle()
        steps += 1
    assert steps > 8, "it is many steps long"
    await fill_in_old_tweets(town.write)
    await assert_filled_in(town)


async def test_an_odd_row_does_not_keep_the_others_from_being_found(town: World) -> None:
    await town.db.run(_MAKE_ODD)
    assert await fill_in_old_tweets(town.write) == 15
    assert len((await tweets_found_page(town.read, None, "kestrel", Range(100))).items) == 8
    assert await tagged(town, "mill") == []


async def test_nobody_is_erased_before_it_is_known_where_they_are_mentioned(town: World) -> None:
    passwords = Passwords(PasswordOptions(memory_kib=8, passes=1))
    try:
        await town.db.run(
            _SET_PASSWORD, user_id=town.ids["dan"], password_hash=await passwords.hash("a feather for a pen")
        )
        await delete_account(town.write, passwords, town.ids["dan"], password=PASSWORD)
    finally:
        passwords.close()
    arguments = await leaving.arguments_of(town, erase_account)
    with pytest.raises(NotYet):
        await erase_account.run(town.write, arguments)
    await job.fill_in_old_tweets.run(town.write, {})
    await leaving.erase(town)
    dan = str(town.ids.pop("dan"))
    rows = [row for row in dump_postgres(town.db.options.url) if dan.encode() in row[1]]
    assert rows == []
    await assert_filled_in(town)


async def test_what_the_first_release_left_in_valkey_is_neither_read_nor_kept(town: World) -> None:
    """It kept other things beside windows: read as this release's they would lose a top user's tweets."""
    ada, cleo, call = town.ids["ada"], town.ids["cleo"], town.write.valkey.call
    keys = Keys(town.write.keys.prefix.removesuffix(FORMAT))
    await call(b"RPUSH", keys.home(cleo), pack_entry(Entry(TweetId(1 << 60), ada)), b"+")
    await call(b"SET", keys.pull(cleo), pack_id(ada))
    await call(b"HSET", keys.marks(cleo), b"", pack_id(0))
    await call(b"SET", keys.profile(ada), pack_id(9) + b"what an older release said of ada")
    await call(b"SET", keys.tweet(1), pack_id(9) + b"and of a tweet")
    await town.post("ada", "I am pulled, and read")
    await town.settle()
    await town.assert_exact()
    await job.fill_in_old_tweets.run(town.write, {})
    _, left = await call(b"SCAN", 0, b"MATCH", keys.prefix + b"*", b"COUNT", 100_000)
    assert left
    assert all(key.startswith(town.write.keys.prefix) for key in left)
    await town.assert_exact()


def test_a_new_place_has_nothing_to_go_through(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select key from installation where key = %s", (BELOW_FACT,)).fetchall() == []


@pytest.fixture
def linnets(tmp_path: Path) -> Iterator[Family]:
    with family(tmp_path) as linnets:
        yield linnets


def test_the_commands_of_an_upgrade_and_a_kill_in_the_middle(
    old: OldRelease, servers: Servers, linnets: Family
) -> None:
    for number in range(3000):
        old.post("cleo", f"yet another kestrel {number} #many{number % 100}")
    settings = {
        "LINNET_DATABASE_URL": url_of(old.url),
        "LINNET_VALKEY_URL": servers.valkey_url,
        "LINNET_VALKEY_PREFIX": f"upgrade{old.people['ada']}:",
        "LINNET_TOP_USER_FOLLOWERS": str(THRESHOLD),
    }
    linnets.run("jobs", **settings).assert_refused("linnet db migrate")
    outcome = linnets.run("db", "migrate", **settings)
    assert (outcome.code, "0002" in outcome.out, "linnet jobs" in outcome.out) == (0, True, True), outcome.err

    def below() -> int:
        [(value,)] = old.rows(f"select value from installation where key = '{BELOW_FACT}'")
        return int(str(value))

    def started() -> int:
        port = free_port()
        linnet = linnets.start("worker", "--jobs", "--metrics-port", str(port), **settings)
        linnet.wait_ready(port)
        return linnet.pid

    first = started()
    eventually(lambda: below() < MAX_ID, what="the job has begun")
    os.kill(first, signal.SIGKILL)
    # Its worker is missed after half a minute; nobody waits for that here.
    old.rows("update linnet_jobs.procrastinate_workers set last_heartbeat = now() - interval '1 hour' returning id")
    started()
    eventually(lambda: below() == 0, what="the other process ends it")
    outcome = linnets.run("db", "migrate", **settings)
    assert (outcome.code, outcome.out) == (0, "The schema is up to date.\n")
    [(documents,)] = old.rows("select count(*) from tweet_documents")
    [(texts,)] = old.rows("select count(*) from tweets where retweet_of_id is null")
    [(tags,)] = old.rows("select count(*) from tags where tag like 'many%' and tweets_count = 30")
    assert (documents, tags) == (texts, 100)


def test_what_the_first_release_saved_becomes_a_place_of_this_one(
    old: OldRelease, servers: Servers, linnets: Family, tmp_path: Path
) -> None:
    """By commands alone; what had not been applied when it was saved is applied here."""
    path = str(tmp_path / "old.zip")
    environment = {"LINNET_DATABASE_URL": url_of(old.url), "LINNET_VALKEY_URL": servers.valkey_url}
    outcome = linnets.run("backup", path, **environment)
    assert (outcome.code, outcome.err) == (0, "")
    assert "6 people and 15 tweets" in outcome.out
    place = ("--data-dir", str(linnets.directory))
    assert linnets.run("restore", path, *place).code == 0
    linnet = linnets.serve(LINNET_TOP_USER_FOLLOWERS=str(THRESHOLD))

    def found(query: str) -> int:
        return len(linnet.get(f"/api/search?limit=100&q={query}").json()["items"])

    eventually(lambda: found("kestrel") == 8, what="the job has gone through the old tweets")
    eventually(lambda: found("still+on+its+way") == 1, what="what waited is applied")
    asked = ("doctor", *place, "--recount", "--json")

    def healthy() -> bool:
        # The runner of jobs says a moment after the start that it lives.
        report = json.loads(linnets.run(*asked, LINNET_TOP_USER_FOLLOWERS=str(THRESHOLD)).out)
        assert report["recount"] is None or report["recount"]["differing"] == 0
        return bool(report["healthy"])

    eventually(healthy, what="all is well")
    assert linnet.get("/@ada").status_code == 200


def _query(text: str, result: str = "many") -> Query:
    return Query("test.upgrade", (), result, text)


_TWEET_IDS = _query("select id from tweets where retweet_of_id is null")
_COUNT_ONE = _query("update users set tweets_count = tweets_count + 1 where id = %(author_id)s", "none")
_DOCUMENTS_AMISS = _query(
    "(select author_id, id, reply_to_author_id from tweets where retweet_of_id is null"
    "  except select author_id, tweet_id, reply_to_author_id from tweet_documents)"
    " union all (select author_id, tweet_id, reply_to_author_id from tweet_documents"
    "  except select author_id, id, reply_to_author_id from tweets)"
)
_MENTIONED = (
    "select distinct (m->>'user_id')::bigint, t.id, t.author_id from tweets t,"
    " json_array_elements(t.entities->'mentions') m"
)
_MENTIONS_AMISS = _query(
    f"({_MENTIONED} except select user_id, tweet_id, author_id from mentions)"
    f" union all (select user_id, tweet_id, author_id from mentions except {_MENTIONED})"
)
# After the upgrade only Dan mentions anybody.
_TOLD_OF_OLD_TWEETS = _query(
    "select count(*) from notifications n join users u on u.id = n.actor_id"
    " where n.kind = 'mentioned' and u.username <> 'dan'",
    "value",
)
_MAKE_ODD = _query(
    "update tweets set entities = '{\"hashtags\": 7}'::json where id = (select min(id) from tweets)", "none"
)
_SET_PASSWORD = _query("update users set password_hash = %(password_hash)s where id = %(user_id)s", "none")
