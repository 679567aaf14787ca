"""Histories: what a few people, two processes and some accidents may do, step by step, and what must hold afterwards.

A step is work of one process (``via``) at some *pace*: whole, or only so far, and then left in the middle or dead.
What is left goes on later, between other steps. People, tweets and lanes are named by small numbers that wrap around,
so that any numbers make a history, and fewer or smaller ones a simpler one.
"""

import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec

from linnet.clock import ManualClock
from linnet.domain.event import lane_of
from linnet.domain.polls import PollDraft
from linnet.domain.timeline import unpack_entry
from linnet.domain.tweet import Visibility
from linnet.errors import (
    AlreadyVoted,
    Blocked,
    CannotVoteInOwnPoll,
    ConversationNotFound,
    Invalid,
    NotToBePinned,
    NotToBeRetweeted,
    PollIsOver,
    PollNotFound,
    RequestNotFound,
    TweetNotFound,
    Unavailable,
)
from linnet.ids import MAX_ID, IdSource, Lease, TweetId, UserId, random_bytes
from linnet.read.views.polls import PollView
from linnet.stores.postgres import outbox, users
from linnet.stores.postgres.pool import ConcurrentUpdate, PostgresOptions
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.changes import decode_change
from linnet.stores.valkey.client import ValkeyOptions
from linnet.stores.valkey.keys import Keys
from linnet.stores.valkey.windows import WindowOptions
from linnet.write.actions.imports import import_graph
from linnet.write.jobs.followrequests import accept_waiting
from linnet.write.outbox.lanes import LaneOptions, apply_lane_batch
from tests.support import conversations, lists, recount_words, recounts
from tests.support.departures import MAY_HAPPEN as MAY_HAPPEN_TO_WHO_LEAVES
from tests.support.departures import MOST as MOST_DEPARTURES
from tests.support.departures import AnyPassword, Departures
from tests.support.faults import AnswerLost, GatedCluster, GatedDatabase, GatedValkey, Killed, Loom, make_gated
from tests.support.world import World, WorldOptions, build_world

NAMES = ("ada", "ben", "cleo", "dan", "eve", "fay")
START_MS = 1_800_000_000_000
OPTIONS = WorldOptions(
    top_user_followers=1,
    window=WindowOptions(max_entries=4, slack=1),
    memory_seconds=1.0,
)
TAGS = ("one", "two")
_TEXTS = ("a tweet", "a tweet #one", "a tweet #two", "#one and #two", "a tweet")
# How far two clocks differ, in milliseconds: the second process is ahead of the first.
SKEW_MS = 1500
FORGETTING_SECONDS = 2.0
# What somebody else, or they themselves, made of it meanwhile.
_NOT_TO_BE = NotToBeRetweeted | NotToBePinned | ConversationNotFound
# So many files are loaded in one history.
MOST_IMPORTS = 2
# So many pieces of work may lie in the middle at once; the pool of connections bounds them.
MOST_STRANDS = 6


class Pace(msgspec.Struct, frozen=True):
    """How far a piece of work goes before the history does. ``steps`` None: to its end."""

    steps: int | None = None
    dies: bool = False

    def __repr__(self) -> str:
        if self.steps is None:
            return "WHOLE"
        return f"{'dies' if self.dies else 'left'}_after({self.steps})"


WHOLE = Pace()


def left_after(steps: int) -> Pace:
    """Goes so far; the rest comes later."""
    return Pace(steps)


def dies_after(steps: int) -> Pace:
    """Goes so far and no further."""
    return Pace(steps, dies=True)


class Work(msgspec.Struct, frozen=True):
    """Something that a process does whole, or stops in the middle of: a verb of ``History`` with its two numbers."""

    verb: str
    a: int
    b: int
    via: int

    def __repr__(self) -> str:
        return f"Work({self.verb!r}, {self.a}, {self.b}, {self.via})"


VERBS = (
    *("post", "deliver", "read", "follow", "unfollow", "reply", "retweet", "undo_retweet", "delete"),
    *("block", "unblock", "mute", "unmute"),
    *("lock", "unlock", "accept", "refuse"),
    *("like", "unlike", "vote", "pin", "unpin", "edit"),
    *("put_on_list", "take_off_list", "turn_list"),
    *("follow_tag", "unfollow_tag"),
    *("say", "answer_directly", "keep_or_put_away"),
    *("leave", "erase"),
)
# What makes trouble when it comes in the middle of something: whole small stories.
STORIES = (
    *("post_and_deliver", "unfollow_and_read", "deliver_all", "follow_and_read", "read_all", "post_often"),
    *("block_and_unblock", "mute_and_unmute", "list_and_unlist", "follow_tag_and_read"),
)


class _SkewedClock:
    def __init__(self, clock: ManualClock, skew_ms: int) -> None:
        self._clock = clock
        self._skew_ms = skew_ms

    def now_ms(self) -> int:
        return self._clock.now_ms() + self._skew_ms

    def steady_seconds(self) -> float:
        return self._clock.steady_seconds()


class Stage(msgspec.Struct, frozen=True):
    """Stores for many histories, one after the other."""

    db: GatedDatabase
    valkey: GatedValkey | GatedCluster

    @asynccontextmanager
    async def history(self, options: WorldOptions = OPTIONS) -> AsyncIterator["History"]:
        """A history that begins with nothing."""
        history = History(self, options)
        await self.db.run(_delete_all(await self.db.fetch(str, _TABLES)))
        try:
            yield history
        finally:
            await history.close()


@asynccontextmanager
async def open_stage(database_url: str, valkey_url: str) -> AsyncIterator[Stage]:
    """On a migrated database that nobody else uses meanwhile."""
    patience = OPTIONS.patience_seconds
    db = GatedDatabase(
        PostgresOptions(database_url, pool_size=16, pool_timeout_seconds=patience, statement_timeout_seconds=patience)
    )
    valkey = make_gated(ValkeyOptions(valkey_url, timeout_seconds=patience, connect_timeout_seconds=patience))
    await db.open()
    await valkey.open()
    try:
        yield Stage(db, valkey)
    finally:
        await valkey.close()
        await db.close()


class History:
    """One history under way."""

    def __init__(self, stage: Stage, options: WorldOptions) -> None:
        self.clock = ManualClock(START_MS)
        self.loom = Loom(stage.db)
        self.people: dict[str, UserId] = {}
        self.departures = Departures(stage.db, self.people)
        self.tweets: list[tuple[str, TweetId]] = []
        self.signals_are_heard = True
        # A row that was read before a change and cached after a flush may be old; nothing else may.
        self.counts_may_be_old = False
        self._stage = stage
        self._options = options
        is_cluster = isinstance(stage.valkey, GatedCluster)
        self._keys = Keys(b"h" + random_bytes(6).hex().encode() + b":", is_cluster)
        self._workers = 0
        self._signed_up = 0
        self._imports = 0
        self.processes = [self._new_process(0), self._new_process(SKEW_MS)]
        stage.valkey.hear = self._hear

    def _new_process(self, skew_ms: int) -> World:
        clock = _SkewedClock(self.clock, skew_ms)
        # The next number, as if the lease of whoever died were not yet over.
        ids = IdSource(clock, Lease(self._workers, 0, 1 << 47))
        self._workers += 1
        stage = self._stage
        return build_world(stage.db, stage.valkey, self._keys, ids, clock, self._options, self.people)

    def _hear(self, channel: bytes, message: bytes) -> None:
        if not self.signals_are_heard or channel != self._keys.changes():
            return
        change = decode_change(message)
        for process in self.processes:
            process.read.forget(change)
            for packed in change.posted:
                process.read.pulled.note(unpack_entry(packed))

    async def close(self) -> None:
        await self.loom.close()
        self._stage.valkey.hear = None
        await self.processes[0].flush()

    # What people do

    async def sign_up(self) -> None:
        if self._signed_up < len(NAMES):
            self.clock.advance(0.001)
            self._signed_up += 1
            await self.processes[0].person(NAMES[self._signed_up - 1])

    def name(self, who: int) -> str:
        return list(self.people)[who % len(self.people)]

    def tweet(self, which: int) -> tuple[str, TweetId] | None:
        """The ``which``-th newest that the history knows; it may be gone."""
        return self.tweets[-1 - which % len(self.tweets)] if self.tweets else None

    async def do(self, work: Work, pace: Pace = WHOLE) -> None:
        match work.verb:
            case "lock" | "unlock":
                await self.lock(work.a, work.verb == "lock", via=work.via, pace=pace)
            case "post":
                await self.post(work.a, via=work.via, pace=pace)
            case "edit":
                await self.edit(work.b, work.a, via=work.via, pace=pace)
            case "delete" | "pin" | "unpin":
                await getattr(self, work.verb)(work.b, via=work.via, pace=pace)
            case "leave":
                await self.leave(work.a, via=work.via, pace=pace)
            case "erase":
                await self.erase(work.b, via=work.via, pace=pace)
            case "read":
                await self.read(work.a, 1 + work.b, via=work.via, pace=pace)
            case "deliver":
                await self.deliver(work.a, (256, 1, 2)[work.b % 3], via=work.via, pace=pace)
            case "post_and_deliver":
                await self.post(work.a, via=work.via)
                await self.deliver(work.a, 256, via=work.via)
            case "unfollow_and_read":
                await self.unfollow(work.a, work.b, via=work.via)
                await self.read(work.a, 3, via=work.via)
            case "follow_and_read":
                await self.follow(work.a, work.b, via=work.via)
                await self.read(work.a, 3, via=work.via)
            case "block_and_unblock":
                await self.block(work.a, work.b, via=work.via)
                await self.unblock(work.a, work.b, via=work.via)
                await self.read(work.a, 3, via=work.via)
            case "mute_and_unmute":
                await self.mute(work.a, work.b, via=work.via)
                await self.unmute(work.a, work.b, via=work.via)
                await self.read(work.a, 3, via=work.via)
            case "list_and_unlist":
                await self.put_on_list(work.a, work.b, via=work.via)
                await self.take_off_list(work.a, work.b, via=work.via)
                await self.read(work.a, 3, via=work.via)
            case "follow_tag_and_read":
                await self.follow_tag(work.a, work.b, via=work.via)
                await self.read(work.a, 3, via=work.via)
            case "deliver_all":
                await self.deliver_all(via=work.via)
            case "read_all":
                for who in range(len(self.people)):
                    await self.read(who, 3, via=work.via)
            case "post_often":
                for _ in range(2 + work.b):
                    await self.post(work.a, via=work.via)
                await self.deliver(work.a, 256, via=work.via)
            case verb:
                await getattr(self, verb)(work.a, work.b, via=work.via, pace=pace)

    async def meanwhile(self, first: Work, steps: int, others: list[Work]) -> None:
        """The first stops after some steps, others are done whole, the first goes on to its end."""
        before = set(self.loom.strands)
        await self.do(first, left_after(steps))
        begun = [strand for strand in self.loom.strands if strand not in before]
        for other in others:
            await self.do(other)
        for strand in begun:
            if not strand.done:
                await self.loom.run(strand)
        self._collect()
        await self.departures.notice()

    async def post(self, who: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, process = self.name(who), self.processes[via]

        # Each is as well at home as the other.
        visibilities: tuple[Visibility, ...] = ("public", "public", "private", "unlisted")

        async def work() -> TweetId:
            number = len(self.tweets)
            poll = PollDraft(("a", "b", "c"), 3600, multiple=True) if number % 3 == 0 else None
            text, visibility = _TEXTS[number % 5], visibilities[number % 4]
            tweet_id = await process.post(name, text, visibility=visibility, poll=poll)
            self.tweets.append((name, tweet_id))
            return tweet_id

        await self._go(f"{name} posts", work(), process, pace)
        if self._undisturbed(pace):
            assert self.tweets[-1][1] in await self._read_all(process, name), f"{name} does not see the tweet at once"

    async def reply(self, who: int, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, process, answered = self.name(who), self.processes[via], self.tweet(which)
        if answered is None:
            return

        async def work() -> None:
            text = _TEXTS[len(self.tweets) % 5]
            self.tweets.append((name, await process.post(name, text, reply_to=answered[1])))

        await self._go(f"{name} replies", work(), process, pace)

    async def say(self, who: int, whom: int, *, via: int, pace: Pace = WHOLE) -> None:
        """To somebody in particular; to oneself alone it is a note."""
        name, other, process = self.name(who), self.name(whom), self.processes[via]

        async def work() -> None:
            text = "a note" if name == other else f"@{other}, but @{self.name(who + whom)} as well"
            self.tweets.append((name, await process.post(name, text, visibility="direct")))

        await self._go(f"{name} says something to {other}", work(), process, pace)

    async def answer_directly(self, who: int, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, process, answered = self.name(who), self.processes[via], self.tweet(which)
        if answered is None:
            return

        async def work() -> None:
            self.tweets.append((name, await process.post(name, reply_to=answered[1], visibility="direct")))

        await self._go(f"{name} answers directly", work(), process, pace)

    async def keep_or_put_away(self, who: int, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, process = self.name(who), self.processes[via]
        work = conversations.change(process, name, which)
        await self._go(f"{name} reads a conversation, or puts it away", work, process, pace)

    async def retweet(self, who: int, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, process, original = self.name(who), self.processes[via], self.tweet(which)
        if original is None:
            return

        async def work() -> None:
            self.tweets.append((name, await process.retweet(name, original[1])))

        await self._go(f"{name} retweets", work(), process, pace)

    async def undo_retweet(self, who: int, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, process, original = self.name(who), self.processes[via], self.tweet(which)
        if original is not None:
            await self._go(f"{name} undoes a retweet", process.undo_retweet(name, original[1]), process, pace)

    async def delete(self, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        process, tweet = self.processes[via], self.tweet(which)
        if tweet is not None and tweet[0] in self.people:
            await self._go(f"{tweet[0]} deletes", process.delete(*tweet), process, pace)

    async def edit(self, which: int, says: int, *, via: int, pace: Pace = WHOLE) -> None:
        """Its author names somebody and something in it, or nobody."""
        process, tweet = self.processes[via], self.tweet(which)
        if tweet is None or tweet[0] not in self.people:
            return
        text = ("nothing", f"@{self.name(says)} #Tag", f"#tag #other @{self.name(says + 1)}")[says % 3]

        async def work() -> None:
            # A retweet says nothing.
            with suppress(Invalid):
                await process.edit(*tweet, text)
                # As whoever answers does, who reads it back.
                process.read.tweets.forget([tweet[1]])

        await self._go(f"{tweet[0]} edits", work(), process, pace)
        if self._undisturbed(pace):
            shown = {int(item.id): item for item in (await process.home(tweet[0], limit=100)).items}
            item = shown.get(tweet[1])
            assert item is None or item.retweet_of is not None or item.text == text, "its author sees what it says"

    async def like(self, who: int, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, process, tweet = self.name(who), self.processes[via], self.tweet(which)
        if tweet is not None:
            await self._go(f"{name} likes", process.like(name, tweet[1]), process, pace)
            await self._shows_likes_at_once(process, name, pace)

    async def unlike(self, who: int, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, process, tweet = self.name(who), self.processes[via], self.tweet(which)
        if tweet is not None:
            await self._go(f"{name} unlikes", process.unlike(name, tweet[1]), process, pace)
            await self._shows_likes_at_once(process, name, pace)

    async def vote(self, who: int, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, process, tweet = self.name(who), self.processes[via], self.tweet(which)
        if tweet is None:
            return

        async def work() -> None:
            # Not each tweet has a poll, and each person one vote.
            with suppress(PollNotFound, CannotVoteInOwnPoll, AlreadyVoted, PollIsOver):
                await process.vote(name, tweet[1], *((0,), (1, 2), (0, 2))[(who + which) % 3])

        await self._go(f"{name} votes", work(), process, pace)
        if self._undisturbed(pace):
            voted = dict(await self._stage.db.fetch(lambda *row: row, _VOTED, user_id=self.people[name]))
            for item in (await process.home(name, limit=100)).items:
                poll = (item.retweet_of or item).poll
                if isinstance(poll, PollView):
                    bits = voted.get(int((item.retweet_of or item).id), 0)
                    assert poll.viewer is not None
                    assert sum(1 << choice for choice in poll.viewer.choices) == bits, f"{name} does not see their vote"
                    shown = sum(1 << at for at, option in enumerate(poll.options) if option.votes)
                    assert shown & bits == bits, f"{name} does not see their vote counted"

    async def _shows_likes_at_once(self, process: World, name: str, pace: Pace) -> None:
        if self._undisturbed(pace):
            liked = set(await self._stage.db.fetch(int, _LIKED, user_id=self.people[name]))
            for item in (await process.home(name, limit=100)).items:
                tweet = item.retweet_of or item
                assert tweet.viewer is not None
                assert tweet.viewer.liked == (int(tweet.id) in liked), f"{name} does not see at once what they like"

    async def pin(self, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        process, tweet = self.processes[via], self.tweet(which)
        if tweet is not None and tweet[0] in self.people:
            await self._go(f"{tweet[0]} pins", process.pin(*tweet), process, pace)

    async def unpin(self, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        process, tweet = self.processes[via], self.tweet(which)
        if tweet is not None and tweet[0] in self.people:
            await self._go(f"{tweet[0]} unpins", process.unpin(*tweet), process, pace)

    async def follow(self, who: int, whom: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, other, process = self.name(who), self.name(whom), self.processes[via]
        if name != other:
            before = await self._followed(name)
            await self._go(f"{name} follows {other}", process.follow(name, other), process, pace)
            if self._undisturbed(pace) and self.people[other] not in before:
                await self._sees_all_at_once(process, name)

    async def unfollow(self, who: int, whom: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, other, process = self.name(who), self.name(whom), self.processes[via]
        if name != other:
            before = await self._followed(name)
            await self._go(f"{name} unfollows {other}", process.unfollow(name, other), process, pace)
            if self._undisturbed(pace) and self.people[other] in before:
                page = await process.home(name, limit=100)
                tags = await self._tags(name)
                untagged = [item for item in page.items if not tags & {tag.text for tag in item.entities.hashtags}]
                authors = {int(item.author.id) for item in untagged}
                assert authors <= {*await self._followed(name), self.people[name]}, f"{name} still sees {other}"

    async def block(self, who: int, whom: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, other, process = self.name(who), self.name(whom), self.processes[via]
        if name != other:
            before = await self._kept_away(name)
            await self._go(f"{name} blocks {other}", process.block(name, other), process, pace)
            if self._undisturbed(pace) and self.people[other] not in before:
                await self._does_not_meet(process, name, other)
                await self._does_not_meet(process, other, name)

    async def unblock(self, who: int, whom: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, other, process = self.name(who), self.name(whom), self.processes[via]
        if name != other:
            before = await self._kept_away(name)
            await self._go(f"{name} unblocks {other}", process.unblock(name, other), process, pace)
            if self._undisturbed(pace) and before != await self._kept_away(name):
                await self._sees_all_at_once(process, name)

    async def mute(self, who: int, whom: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, other, process = self.name(who), self.name(whom), self.processes[via]
        if name != other:
            before = await self._kept_away(name)
            await self._go(f"{name} mutes {other}", process.mute(name, other), process, pace)
            if self._undisturbed(pace) and self.people[other] not in before:
                await self._does_not_meet(process, name, other)

    async def unmute(self, who: int, whom: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, other, process = self.name(who), self.name(whom), self.processes[via]
        if name != other:
            before = await self._kept_away(name)
            await self._go(f"{name} unmutes {other}", process.unmute(name, other), process, pace)
            if self._undisturbed(pace) and before != await self._kept_away(name):
                await self._sees_all_at_once(process, name)

    async def lock(self, who: int, locked: bool, *, via: int, pace: Pace = WHOLE) -> None:
        name, process = self.name(who), self.processes[via]
        words = "wants to be asked" if locked else "does not want to be asked"
        await self._go(f"{name} {words}", process.lock(name, locked=locked), process, pace)

    async def accept(self, who: int, whom: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, other, process = self.name(who), self.name(whom), self.processes[via]
        if name != other:
            before = await self._followed(other)
            await self._go(f"{name} lets {other} follow", process.accept(name, other), process, pace)
            if self._undisturbed(pace) and self.people[name] not in before:
                await self._sees_all_at_once(process, other)

    async def refuse(self, who: int, whom: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, other, process = self.name(who), self.name(whom), self.processes[via]
        if name != other:
            await self._go(f"{name} lets {other} not follow", process.refuse(name, other), process, pace)

    async def let_in(self, *, via: int, pace: Pace = WHOLE) -> None:
        """The jobs of those who do not want to be asked any more; they may be run again."""
        for arguments in await self._stage.db.fetch(str, _LETTING_IN):
            process = self.processes[via]
            work = accept_waiting.run(process.write, msgspec.json.decode(arguments))
            await self._go("job", work, process, pace)

    async def put_on_list(self, who: int, whom: int, *, via: int, pace: Pace = WHOLE) -> None:
        """Puts somebody on a list of one's own, which is exclusive at first."""
        name, other, process = self.name(who), self.name(whom), self.processes[via]
        await self._set_aside(f"{name} lists {other}", lists.put_on(process, name, other), process, name, pace)

    async def take_off_list(self, who: int, whom: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, other, process = self.name(who), self.name(whom), self.processes[via]
        await self._set_aside(f"{name} unlists {other}", lists.take_off(process, name, other), process, name, pace)

    async def turn_list(self, who: int, how: int, *, via: int, pace: Pace = WHOLE) -> None:
        """The list is made another, or deleted."""
        name, process = self.name(who), self.processes[via]
        await self._set_aside(f"{name} turns the list", lists.turn(process, name, how), process, name, pace)

    async def _set_aside(
        self, what: str, work: Coroutine[Any, Any, Any], process: World, name: str, pace: Pace
    ) -> None:
        """Whoever is set aside by it is not at home any more, at once, and whoever is not is there again."""
        before = await lists.set_aside_by(process, name)
        await self._go(what, work, process, pace)
        if self._undisturbed(pace) and name in self.people:
            now = await lists.set_aside_by(process, name)
            page = await process.home(name, limit=100)
            if now != before:
                assert not {int(item.author.id) for item in page.items} & now, f"{name} sees at home who is set aside"
                await self._sees_all_at_once(process, name)

    async def leave(self, who: int, *, via: int, pace: Pace = WHOLE) -> None:
        """Somebody deletes their account; somebody is left to read."""
        if len(self.people) > 2 and self.departures.begun < MOST_DEPARTURES:
            self.departures.begun += 1
            name, process = self.name(who), self.processes[via]
            await self._go(f"{name} leaves", self.departures.leave(process, self.people[name]), process, pace)

    async def import_follows(self, which: int, *, via: int) -> None:
        """A file is loaded in which some of three people follow each other; those who are new sign up by it.

        An import works on a connection of its own, where nobody stops it: so nobody else may hold what it waits for.
        """
        if self.loom.strands or self._imports == MOST_IMPORTS:
            return
        self._imports += 1
        numbers = [number for number in range(1, 9) if f"u{number}" not in self.departures.gone][:3]
        pairs = [pair for at, pair in enumerate(permutations(numbers, 2)) if which + 1 >> at & 1]
        process = self.processes[via]
        self.clock.advance(0.001)
        await import_pairs(process, pairs)
        self.people |= await users.fetch_ids_by_username(self._stage.db, [f"u{number}" for number in numbers])
        for name in {f"u{follower}" for follower, _ in pairs}:
            if self._undisturbed(WHOLE):
                await self._sees_all_at_once(process, name)

    async def follow_tag(self, who: int, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, tag, process = self.name(who), TAGS[which % len(TAGS)], self.processes[via]
        await self._go(f"{name} follows #{tag}", process.follow_tag(name, tag), process, pace)
        if self._undisturbed(pace):
            await self._sees_all_at_once(process, name)

    async def unfollow_tag(self, who: int, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        name, tag, process = self.name(who), TAGS[which % len(TAGS)], self.processes[via]
        await self._go(f"{name} unfollows #{tag}", process.unfollow_tag(name, tag), process, pace)
        if self._undisturbed(pace):
            expected = {entry.id for entry in await process.oracle(name)}
            process.read.tags.forget_all()
            for item in (await process.home(name, limit=100)).items:
                is_tagged = any(found.text == tag for found in item.entities.hashtags)
                assert not is_tagged or int(item.id) in expected, f"{name} still sees #{tag}"

    async def _tags(self, name: str) -> set[str]:
        return set(await self._stage.db.fetch(str, _FOLLOWED_TAGS, user_id=self.people[name]))

    async def _does_not_meet(self, process: World, name: str, other: str) -> None:
        page = await process.home(name, limit=100)
        met = {item.author.username for item in page.items}
        met |= {item.retweet_of.author.username for item in page.items if item.retweet_of is not None}
        assert other not in met, f"{name} still sees {other}"

    async def _sees_all_at_once(self, process: World, name: str) -> None:
        expected = {entry.id for entry in await process.oracle(name)}
        # What there is new of a tag may be a second old.
        process.read.tags.forget_all()
        assert expected <= set(await self._read_all(process, name)), f"{name} does not see all of it at once"

    async def _kept_away(self, name: str) -> set[UserId]:
        return set(await self._stage.db.fetch(UserId, _KEPT_AWAY, user_id=self.people[name]))

    async def _followed(self, name: str) -> set[UserId]:
        return set(await self._stage.db.fetch(UserId, _FOLLOWED, user_id=self.people[name]))

    async def _read_all(self, process: World, name: str) -> list[int]:
        return [int(item.id) for item in (await process.home(name, limit=100)).items]

    def _undisturbed(self, pace: Pace) -> bool:
        """What was just begun is whole, and nobody else is in the middle of anything, such as an erasure."""
        return pace == WHOLE and not self.loom.strands and not self.departures.begun

    async def read(self, who: int, limit: int, *, via: int, below: int | None = None, pace: Pace = WHOLE) -> None:
        """A page of somebody's home timeline: the newest, or the one below (above, when negative) a tweet."""
        name, process = self.name(who), self.processes[via]
        before, after = MAX_ID, 0
        if below is not None and (cursor := self.tweet(abs(below))) is not None:
            before, after = (cursor[1], 0) if below >= 0 else (MAX_ID, cursor[1])

        async def work() -> None:
            page = await process.home(name, limit=limit, before=before, after=after)
            ids = [int(item.id) for item in page.items]
            assert ids == sorted(set(ids), reverse=True), "newest first, each once"
            assert len(ids) <= limit, "no more than asked for"
            assert all(after < tweet_id < before for tweet_id in ids), "within the range"
            assert page.next is None or ids, "an empty page has no next one"

        await self._go(f"{name} reads", work(), process, pace)

    # What processes do

    async def deliver(self, whose: int, size: int, *, via: int, pace: Pace = WHOLE) -> None:
        """A batch of somebody's lane."""
        name = self.name(whose)
        process = self.processes[via]
        await self._go(f"lane of {name}", _apply(process, lane_of(self.people[name]), size), process, pace)

    async def erase(self, which: int, *, via: int, pace: Pace = WHOLE) -> None:
        """The job that erases somebody who left; it is run again until it came to its end once, and may be after."""
        if self.departures.gone:
            process = self.processes[via]
            await self._go("job", self.departures.erase(process, which), process, pace)

    async def deliver_but_not_commit(self, whose: int, size: int, *, via: int) -> None:
        """The worker is killed right before its commit: all of the batch's effects in Valkey come again."""
        name = self.name(whose)
        strand = await self.loom.start(f"lane of {name}", _apply(self.processes[via], lane_of(self.people[name]), size))
        if await self.loom.run_until(strand, "commit"):
            await self.loom.kill(strand)
        self._collect()

    async def deliver_all(self, *, via: int) -> None:
        """All that waits, as far as nobody else has it in hand."""
        for lane in await outbox.fetch_busy_lanes(self._stage.db):
            strand = await self.loom.start(f"lane {lane}", _apply(self.processes[via], lane, 256))
            await self.loom.run(strand)
        self._collect()

    async def _go(self, name: str, work: Coroutine[Any, Any, Any], process: World, pace: Pace) -> None:
        if len(self.loom.strands) >= MOST_STRANDS:
            work.close()
            return
        self.clock.advance(0.001)
        strand = await self.loom.start(name, work, owner=process)
        await self.loom.run(strand, steps=pace.steps)
        if pace.dies and not strand.done:
            await self.loom.kill(strand)
        self._collect()
        await self.departures.notice()

    def _collect(self) -> None:
        for strand in self.loom.collect():
            error = None if strand.task.cancelled() else strand.task.exception()
            if error is None or isinstance(
                error, Killed | TweetNotFound | RequestNotFound | _NOT_TO_BE | Blocked | ConcurrentUpdate
            ):
                continue  # the worker takes its lane up again
            if self.departures.begun and isinstance(error, MAY_HAPPEN_TO_WHO_LEAVES):
                continue
            if isinstance(error, Unavailable) and strand.faulty and strand.name.startswith(("lane", "job")):
                continue  # the worker waits for the stores
            raise error

    # What happens to them

    async def go_on(self, which: int, *, pace: Pace = WHOLE) -> None:
        """Work that was left in the middle goes on; or is killed right there."""
        if not self.loom.strands:
            return
        strand = self.loom.strands[which % len(self.loom.strands)]
        if pace.steps is None or pace.steps:
            await self.loom.run(strand, steps=pace.steps)
        if pace.dies and not strand.done:
            await self.loom.kill(strand)
        self._collect()
        await self.departures.notice()

    async def valkey_fails(self, which: int, *, carried_out: bool) -> None:
        """What somebody is about to ask of Valkey fails, or is carried out without an answer."""
        if self.loom.strands:
            strand = self.loom.strands[which % len(self.loom.strands)]
            error = AnswerLost("Valkey: no answer") if carried_out else Unavailable("Valkey: away")
            await self.loom.fail(strand, error)
            self._collect()

    async def flush(self) -> None:
        """Valkey comes back empty, and whoever works with it loses the connection."""
        self.counts_may_be_old = self.counts_may_be_old or bool(self.loom.strands)
        await self.loom.sever()
        await self.processes[0].flush(forget=False)
        self._collect()

    async def expire(self, who: int, what: str) -> None:
        """A key of a reader is gone: ``"home"``, ``"pull"`` or both."""
        user_id, keys = self.people[self.name(who)], self._keys
        if what in ("home", "both"):
            await self._stage.valkey.call(b"UNLINK", keys.home(user_id))
        if what in ("pull", "both"):
            await self._stage.valkey.call(b"UNLINK", keys.pull(user_id))

    async def time_passes(self, seconds: float) -> None:
        # No work takes longer than the statements in it may.
        self.clock.advance(min(seconds, 5.0) if self.loom.strands else seconds)

    async def restart(self, via: int) -> None:
        """A process dies with all it had in hand, and another comes in its place."""
        mine = [strand for strand in self.loom.strands if strand.owner is self.processes[via]]
        for strand in mine:
            await self.loom.kill(strand)
        self._collect()
        self.processes[via] = self._new_process(SKEW_MS if via else 0)

    # What must hold

    async def settle(self) -> None:
        """All work is done, all events are applied, and what a process may believe for a moment it believes no more."""
        await self.loom.finish()
        self._collect()
        await self.departures.notice()
        await self.let_in(via=0)
        await self._drain()
        self.clock.advance(FORGETTING_SECONDS)

    async def _drain(self) -> None:
        while await outbox.fetch_busy_lanes(self._stage.db):
            await self.deliver_all(via=0)

    async def check(self, *, limits: tuple[int, int] = (3, 4)) -> None:
        """Every page of every reader equals the definition's, and everything derived equals what is counted anew."""
        await self.settle()
        db = self._stage.db
        assert await outbox.count(db) == 0, "events wait for a retry"
        for parked in await outbox.fetch_parked(db, page_size=1):
            raise AssertionError(f"an event was parked: {parked}")
        one, two = self.processes
        waiting = await db.fetch(lambda *row: row, _WAITING_FOR_NOTHING)
        assert not waiting, f"they wait to follow whom they need not ask: {waiting}"
        if self.departures.gone:
            for name in self.people:
                await self.departures.assert_unmet(two, name, [entry.id for entry in await one.oracle(name)])
            await self.departures.finish(one, self.clock, self._drain)
            self.clock.advance(FORGETTING_SECONDS)
        await recounts.assert_counts(db, top_user_followers=self._options.top_user_followers)
        await recount_words.assert_words(two, are_told=False)
        for name in self.people:
            expected = [entry.id for entry in await one.oracle(name)]
            assert await one.home_ids(name, limit=limits[0]) == expected, f"{name}'s timeline, down by {limits[0]}"
            assert await two.home_ids_upwards(name, limit=limits[1]) == expected, f"{name}'s, up by {limits[1]}"
            page = await two.home(name, limit=100)
            assert [int(item.id) for item in page.items] == expected, f"{name}'s timeline at once"
            await recounts.assert_views(db, one.ids[name], page.items, rows_may_be_old=self.counts_may_be_old)
            await recounts.assert_window(one, name)
            await lists.assert_lists(two, name, limit=limits[0])
            await conversations.assert_conversations(two, name, limit=limits[0])


async def import_pairs(process: World, pairs: Iterable[tuple[int, int]]) -> None:
    """Loads a file that says that these numbers follow those; they can all log in afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "follows.txt"
        path.write_text("".join(f"{follower} {followed}\n" for follower, followed in pairs))
        await import_graph(process.write, AnyPassword(), path, password="a feather for a pen", progress=lambda *_: None)


async def _apply(process: World, lane: int, size: int) -> None:
    await apply_lane_batch(process.write, lane, LaneOptions(batch_size=size, max_attempts=1))


_FOLLOWED_TAGS = Query(
    "histories.followed_tags", (), "many", "select tag from followed_tags where user_id = %(user_id)s"
)
_FOLLOWED = Query("histories.followed", (), "many", "select followed_id from following where user_id = %(user_id)s")
_KEPT_AWAY = Query(
    "histories.kept_away",
    (),
    "many",
    "select blocked_id from blocks where user_id = %(user_id)s"
    " union select blocker_id from blocked_by where user_id = %(user_id)s"
    " union select muted_id from mutes where user_id = %(user_id)s",
)
_LETTING_IN = Query(
    "histories.letting_in",
    (),
    "many",
    "select args::text from linnet_jobs.procrastinate_jobs where task_name = 'accept_waiting' order by id",
)
_WAITING_FOR_NOTHING = Query(
    "histories.waiting_for_nothing",
    (),
    "many",
    "select r.user_id, r.followed_id from follow_requests r join users u on u.id = r.followed_id"
    " where not u.locked and u.deleted_ms is null"
    " and not exists (select from users a where a.id = r.user_id and a.deleted_ms is not null)",
)
_VOTED = Query("histories.voted", (), "many", "select tweet_id, choices from votes where user_id = %(user_id)s")
_LIKED = Query("histories.liked", (), "many", "select tweet_id from likes where user_id = %(user_id)s")
_TABLES = Query(
    "histories.tables",
    (),
    "many",
    "select schemaname || '.' || tablename from pg_tables where tablename !~ '^_?yoyo_' and schemaname = 'public'"
    " or schemaname = 'linnet_jobs' and tablename = 'procrastinate_jobs'",
)


def _delete_all(tables: list[str]) -> Query:
    deletes = ", ".join(f"d{number} as (delete from {table})" for number, table in enumerate(tables))
    return Query("histories.delete_all", (), "none", f"with {deletes} select 1")
