"""Random histories, and a few people who watch: whoever applies what a stream says has the page that would be loaded.

People post, follow, block and delete; windows expire, Valkey loses everything, connections are cut in the middle. Now
and then everything comes to rest, and then every watcher's page must be the home timeline's, counts and all.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from linnet.domain.timeline import Range, unpack_entry
from linnet.domain.user import Session
from linnet.errors import Blocked, Invalid, TweetNotFound
from linnet.ids import SessionId, TweetId
from linnet.read.hydration.viewers import Viewer
from linnet.read.streams import RoundOptions, Stream, StreamOptions, Streams, StreamWish, parse_bookmark
from linnet.read.timelines.home import home_page
from linnet.read.timelines.notifications import unread_screen
from linnet.read.views.pages import page_json
from linnet.stores.postgres import sessions
from linnet.stores.valkey.changes import Change, decode_change, publish_change
from linnet.stores.valkey.client import ValkeyOptions
from linnet.stores.valkey.subscription import Subscription
from linnet.stores.valkey.windows import WindowOptions
from tests.support.event_stream import Pages, parse_events
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

LIMIT = 5
NAMES = ("ada", "ben", "cleo", "dan", "eve")
WATCHERS = ("ada", "ben", "cleo")
OPTIONS = WorldOptions(top_user_followers=2, window=WindowOptions(max_entries=16, slack=4), memory_seconds=1.0)
PATIENCE_SECONDS = 60.0
STEPS = 60
# How often each is done, beside the others.
VERBS = {
    **{"edit": 10, "post": 20, "reply": 10, "retweet": 8, "undo_retweet": 3, "delete": 8, "like": 8, "unlike": 3},
    **{"follow": 8, "unfollow": 6, "block": 3, "unblock": 4, "mute": 5, "unmute": 4},
    **{"settle": 10, "rest": 8, "cut": 2, "come": 3},
}
# What hides signals: then streams have to find out by looking.
ACCIDENTS = {"expire_window": 2, "flush": 1, "deafen": 1}
_MARKER = 7_777_777


class Watcher:
    """Somebody who looks at a page all the time."""

    def __init__(self, world: World, streams: Streams, name: str) -> None:
        self.name = name
        self.pages = Pages()
        self.heard: list[str] = []
        self.must_load = False
        self._world = world
        self._streams = streams
        self._stream: Stream | None = None
        self._reading: asyncio.Task[None] | None = None
        self.viewer = Viewer(world.ids[name], SessionId(1))

    async def log_in(self) -> None:
        session_id = SessionId(self._world.write.ids.mint())
        now_ms = self._world.write.clock.now_ms()
        session = Session(session_id, self.viewer.user_id, "test", now_ms)
        await sessions.insert(self._world.db, session, token_hash=str(session_id).encode())
        self.viewer = Viewer(self.viewer.user_id, session_id)

    async def connect(self) -> None:
        last = self.pages.last_event_id
        wish = StreamWish(None if last is None else parse_bookmark(last), LIMIT)
        self._stream = await self._streams.open(self.viewer, wish)
        if self.must_load:
            self.must_load = False
            await self.load()
        self._reading = asyncio.create_task(self._read(self._stream))

    async def come(self) -> None:
        """Comes back, with the last event that came."""
        if self._stream is None:
            await self.connect()

    async def cut(self) -> None:
        """The connection is lost, and with it whatever was on the way."""
        if self._stream is None or self._reading is None:
            return
        self._reading.cancel()
        await asyncio.wait([self._reading])
        self._streams.close(self._stream)
        self._stream = None
        # It may have been about to load the page; whoever is that far does so when it is back.
        self.must_load |= self.pages.has_gap

    async def _read(self, stream: Stream) -> None:
        async for chunk in stream:
            for event in parse_events(chunk):
                self.heard.append(event.name)
                self.pages.apply(event)
                if event.name == "gap":
                    await self.load()

    async def load(self) -> None:
        page = await home_page(self._world.read, self.viewer.user_id, Range(LIMIT))
        self.pages.load(msgspec.json.decode(page_json(page))["items"])

    async def rest(self) -> None:
        """Until the stream has nothing to do."""
        assert self._stream is not None
        assert self._reading is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._stream.is_at_rest:  # nobody else needs to be told of this
                assert not self._reading.done()
                await asyncio.sleep(0)


class Watched:
    """A world whose process is told what happens, and its watchers."""

    def __init__(self, world: World, streams: Streams) -> None:
        self.world = world
        self.streams = streams
        self.watchers: dict[str, Watcher] = {}
        self.signals_are_heard = True
        self.must_check = False
        # Where there are none, signals alone must do.
        self.has_accidents = False
        self.markers: asyncio.Queue[str] = asyncio.Queue()
        self.tweets: list[tuple[str, TweetId]] = []

    def on_change(self, message: bytes) -> None:
        change = decode_change(message)
        if change.user_ids == (_MARKER,):
            self.markers.put_nowait("changes")
            return
        if not self.signals_are_heard:
            return
        self.world.read.tweets.forget(change.tweet_ids)
        self.world.read.profiles.forget(change.user_ids)
        for packed in change.posted:
            self.world.read.pulled.note(unpack_entry(packed))
        self.streams.on_change(change)

    def on_told(self, message: bytes) -> None:
        if message == b"marker":
            self.markers.put_nowait("told")
        elif self.signals_are_heard:
            self.streams.on_told(message)

    async def watch(self, name: str) -> Watcher:
        watcher = self.watchers[name] = Watcher(self.world, self.streams, name)
        await watcher.log_in()
        await watcher.connect()
        await watcher.rest()
        await watcher.load()
        return watcher

    async def rest(self) -> None:
        """Everything that happened is applied, signalled, heard, read and said."""
        await self.world.settle()
        self.signals_are_heard = True
        if self.must_check:
            self.must_check = False
            self.streams.doubt_all()
        for watcher in self.watchers.values():
            await watcher.come()
        for _ in range(3):
            valkey, keys = self.world.write.valkey, self.world.write.keys
            await publish_change(valkey, keys.changes(), Change(user_ids=(_MARKER,)))
            await valkey.call(b"PUBLISH", self.streams.channels[0], b"marker")
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert {await self.markers.get(), await self.markers.get()} == {"changes", "told"}
            if self.has_accidents:
                await self.streams.rounds.poll()
            await self.streams.rounds.look_up_changes()
            await self.streams.rounds.beat()
            for watcher in self.watchers.values():
                await watcher.rest()

    async def assert_true(self) -> None:
        await self.rest()
        for watcher in self.watchers.values():
            page = await home_page(self.world.read, watcher.viewer.user_id, Range(LIMIT))
            expected = msgspec.json.decode(page_json(page))["items"]
            shown = watcher.pages.newest(LIMIT)
            assert [item["id"] for item in shown] == [item["id"] for item in expected], watcher.name
            assert [_seen(item) for item in shown] == [_seen(item) for item in expected], watcher.name
            screen = await unread_screen(self.world.read, watcher.viewer.user_id)
            assert watcher.pages.unread == screen.unread_count, watcher.name


def _seen(item: dict[str, object]) -> object:
    """Without what streams do not tell of: what the viewer did, elsewhere, and pins."""
    inside = item["retweet_of"]
    assert inside is None or isinstance(inside, dict)
    return {
        **item,
        "viewer": None,
        "pinned": None,
        "retweet_of": None if inside is None else {**inside, "viewer": None, "pinned": None},
    }


@asynccontextmanager
async def open_watched(servers: Servers, options: WorldOptions = OPTIONS) -> AsyncIterator[Watched]:
    with servers.fresh_database() as database_url:
        async with open_world(database_url, servers.valkey_url, options=options) as world:
            stream_options = StreamOptions(pause_seconds=0, rounds=RoundOptions(poll_seconds=3600, check_seconds=3600))
            streams = Streams(world.read, world.write.live, stream_options)
            watched = Watched(world, streams)
            url = ValkeyOptions(servers.valkey_url)
            subscriptions = [
                Subscription(url, world.write.keys.changes(), watched.on_change),
                Subscription(url, streams.channels, watched.on_told, streams.on_reset),
            ]
            async with streams.running():
                for subscription in subscriptions:
                    subscription.start()
                    await subscription.ready.wait()
                try:
                    yield watched
                finally:
                    for watcher in watched.watchers.values():
                        await watcher.cut()
                    for subscription in subscriptions:
                        await subscription.close()


async def live(watched: Watched, chance: random.Random) -> None:
    """One step of a history."""
    world = watched.world
    one, other = chance.sample(NAMES, 2)
    watcher = watched.watchers[chance.choice(WATCHERS)]
    author, tweet_id = chance.choice(watched.tweets[-12:]) if watched.tweets else (one, TweetId(1))
    verbs = VERBS | ACCIDENTS if watched.has_accidents else VERBS
    verb = chance.choices(list(verbs), list(verbs.values()))[0]
    try:
        match verb:
            case "post":
                watched.tweets.append((one, await world.post(one)))
            case "reply":
                watched.tweets.append((one, await world.post(one, reply_to=tweet_id)))
            case "retweet":
                watched.tweets.append((one, await world.retweet(one, tweet_id)))
            case "delete":
                await world.delete(author, tweet_id)
            case "edit":
                with suppress(Invalid):
                    await world.edit(author, tweet_id, f"edited {chance.random()}")
            case "undo_retweet" | "like" | "unlike":
                await getattr(world, verb)(one, tweet_id)
            case "follow" | "unfollow" | "block" | "unblock" | "mute" | "unmute":
                await getattr(world, verb)(one, other)
            case "settle" | "flush":
                await getattr(world, verb)()
            case "cut" | "come":
                await getattr(watcher, verb)()
            case "expire_window":
                await world.expire_window(one)
                # Nothing is pushed to it, and so nothing signalled: that is for the round that looks at everything.
                watched.must_check = True
            case "deafen":
                watched.signals_are_heard = False
                watched.must_check = True
            case "rest":
                await watched.assert_true()
    except (TweetNotFound, Blocked):
        return


@pytest.mark.parametrize("seed", range(6))
async def test_a_page_that_events_are_applied_to_is_the_home_timeline(servers: Servers, seed: int) -> None:
    chance = random.Random(seed)
    async with open_watched(servers) as watched:
        watched.has_accidents = seed % 2 == 1
        await watched.world.person(*NAMES)
        for name in WATCHERS:
            await watched.world.follow(name, *chance.sample([other for other in NAMES if other != name], 2))
        await watched.world.settle()
        for name in WATCHERS:
            await watched.watch(name)
        for _ in range(STEPS):
            await live(watched, chance)
        await watched.assert_true()
        heard = {event for watcher in watched.watchers.values() for event in watcher.heard}
        assert {"tweets", "notifications", "edited"} <= heard


async def test_what_was_edited_before_one_saw_it_is_told_once(servers: Servers) -> None:
    async with open_watched(servers) as watched:
        world = watched.world
        await world.person(*NAMES)
        await world.follow("ben", "ada")
        old = await world.post("ada", "old")
        await world.edit("ada", old, "older")
        await world.settle()
        ben = await watched.watch("ben")
        tweet_id = await world.post("ada", "one")
        await world.edit("ada", tweet_id, "two")
        await watched.assert_true()
        for liked in (old, tweet_id):
            await world.like("cleo", liked)
        await watched.assert_true()
        assert "edited" not in ben.heard
        for text in ("three", "four"):
            await world.edit("ada", tweet_id, text)
            await watched.assert_true()
        assert ben.heard.count("edited") == 2
