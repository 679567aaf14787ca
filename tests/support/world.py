"""A world: one installation with people in it, on real PostgreSQL and Valkey.

People are named; ``await world.post("ada", "hello")`` does what ada's client does. ``await world.settle()`` applies
every event that waits, instead of sleeping until somebody else has. Two worlds on the same servers share nothing: each
has a database of its own, cloned from a migrated template, and a prefix of its own for its keys.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from linnet.clock import Clock, SystemClock
from linnet.domain.polls import PollDraft
from linnet.domain.timeline import Entry, Range
from linnet.domain.trending import TrendingRules
from linnet.domain.tweet import Visibility
from linnet.domain.user import Profile
from linnet.ids import MAX_ID, IdSource, Lease, TweetId, UserId, random_bytes
from linnet.read.deps import ReadDeps
from linnet.read.hydration.filters import FilterMemory
from linnet.read.hydration.loading import LoaderOptions
from linnet.read.hydration.preferences import PreferenceMemory
from linnet.read.hydration.profiles import AuthorLoader, ProfileLoader
from linnet.read.hydration.tweets import TweetLoader
from linnet.read.timelines.home import home_page
from linnet.read.timelines.pulled import PulledAuthors, PulledOptions
from linnet.read.timelines.pulledtags import PulledTags, PulledTagsOptions
from linnet.read.timelines.ranking import Ranking, RankingOptions
from linnet.read.timelines.rebuild import Rebuilder, RebuildOptions
from linnet.read.timelines.topnews import TopNews
from linnet.read.timelines.trending import Trending
from linnet.read.views.pages import PageView, page_json
from linnet.read.views.tweets import TweetView
from linnet.stores.media import MediaOptions, MediaStore
from linnet.stores.postgres import home, outbox, users
from linnet.stores.postgres.pool import Database, PostgresOptions
from linnet.stores.postgres.pushkey import PushKey
from linnet.stores.valkey.badges import Badges
from linnet.stores.valkey.cache import Cache, CacheOptions
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.keys import Keys
from linnet.stores.valkey.live import LiveReaders
from linnet.stores.valkey.marks import MarkStore
from linnet.stores.valkey.older import OlderParts
from linnet.stores.valkey.opening import is_cluster_url
from linnet.stores.valkey.windows import WindowOptions, Windows
from linnet.write.actions import blocks, edits, followedtags, followrequests, follows, likes, pins, polls, tweets
from linnet.write.actions.profiles import edit_profile
from linnet.write.deps import WriteDeps, WriteOptions
from linnet.write.outbox.lanes import Outcome, apply_lane_batch
from linnet.write.outbox.worker import EventWorker, WorkerOptions
from linnet.write.pictures import PictureRules, Pictures
from tests.support.faults import GatedDatabase, Loom, make_gated


class PatientClock(SystemClock):
    """The machine's clocks, but what is remembered for a second is remembered for a minute.

    So nothing is forgotten by itself while a test runs, however slowly; ``World.forget`` does it when it is wanted.
    """

    def steady_seconds(self) -> float:
        return super().steady_seconds() / 60


class WorldOptions(msgspec.Struct, frozen=True):
    """Small numbers, so that windows overflow and people become top users in a test.

    ``patience_seconds``: a store that answers later is away. Long, since a busy machine is not what tests are about.
    """

    top_user_followers: int = 5000
    window: WindowOptions = WindowOptions()
    worker: WorkerOptions = WorkerOptions()
    rebuilds_at_once: int = 4
    memory_seconds: float = 1.0
    trending: TrendingRules = TrendingRules()
    patience_seconds: float = 60.0


class World:
    """One process of an installation, and its people. Made by ``open_world`` or ``open_process_beside``."""

    def __init__(self, write: WriteDeps, read: ReadDeps, options: WorldOptions, ids: dict[str, UserId]) -> None:
        self.write = write
        self.read = read
        self.options = options
        self.worker = EventWorker(write, options.worker)
        self.ids = ids
        self.loom = Loom(write.db)

    @property
    def db(self) -> Database:
        return self.write.db

    def name_of(self, user_id: int) -> str:
        return next(name for name, known_id in self.ids.items() if known_id == user_id)

    async def person(self, *names: str) -> UserId:
        """Signs people up, without the cost of a password; returns the last one's id."""
        for name in names:
            user_id = UserId(self.write.ids.mint())
            await users.insert(
                self.db,
                user_id=user_id,
                username=name,
                name=name.title(),
                email=f"{name}@example.org",
                password_hash="-",
            )
            self.ids[name] = user_id
        return self.ids[names[-1]]

    async def post(
        self,
        name: str,
        text: str = "a tweet",
        *,
        reply_to: TweetId | None = None,
        visibility: Visibility = "public",
        poll: PollDraft | None = None,
    ) -> TweetId:
        tweet = await tweets.post_tweet(
            self.write,
            self.ids[name],
            text=text,
            reply_to=reply_to,
            idempotency_key=None,
            visibility=visibility,
            poll=poll,
        )
        return tweet.id

    async def ask(self, name: str, *options: str, text: str = "which?", seconds: int = 3600, **more: bool) -> TweetId:
        """Posts a poll."""
        poll = PollDraft(options or ("a", "b"), seconds, **more)
        tweet = await tweets.post_tweet(
            self.write, self.ids[name], text=text, reply_to=None, idempotency_key=None, poll=poll
        )
        return tweet.id

    async def vote(self, name: str, tweet_id: TweetId, *choices: int) -> None:
        await polls.vote(self.write, self.ids[name], tweet_id, choices)

    async def edit(self, name: str, tweet_id: TweetId, text: str) -> bool:
        """Whether that changed anything."""
        return (await edits.edit_tweet(self.write, self.ids[name], tweet_id, edits.Wish(text=text))).changed

    async def delete(self, name: str, tweet_id: TweetId) -> None:
        await tweets.delete_tweet(self.write, self.ids[name], tweet_id)

    async def retweet(self, name: str, tweet_id: TweetId) -> TweetId:
        return await tweets.retweet(self.write, self.ids[name], tweet_id)

    async def undo_retweet(self, name: str, tweet_id: TweetId) -> None:
        await tweets.undo_retweet(self.write, self.ids[name], tweet_id)

    async def like(self, name: str, *tweet_ids: TweetId) -> None:
        for tweet_id in tweet_ids:
            await likes.like(self.write, self.ids[name], tweet_id)

    async def unlike(self, name: str, *tweet_ids: TweetId) -> None:
        for tweet_id in tweet_ids:
            await likes.unlike(self.write, self.ids[name], tweet_id)

    async def pin(self, name: str, tweet_id: TweetId) -> None:
        await pins.pin(self.write, self.ids[name], tweet_id)

    async def unpin(self, name: str, tweet_id: TweetId) -> None:
        await pins.unpin(self.write, self.ids[name], tweet_id)

    async def follow(self, name: str, *others: str) -> None:
        for other in others:
            await follows.follow(self.write, self.ids[name], self.ids[other])

    async def unfollow(self, name: str, *others: str) -> None:
        for other in others:
            await follows.unfollow(self.write, self.ids[name], self.ids[other])

    async def follow_tag(self, name: str, *tags: str) -> None:
        for tag in tags:
            await followedtags.follow_tag(self.write, self.ids[name], tag)

    async def unfollow_tag(self, name: str, *tags: str) -> None:
        for tag in tags:
            await followedtags.unfollow_tag(self.write, self.ids[name], tag)

    async def block(self, name: str, *others: str) -> None:
        for other in others:
            await blocks.block(self.write, self.ids[name], self.ids[other])

    async def unblock(self, name: str, *others: str) -> None:
        for other in others:
            await blocks.unblock(self.write, self.ids[name], self.ids[other])

    async def mute(self, name: str, *others: str) -> None:
        for other in others:
            await blocks.mute(self.write, self.ids[name], self.ids[other])

    async def unmute(self, name: str, *others: str) -> None:
        for other in others:
            await blocks.unmute(self.write, self.ids[name], self.ids[other])

    async def lock(self, name: str, *, locked: bool = True) -> None:
        """From now on whoever would follow them has to ask; or not any more."""
        await edit_profile(self.write, self.ids[name], {"locked": locked})

    async def accept(self, name: str, *others: str) -> None:
        for other in others:
            await followrequests.accept(self.write, self.ids[name], self.ids[other])

    async def refuse(self, name: str, *others: str) -> None:
        for other in others:
            await followrequests.refuse(self.write, self.ids[name], self.ids[other])

    async def settle(self) -> None:
        """Applies all events that wait, each batch twice, and lets the process learn what signals would have told it.

        The first time a batch ends where it would commit, as if the worker had been killed there: every handler has to
        stand being run again.
        """
        while lanes := await outbox.fetch_busy_lanes(self.db):
            for lane in lanes:
                await self.rehearse(lane)
                while await self.deliver(lane) == "applied":
                    pass
        assert not await outbox.fetch_parked(self.db, page_size=1), "an event was parked"
        self.forget()

    async def deliver(self, lane: int) -> Outcome:
        """Applies a lane's next batch."""
        return await apply_lane_batch(self.write, lane, self.options.worker.lane)

    async def rehearse(self, lane: int) -> None:
        """Applies a lane's next batch and dies before the commit."""
        strand = await self.loom.start("rehearsal", self.deliver(lane))
        await self.loom.run_until(strand, "commit")
        await self.loom.close()

    def forget(self) -> None:
        """As a process that has just started: nothing in memory."""
        self.read.forget_all()
        self.read.pulled.forget_all()
        self.read.tags.forget_all()
        self.read.ranking.forget_all()
        self.read.top_news.forget_all()
        self.read.trending.forget_all()

    async def flush(self, *, forget: bool = True) -> None:
        """Valkey loses everything."""
        async for keys in self.write.valkey.scan(self.write.keys.prefix + b"*", keys_per_step=1000):
            await self.write.valkey.unlink(keys)
        if forget:
            self.forget()

    async def expire_window(self, name: str) -> None:
        """The reader was away for long."""
        user_id, keys = self.ids[name], self.write.keys
        await self.write.valkey.unlink([keys.home(user_id), keys.pull(user_id)])

    @contextmanager
    def budget(self, *, sql: int, valkey: int) -> Iterator[None]:
        """The block may send so many statements, and write so often to Valkey: its round trips."""
        statements, writes = self.db.statements, self.write.valkey.writes
        yield
        spent = self.db.statements - statements, self.write.valkey.writes - writes
        assert spent[0] <= sql, f"{spent[0]} statements, {sql} allowed"
        assert spent[1] <= valkey, f"{spent[1]} round trips to Valkey, {valkey} allowed"

    async def home(self, name: str, *, limit: int = 15, before: int = MAX_ID, after: int = 0) -> PageView[TweetView]:
        """A page of somebody's home timeline, as a client reads it."""
        page = await home_page(self.read, self.ids[name], Range(limit, before, after))
        return msgspec.json.decode(page_json(page), type=PageView[TweetView], strict=True)

    async def home_ids(self, name: str, *, limit: int = 15) -> list[int]:
        """All of somebody's home timeline, page by page to the end."""
        found: list[int] = []
        before = MAX_ID
        while True:
            page = await self.home(name, limit=limit, before=before)
            found += [int(item.id) for item in page.items]
            if page.next is None:
                return found
            assert page.items, "a page that has a next one is not empty"
            before = int(page.next)

    async def home_ids_upwards(self, name: str, *, limit: int = 15) -> list[int]:
        """All of somebody's home timeline, from the oldest up by ``prev``."""
        found: list[int] = []
        after = 1
        while True:
            page = await self.home(name, limit=limit, after=after)
            if not page.items:
                return found
            found = [int(item.id) for item in page.items] + found
            assert page.prev is not None
            after = int(page.prev)

    async def oracle(self, name: str) -> list[Entry]:
        """What the timeline is by definition."""
        return await home.fetch_oracle(self.db, self.ids[name], before_id=MAX_ID, page_size=100_000)

    async def profile(self, name: str) -> Profile:
        found = await users.fetch_profiles(self.db, [self.ids[name]])
        return found[0]

    async def window_elements(self, name: str) -> list[bytes]:
        """A window as it lies in Valkey, markers and all."""
        elements: list[bytes] = await self.write.valkey.call(b"LRANGE", self.write.keys.home(self.ids[name]), 0, -1)
        return elements

    async def assert_exact(self, names: Sequence[str] | None = None, *, limit: int = 15) -> None:
        """Every page of every reader equals the definition's, down, and up again."""
        for name in self.ids if names is None else names:
            expected = [entry.id for entry in await self.oracle(name)]
            assert await self.home_ids(name, limit=limit) == expected, f"{name}, going down"
            assert await self.home_ids_upwards(name, limit=limit) == expected, f"{name}, going up"


@asynccontextmanager
async def open_world(
    database_url: str, valkey_url: str, *, options: WorldOptions | None = None, clock: Clock | None = None
) -> AsyncIterator[World]:
    """A world on a migrated, empty database. Its keys are deleted at the end."""
    prefix = b"w" + random_bytes(6).hex().encode() + b":"
    keys = Keys.of_installation(prefix, on_cluster=is_cluster_url(valkey_url))
    async with _open(database_url, valkey_url, keys, {}, options or WorldOptions(), clock, worker=0) as world:
        try:
            yield world
        finally:
            await world.loom.close()
            await world.flush()
            shutil.rmtree(_media_directory(keys), ignore_errors=True)


@asynccontextmanager
async def open_process_beside(world: World, valkey_url: str, *, clock: Clock | None = None) -> AsyncIterator[World]:
    """Another process of the same installation: its own connections, memory and ids, the same people."""
    url, keys = world.db.options.url, world.write.keys
    async with _open(url, valkey_url, keys, world.ids, world.options, clock, worker=1) as beside:
        yield beside


@asynccontextmanager
async def _open(
    database_url: str,
    valkey_url: str,
    keys: Keys,
    people: dict[str, UserId],
    options: WorldOptions,
    clock: Clock | None,
    *,
    worker: int,
) -> AsyncIterator[World]:
    clock = clock or PatientClock()
    patience = options.patience_seconds
    postgres = PostgresOptions(
        database_url,
        pool_timeout_seconds=patience,
        statement_timeout_seconds=patience,
        connect_timeout_seconds=round(patience),
    )
    db = GatedDatabase(postgres)
    valkey = make_gated(ValkeyOptions(valkey_url, timeout_seconds=patience, connect_timeout_seconds=patience))
    await db.open()
    await valkey.open()
    ids = IdSource(clock, Lease(worker, 0, clock.now_ms() + 86_400_000))
    world = build_world(db, valkey, keys, ids, clock, options, people)
    try:
        yield world
    finally:
        world.write.pictures.close()
        await valkey.close()
        await db.close()


def _media_directory(keys: Keys) -> Path:
    """Where an installation keeps its pictures; made when there is one."""
    return Path(tempfile.gettempdir()) / f"linnet-media-{keys.prefix.decode().replace(':', '-')}"


def build_world(
    db: Database,
    valkey: Valkey,
    keys: Keys,
    ids: IdSource,
    clock: Clock,
    options: WorldOptions,
    people: dict[str, UserId],
) -> World:
    """One process over given stores."""
    windows = Windows(valkey, keys, options.window)
    cache = Cache(valkey, CacheOptions())
    badges = Badges(cache, keys)
    marks = MarkStore(valkey, keys)
    media = MediaStore(MediaOptions(_media_directory(keys).as_uri()))
    write = WriteDeps(
        db=db,
        valkey=valkey,
        keys=keys,
        windows=windows,
        cache=cache,
        badges=badges,
        marks=marks,
        live=LiveReaders(valkey, keys),
        ids=ids,
        clock=clock,
        media=media,
        pictures=Pictures(PictureRules()),
        push_key=PushKey(db),
        options=WriteOptions(top_user_followers=options.top_user_followers, trending=options.trending),
    )
    loader_options = LoaderOptions(memory_seconds=options.memory_seconds)
    authors = AuthorLoader(db, cache, keys, clock, loader_options)
    read = ReadDeps(
        db=db,
        valkey=valkey,
        keys=keys,
        windows=windows,
        older=OlderParts(valkey, keys),
        marks=marks,
        badges=badges,
        tweets=TweetLoader(db, cache, keys, clock, authors, loader_options),
        profiles=ProfileLoader(db, cache, keys, clock, loader_options),
        authors=authors,
        pulled=PulledAuthors(db, clock, PulledOptions()),
        tags=PulledTags(db, clock, PulledTagsOptions()),
        rebuilder=Rebuilder(db, windows, clock, RebuildOptions(at_once=options.rebuilds_at_once)),
        ranking=Ranking(db, clock, RankingOptions()),
        top_news=TopNews(db, clock),
        trending=Trending(db, clock, options.trending),
        filters=FilterMemory(db, clock),
        preferences=PreferenceMemory(db),
        clock=clock,
        media=media,
    )
    return World(write, read, options, people)
