"""Reading from a replica: nobody misses what they wrote, nothing that is gone comes back, and a replica may go away.

A real primary with a real streaming replica. What the replica replays is stopped and let go on by the tests, and what
counts as old is said by a clock of theirs, so that nothing here depends on how fast anything is.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from random import Random
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from bench.chaos.waiting import until
from linnet.bootstrap.checkup import examine
from linnet.clock import SystemClock
from linnet.domain.timeline import Range
from linnet.errors import TweetNotFound
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.everyone import everyone_page
from linnet.read.timelines.people import followers_page, following_page
from linnet.read.timelines.search import tweets_found_page
from linnet.read.timelines.tag import tag_page
from linnet.read.timelines.user import user_tweets_page
from linnet.read.views.pages import Page
from linnet.settings import read_settings
from linnet.stores.postgres.pool import Database, PostgresOptions
from linnet.stores.postgres.replicas import ReplicaOptions, Replicas
from tests.flows._linnet_process import url_of
from tests.support.replica import Pair, open_pair
from tests.support.servers import Servers
from tests.support.world import World, open_world

LAG_SECONDS = 5.0
# What a replica may be asked for is older than that: the lag that is borne, and the time that a commit may take.
OLD_SECONDS = 35
DEADLINE_SECONDS = 60.0
NAMES = ("ada", "bob", "eve")

Screen = Callable[[ReadDeps, UserId | None, Range], Awaitable[Page]]


class Hands(SystemClock):
    """Moved by hand: what is old is what was there when ``age`` was called."""

    def __init__(self) -> None:
        self.wall_ms = 0
        self.slept_seconds = 0.0

    def now_ms(self) -> int:
        return self.wall_ms

    def steady_seconds(self) -> float:
        # Stands still but for what it is told, and so a look is as near as it can be.
        return self.slept_seconds


class Place:
    """A world, and the same one as it is read with a replica."""

    def __init__(self, world: World, pair: Pair, replicas: Replicas, hands: Hands) -> None:
        self.world, self.pair, self.replicas, self.hands = world, pair, replicas, hands
        self.read = msgspec.structs.replace(world.read, replicas=replicas)

    @property
    def replica(self) -> Database:
        return self.replicas.all[0].db

    async def age(self) -> None:
        """All that there is becomes old, and the replica has it."""
        await self.world.settle()
        newest_ms = self.world.write.ids.mint() >> 16
        while self.world.write.ids.mint() >> 16 == newest_ms:
            pass
        self.hands.wall_ms = newest_ms + 1 + OLD_SECONDS * 1000
        await self.catch_up()

    async def catch_up(self) -> None:
        """The replica has replayed all that was committed."""
        self.hands.slept_seconds += 1
        wanted = self.hands.slept_seconds

        async def has_all() -> bool:
            await self.replicas.look()
            return self.replicas.all[0].fresh_at >= wanted

        await until(has_all, what="the replica has all of it")

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Nothing that is committed inside the block is on the replica."""
        await asyncio.to_thread(self.pair.pause)
        try:
            yield
        finally:
            await asyncio.to_thread(self.pair.resume)

    async def shown(self, screen: Screen, viewer: str | None, deps: ReadDeps | None = None) -> list[str]:
        """The texts of a screen's first page."""
        page = await screen(deps or self.read, self._id_of(viewer), Range(20))
        return [json.loads(item)["text"] for item in page.items]

    async def followers(self, viewer: str | None, of: str) -> list[str]:
        page = await followers_page(self.read, self._id_of(viewer), self.world.ids[of], Range(20))
        return [user.username for user in page.items]

    async def following(self, viewer: str | None, of: str) -> list[str]:
        page = await following_page(self.read, self._id_of(viewer), self.world.ids[of], Range(20))
        return [user.username for user in page.items]

    def screens(self) -> dict[str, Screen]:
        """Lists of tweets that a replica may be asked for."""
        found: dict[str, Screen] = {
            "everyone": everyone_page,
            "tag": lambda deps, viewer_id, wanted: tag_page(deps, viewer_id, "lag", wanted),
            "search": lambda deps, viewer_id, wanted: tweets_found_page(deps, viewer_id, "about", wanted),
        }
        for name, user_id in self.world.ids.items():
            found[f"tweets of {name}"] = partial(_tweets_of, user_id)
        return found

    def _id_of(self, viewer: str | None) -> UserId | None:
        return None if viewer is None else self.world.ids[viewer]


async def _tweets_of(user_id: UserId, deps: ReadDeps, viewer_id: UserId | None, wanted: Range) -> Page:
    return await user_tweets_page(deps, viewer_id, user_id, wanted)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Iterator[Pair]:
    with open_pair(tmp_path_factory.mktemp("pair"), servers.valkey_url) as pair:
        yield pair


@pytest.fixture
async def place(pair: Pair) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        url = stack.enter_context(pair.primary.fresh_database())
        world = await stack.enter_async_context(open_world(url, pair.primary.valkey_url))
        await world.person(*NAMES)
        hands = Hands()
        replicas = replicas_of(world.db, pair.beside(url), hands)
        stack.push_async_callback(replicas.all[0].db.close)
        place = Place(world, pair, replicas, hands)
        await place.age()
        yield place


def replicas_of(primary: Database, url: str, hands: Hands) -> Replicas:
    return Replicas(primary, ReplicaOptions((url,), LAG_SECONDS), hands)


async def test_what_one_wrote_is_there_though_the_replica_has_not_heard_of_it(place: Place) -> None:
    world = place.world
    await world.post("ada", "about old things #lag")
    await place.age()
    async with place.paused():
        await world.post("ada", "about new things #lag")
        await world.post("bob", "about others' things #lag")
        await world.follow("bob", "ada")
        await world.settle()
        asked_before = place.replica.statements
        for viewer in ("ada", "bob", None):
            for screen in ("everyone", "tag", "search"):
                assert await place.shown(place.screens()[screen], viewer) == [
                    "about others' things #lag",
                    "about new things #lag",
                    "about old things #lag",
                ], (viewer, screen)
            assert await place.shown(place.screens()["tweets of ada"], viewer) == [
                "about new things #lag",
                "about old things #lag",
            ]
            assert await place.followers(viewer, "ada") == ["bob"]
            assert await place.following(viewer, "bob") == ["ada"]
        # And it was the replica that knew what is old.
        assert place.replica.statements >= asked_before + 10


async def test_what_is_gone_or_kept_away_is_not_shown_though_the_replica_still_has_it(place: Place) -> None:
    world = place.world
    gone = await world.post("ada", "about what is gone #lag")
    await world.post("ada", "about what stays #lag")
    await world.post("eve", "about eve #lag")
    await world.retweet("bob", gone)
    await place.age()
    async with place.paused():
        await world.delete("ada", gone)
        await world.block("bob", "eve")
        asked_before = place.replica.statements
        for name in ("everyone", "tag", "search", "tweets of ada", "tweets of bob"):
            screen = place.screens()[name]
            for viewer in ("ada", "bob", None):
                shown = await place.shown(screen, viewer)
                # The original is gone from the commit on, the retweet of it too.
                assert "about what is gone #lag" not in shown, (name, viewer)
                assert shown == await place.shown(screen, viewer, world.read), (name, viewer)
                assert ("about eve #lag" in shown) == (viewer != "bob" and "tweets" not in name), (name, viewer)
        assert place.replica.statements > asked_before
        await world.settle()


async def test_whom_one_left_is_left_for_oneself_at_once_and_for_others_within_the_bound(place: Place) -> None:
    world = place.world
    await world.follow("bob", "ada")
    await place.age()
    async with place.paused():
        await world.unfollow("bob", "ada")
        await world.settle()
        assert await place.followers("bob", "ada") == []
        assert await place.following("bob", "bob") == []
        assert await place.followers("ada", "ada") == []
        # Somebody else's list, for somebody else.
        assert await place.followers("eve", "ada") == ["bob"]
        place.hands.slept_seconds += LAG_SECONDS + 0.1
        assert await place.followers("eve", "ada") == []


async def test_a_replica_that_lags_too_much_is_not_asked_until_it_has_caught_up(place: Place) -> None:
    world = place.world
    await world.post("ada", "about something")
    await place.age()
    everyone = place.screens()["everyone"]

    async def is_asked() -> bool:
        before = place.replica.statements
        assert await place.shown(everyone, "bob") == ["about something"]
        return place.replica.statements > before

    assert await is_asked()
    async with place.paused():
        await world.follow("bob", "ada")
        for _ in range(10):
            place.hands.slept_seconds += LAG_SECONDS / 10
            # It answers, and is none the fresher for it.
            await place.replicas.look()
        assert await is_asked()
        place.hands.slept_seconds += 0.1
        await place.replicas.look()
        assert not await is_asked()
    await place.catch_up()
    assert await is_asked()


async def test_a_replica_that_is_away_is_made_up_for_by_the_primary(place: Place) -> None:
    world, pair = place.world, place.pair
    await world.post("ada", "about something")
    await place.age()
    everyone = place.screens()["everyone"]
    try:
        await asyncio.to_thread(pair.stop)
        # Nobody has noticed yet.
        assert place.replicas.pick() is not None
        assert await place.shown(everyone, "bob") == ["about something"]
        assert place.replicas.pick() is None
        await place.replicas.look()
        assert place.replicas.all[0].cause != ""
    finally:
        await asyncio.to_thread(pair.start)
    await place.catch_up()
    before = place.replica.statements
    assert await place.shown(everyone, "bob") == ["about something"]
    assert place.replica.statements > before


async def test_what_is_no_replica_of_this_primary_is_never_asked(place: Place, database_url: str) -> None:
    primary_again = replicas_of(place.world.db, place.world.db.options.url, place.hands)
    other = Database(PostgresOptions(database_url, pool_timeout_seconds=DEADLINE_SECONDS))
    await other.open()
    of_another = replicas_of(other, place.replica.options.url, place.hands)
    try:
        for replicas, cause in ((primary_again, "no replica"), (of_another, "another server")):
            await replicas.look()
            assert cause in replicas.all[0].cause
            assert replicas.pick() is None
    finally:
        for db in (other, primary_again.all[0].db, of_another.all[0].db):
            await db.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_pages_are_what_they_are_without_a_replica_whatever_happened_since_it_stood_still(
    place: Place, seed: int
) -> None:
    random, world = Random(seed), place.world
    posted: list[tuple[str, TweetId]] = []

    async def act(name: str, text: str) -> None:
        match random.choice(["post"] * 4 + ["reply", "retweet", "retweet", "delete", "delete", "block", "unblock"]):
            case "post":
                posted.append((name, await world.post(name, f"about {text} #lag")))
            case "reply" if posted:
                answered = random.choice(posted)[1]
                posted.append((name, await world.post(name, f"about it {text}", reply_to=answered)))
            case "retweet" if posted:
                await world.retweet(name, random.choice(posted)[1])
            case "delete" if posted:
                author, tweet_id = posted.pop(random.randrange(len(posted)))
                await world.delete(author, tweet_id)
            case "block":
                await world.block(name, random.choice([other for other in NAMES if other != name]))
            case "unblock":
                for other in NAMES:
                    if other != name:
                        await world.unblock(name, other)
            case _:
                pass

    async def live(steps: int) -> None:
        for step in range(steps):
            # Whoever is blocked cannot answer.
            with suppress(TweetNotFound):
                await act(random.choice(NAMES), f"{seed}.{len(posted)}.{step}")

    await live(25)
    await place.age()
    async with place.paused():
        await live(25)
        await world.settle()
        asked_before = place.replica.statements
        for name, screen in place.screens().items():
            for viewer_id in (*world.ids.values(), None):
                plain = await all_of(screen, world.read, viewer_id)
                assert await all_of(screen, place.read, viewer_id) == plain, (name, viewer_id)
        assert place.replica.statements > asked_before + 10


async def all_of(screen: Screen, deps: ReadDeps, viewer_id: UserId | None) -> list[Any]:
    """Every page, as one turns them."""
    pages: list[Any] = []
    before: int | None = None
    while True:
        wanted = Range(4) if before is None else Range(4, before)
        page = await screen(deps, viewer_id, wanted)
        pages.append((page.items, page.next_id, page.prev_id))
        before = page.next_id
        if before is None or len(pages) > 60:
            return pages


async def test_a_process_finds_out_by_itself_which_replicas_it_may_ask(place: Place) -> None:
    options = ReplicaOptions((place.replica.options.url,), DEADLINE_SECONDS)
    replicas = Replicas(place.world.db, options, SystemClock())

    async def one_is_asked() -> bool:
        return replicas.pick() is not None

    async def none_is_asked() -> bool:
        return replicas.pick() is None

    refused = REGISTRY.get_sample_value("linnet_database_pool_refusals_total")
    async with replicas.running():
        await until(one_is_asked, what="the replica is found fresh")
        try:
            await asyncio.to_thread(place.pair.stop)
            await until(none_is_asked, what="it is found to be away")
        finally:
            await asyncio.to_thread(place.pair.start)
        await until(one_is_asked, what="it is found to be back")
    # Nobody was turned away, and those who watch are not told so.
    assert REGISTRY.get_sample_value("linnet_database_pool_refusals_total") == refused


async def test_the_doctor_says_which_replicas_are_asked(place: Place) -> None:
    async def said() -> list[tuple[str, str]]:
        settings = read_settings(
            {
                "LINNET_DATABASE_URL": url_of(place.world.db.options.url),
                "LINNET_DATABASE_REPLICA_URLS": f"{url_of(place.replica.options.url)} postgresql://127.0.0.1:1/linnet",
                "LINNET_DATABASE_REPLICA_LAG_SECONDS": "1",
                "LINNET_VALKEY_URL": place.pair.primary.valkey_url,
            }
        )
        examined = [each async for each in examine(settings, data_dir=None)]
        return [(each.state, each.sentence) for each in examined if each.check == "replicas"]

    async with place.paused():
        await place.world.person("kim")
        behind, away = await said()
        assert (behind[0], "more than 1.0 s behind" in behind[1]) == ("wrong", True)
        assert (away[0], "127.0.0.1:1 is not asked" in away[1]) == ("wrong", True)
    await place.catch_up()
    async with asyncio.timeout(DEADLINE_SECONDS):
        # A busy machine may take a second for it.
        while (await said())[0][0] != "well":
            pass
