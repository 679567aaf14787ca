"""A check that never fails checks nothing: mistakes that this design invites are made, and the definition shows them.

Each story is told twice, with the mistake and without it: what else happens in between is the same.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest

from linnet.domain.event import TweetPosted, lane_of
from linnet.domain.timeline import Entry, Range
from linnet.ids import UserId, random_bytes
from linnet.read.deps import ReadDeps
from linnet.read.timelines import home as home_screen
from linnet.read.timelines import older
from linnet.read.timelines.filling import Skeleton
from linnet.read.timelines.rebuild import Outcome, Rebuilder
from linnet.stores.postgres import bulk, users
from linnet.stores.postgres import home as home_store
from linnet.stores.postgres.home import Followed, Sources
from linnet.stores.postgres.pool import Session
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey import scripts
from linnet.stores.valkey import windows as windows_store
from linnet.stores.valkey.cache import Cache
from linnet.stores.valkey.keys import pack_id
from linnet.stores.valkey.marks import MarkStore
from linnet.stores.valkey.packedids import NO_IDS
from linnet.stores.valkey.windows import WindowOptions, WindowPage, Windows
from linnet.write.actions.erasure import delete_account
from linnet.write.deps import WriteDeps
from linnet.write.fanout import batch
from linnet.write.fanout import topusers as crossings
from linnet.write.fanout.plan import PushPlan, plan_pushes
from linnet.write.jobs.job import NotYet
from tests.support.departures import AnyPassword, Departures
from tests.support.histories import import_pairs
from tests.support.lists import put_on
from tests.support.recounts import assert_views
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

Patch = pytest.MonkeyPatch
Story = Callable[[World, Patch], Awaitable[None]]

OPTIONS = WorldOptions(top_user_followers=2, window=WindowOptions(max_entries=4, slack=1))


def snapshot_before_the_marker(patch: Patch) -> None:
    async def build(self: Rebuilder, reader_id: UserId) -> Outcome:
        entries, followed = await self.read_snapshot(reader_id)
        token = random_bytes(8)
        assert await self._windows.begin(reader_id, token)
        await self._windows.merge(reader_id, token, entries, complete=True, pulled=followed.pulled)
        return "built"

    patch.setattr(Rebuilder, "_build", build)


async def a_tweet_arrives_while_a_window_is_built(world: World, patch: Patch) -> None:
    async def happens() -> None:
        await world.post("ada", "in between")
        await world.worker.drain()

    await world.follow("ben", "ada")
    await world.settle()
    _after_the_snapshot(patch, happens)
    await world.home("ben")


def merge_without_the_marker(patch: Patch) -> None:
    _change_lua(patch, "merge", "if redis.call('LINDEX', home, 0) ~= '?' .. ARGV[1] then return 0 end", "")


async def a_follow_comes_while_a_window_is_built(world: World, patch: Patch) -> None:
    async def happens() -> None:
        await world.follow("ben", "cleo")

    await world.post("cleo", "before")
    await world.settle()
    _after_the_snapshot(patch, happens)
    await world.home("ben")


def no_note_of_an_unfollow(patch: Patch) -> None:
    async def change(self: Windows, reader_id: UserId, author_id: UserId, *, shown: bool, change_id: int) -> bool:
        if change_id in applied:
            return False
        applied.add(change_id)
        for call in self.drop(pack_id(reader_id)):
            await call
        return True

    applied: set[int] = set()
    patch.setattr(Windows, "change", change)


async def an_unfollow_comes_during_a_fan_out(world: World, patch: Patch) -> None:
    async def plan_and_unfollow(session: Session, posted: Sequence[TweetPosted]) -> PushPlan:
        plan = await original(session, posted)
        if posted:
            await world.unfollow("ben", "ada")
            await world.home("ben")
        return plan

    await world.follow("ben", "ada")
    await world.settle()
    await world.home("ben")
    original = plan_pushes
    patch.setattr(batch, "plan_pushes", plan_and_unfollow)
    await world.post("ada", "late")


def windows_not_told_to_pull(patch: Patch) -> None:
    async def drop_nothing(deps: WriteDeps, user_id: UserId) -> None:
        return

    patch.setattr(crossings, "drop_followers_windows", drop_nothing)


async def somebody_becomes_a_top_user(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada")
    await world.follow("cleo", "ada")
    await world.settle()
    await world.home("ben")
    await world.follow("dan", "ada")
    await world.settle()
    await world.post("ada", "pulled")


def late_entries_on_top(patch: Patch) -> None:
    _change_lua(patch, "push", "    if newer then", "    if #newest >= SHORTEST_ENTRY then")


async def an_older_tweet_arrives_later(world: World, patch: Patch) -> None:
    ada = lane_of(world.ids["ada"])
    # Whose tweets travel in another lane than hers: lanes lag differently.
    other = next(name for name in ("cleo", "dan", "eve") if lane_of(world.ids[name]) != ada)
    await world.follow("ben", "ada", other)
    await world.settle()
    await world.home("ben")
    await world.post("ada", "older")
    await world.post(other, "newer")
    await world.deliver(lane_of(world.ids[other]))


def one_entry_lost_at_the_seam(patch: Patch) -> None:
    async def read_older(deps: ReadDeps, viewer_id: UserId, wanted: Range) -> Skeleton:
        whole = await original(deps, viewer_id, wanted)
        return Skeleton(whole.entries[1:], whole.more, whole.reached)

    original = older.read_older
    patch.setattr(home_screen, "read_older", read_older)


async def more_is_posted_than_a_window_holds(world: World, patch: Patch) -> None:
    for number in range(9):
        await world.post("ben", str(number))


def pulled_replies_shown_to_everybody(patch: Patch) -> None:
    patch.setattr(home_screen, "shows_reply", lambda entry, viewer_id, followed: True)


async def a_top_user_answers_a_stranger(world: World, patch: Patch) -> None:
    for reader in ("ben", "cleo", "dan"):
        await world.follow(reader, "ada")
    question = await world.post("eve", "a question")
    await world.settle()
    await world.home("ben")
    await world.post("ada", "an answer", reply_to=question)


def kept_away_not_stored_with_the_window(patch: Patch) -> None:
    async def merge(self: Windows, *args: Any, kept_away: object, **more: Any) -> bool:
        return bool(await original(self, *args, **more))

    original: Any = Windows.merge
    patch.setattr(Windows, "merge", merge)


async def somebody_muted_posts_and_is_retweeted(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada", "cleo")
    await world.mute("ben", "ada")
    await world.settle()
    await world.home("ben")
    posted = await world.post("ada", "pushed all the same")
    await world.retweet("cleo", posted)


def those_set_aside_not_stored_with_the_window(patch: Patch) -> None:
    async def merge(self: Windows, *args: Any, aside: object, **more: Any) -> bool:
        return bool(await original(self, *args, **more))

    original: Any = Windows.merge
    patch.setattr(Windows, "merge", merge)


async def somebody_set_aside_posts(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada")
    await put_on(world, "ben", "ada")
    await world.settle()
    await world.home("ben")
    await world.post("ada", "pushed all the same")


async def somebody_is_set_aside(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada")
    await world.post("ada")
    await world.settle()
    await world.home("ben")
    await put_on(world, "ben", "ada")


async def somebody_is_set_aside_while_a_window_is_built(world: World, patch: Patch) -> None:
    async def happens() -> None:
        await put_on(world, "ben", "ada")
        await world.worker.drain()

    await world.follow("ben", "ada")
    await world.post("ada")
    await world.settle()
    _after_the_snapshot(patch, happens)
    await world.home("ben")


def those_set_aside_as_if_nobody_followed_them(patch: Patch) -> None:
    def sources(viewer_id: UserId, followed: Followed) -> Sources:
        return msgspec.structs.replace(original(viewer_id, followed), answered_ids=None)

    original = home_store.sources_at_home
    patch.setattr(home_store, "sources_at_home", sources)


async def a_friend_answers_somebody_set_aside(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada", "cleo")
    await put_on(world, "ben", "ada")
    await world.post("cleo", "hm", reply_to=await world.post("ada"))
    await world.settle()


def windows_not_dropped(patch: Patch) -> None:
    patch.setattr(Windows, "drop", lambda self, packed_reader_ids: [])


async def somebody_is_muted(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada")
    await world.post("ada")
    await world.settle()
    await world.home("ben")
    await world.mute("ben", "ada")


async def somebody_is_unmuted(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada")
    await world.mute("ben", "ada")
    await world.post("ada")
    await world.settle()
    await world.home("ben")
    await world.unmute("ben", "ada")


def retweets_of_the_blocked_in_the_truth(patch: Patch) -> None:
    condition = "and (retweet_of_author_id is null or retweet_of_author_id <> all(%(kept_away)s::bigint[]))"
    for name in ("fetch_slice", "fetch_slice_above"):
        _change_sql(patch, home_store._sql, name, condition, "")


async def somebody_blocked_is_retweeted_more_often_than_a_window_holds(world: World, patch: Patch) -> None:
    await world.follow("ben", "cleo")
    await world.block("ada", "ben")
    for _ in range(6):
        await world.retweet("cleo", await world.post("ada"))
    for number in range(6):
        await world.post("cleo", str(number))


async def a_mute_comes_while_a_window_is_built(world: World, patch: Patch) -> None:
    async def happens() -> None:
        await world.mute("ben", "ada")
        # The event comes to its end too before the window is there.
        await world.worker.drain()

    await world.follow("ben", "ada")
    await world.post("ada", "before")
    await world.settle()
    _after_the_snapshot(patch, happens)
    await world.home("ben")


async def a_block_is_made_and_taken_back_during_a_fan_out(world: World, patch: Patch) -> None:
    bens = lane_of(world.ids["ben"])
    author = next(name for name in ("ada", "cleo", "dan", "eve") if lane_of(world.ids[name]) != bens)

    async def plan_and_block(session: Session, posted: Sequence[TweetPosted]) -> PushPlan:
        plan = await original(session, posted)
        if posted:
            await world.block("ben", author)
            await world.unblock("ben", author)
            while await world.deliver(bens) == "applied":
                pass
            await world.home("ben")
        return plan

    await world.follow("ben", author)
    await world.settle()
    await world.home("ben")
    original = plan_pushes
    patch.setattr(batch, "plan_pushes", plan_and_block)
    await world.post(author, "late")


def what_is_pulled_not_filtered(patch: Patch) -> None:
    async def pull(deps: ReadDeps, viewer_id: UserId, page: WindowPage, *bounds: int) -> list[Entry]:
        return await original(deps, viewer_id, msgspec.structs.replace(page, kept_away=NO_IDS), *bounds)

    original: Callable[..., Awaitable[list[Entry]]] = home_screen._pull
    patch.setattr(home_screen, "_pull", pull)


async def a_top_user_retweets_somebody_muted(world: World, patch: Patch) -> None:
    for reader in ("ben", "cleo", "dan"):
        await world.follow(reader, "ada")
    await world.mute("ben", "eve")
    posted = await world.post("eve")
    await world.settle()
    await world.home("ben")
    await world.retweet("ada", posted)


def likes_told_to_nobody(patch: Patch) -> None:
    async def drop(self: MarkStore, viewer_ids: object) -> None:
        return

    patch.setattr(MarkStore, "drop", drop)


async def somebody_likes_what_they_read(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada")
    posted = await world.post("ada")
    await world.settle()
    await world.home("ben")
    await world.like("ben", posted)


def caches_not_told_of_versions(patch: Patch) -> None:
    async def put_stale(self: Cache, versions: object) -> None:
        return

    patch.setattr(Cache, "put_stale", put_stale)


async def others_like_what_somebody_read(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada")
    posted = await world.post("ada")
    await world.settle()
    await world.home("ben")
    for name in ("cleo", "dan"):
        await world.like(name, posted)
    await world.settle()
    await world.unlike("dan", posted)


async def somebody_pins_another_tweet(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada")
    first, second = await world.post("ada", "first"), await world.post("ada", "second")
    await world.pin("ada", first)
    await world.settle()
    await world.home("ben")
    await world.pin("ada", second)


async def somebody_leaves_whom_a_friend_answered(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada", "cleo")
    await world.post("cleo", "an answer", reply_to=await world.post("ada", "a question"))
    await world.settle()
    await world.home("ben")
    await _leave(world, "ada")


def profiles_of_those_who_left(patch: Patch) -> None:
    _change_sql(patch, users._sql, "fetch_profiles", "and deleted_ms is null", "")


async def somebody_has_just_left(world: World, patch: Patch) -> None:
    await world.follow("ben", "ada", "cleo")
    await world.retweet("cleo", await world.post("ada"))
    await world.settle()
    await delete_account(world.write, AnyPassword(), world.ids.pop("ada"), password="-")
    await world.settle()
    # Valkey still knows that the profile is gone, until it knows nothing.
    await world.flush()


async def _leave(world: World, name: str) -> None:
    """The account goes, and the job that erases it does all of its work."""
    departures = Departures(world.db, world.ids)
    departures.begun += 1
    await departures.leave(world, world.ids[name])
    await departures.notice()
    while True:
        await world.settle()
        try:
            await departures.erase(world, 0)
        except NotYet:
            continue
        return


def imported_as_if_nobody_read_yet(patch: Patch) -> None:
    _change_sql(
        patch,
        bulk._sql,
        "create_follows",
        "u.password_hash <> %(locked_hash)s::text or v.locked as awake",
        "false as awake",
    )


async def a_reader_follows_by_an_import(world: World, patch: Patch) -> None:
    await import_pairs(world, [(2, 1)])
    world.ids |= await users.fetch_ids_by_username(world.db, ["u1", "u2"])
    await world.post("u2")
    await world.settle()
    await world.home("u1")
    await import_pairs(world, [(1, 2)])


def _change_sql(patch: Patch, queries: dict[str, Query], name: str, condition: str, instead: str) -> None:
    query = queries[name]
    assert condition in query.text, "the query has changed: plant the mistake anew"
    patch.setitem(queries, name, msgspec.structs.replace(query, text=query.text.replace(condition, instead)))


def _after_the_snapshot(patch: Patch, happens: Callable[[], Awaitable[None]]) -> None:
    """The first rebuild is held up between its snapshot and what follows."""

    async def read_snapshot(self: Rebuilder, reader_id: UserId) -> tuple[list[Entry], Followed]:
        patch.setattr(Rebuilder, "read_snapshot", original)
        snapshot: tuple[list[Entry], Followed] = await original(self, reader_id)
        await happens()
        return snapshot

    original: Any = Rebuilder.read_snapshot
    patch.setattr(Rebuilder, "read_snapshot", read_snapshot)


def _change_lua(patch: Patch, script: str, line: str, instead: str) -> None:
    def window_lua(name: str, publish_verb: str) -> str:
        source = original(name, publish_verb)
        if name == script:
            assert line in source, "the script has changed: plant the mistake anew"
            source = source.replace(line, instead)
        return source

    original = scripts.window_lua
    patch.setattr(windows_store, "window_lua", window_lua)


@pytest.mark.parametrize(
    ("story", "mistake"),
    [
        (a_tweet_arrives_while_a_window_is_built, snapshot_before_the_marker),
        (a_follow_comes_while_a_window_is_built, merge_without_the_marker),
        (an_unfollow_comes_during_a_fan_out, no_note_of_an_unfollow),
        (somebody_becomes_a_top_user, windows_not_told_to_pull),
        (an_older_tweet_arrives_later, late_entries_on_top),
        (more_is_posted_than_a_window_holds, one_entry_lost_at_the_seam),
        (a_top_user_answers_a_stranger, pulled_replies_shown_to_everybody),
        (somebody_muted_posts_and_is_retweeted, kept_away_not_stored_with_the_window),
        (somebody_is_muted, windows_not_dropped),
        (somebody_is_unmuted, windows_not_dropped),
        (somebody_blocked_is_retweeted_more_often_than_a_window_holds, retweets_of_the_blocked_in_the_truth),
        (a_mute_comes_while_a_window_is_built, merge_without_the_marker),
        (a_block_is_made_and_taken_back_during_a_fan_out, no_note_of_an_unfollow),
        (a_top_user_retweets_somebody_muted, what_is_pulled_not_filtered),
        (somebody_likes_what_they_read, likes_told_to_nobody),
        (others_like_what_somebody_read, caches_not_told_of_versions),
        (somebody_pins_another_tweet, caches_not_told_of_versions),
        (somebody_set_aside_posts, those_set_aside_not_stored_with_the_window),
        (somebody_is_set_aside, windows_not_dropped),
        (somebody_is_set_aside_while_a_window_is_built, merge_without_the_marker),
        (a_friend_answers_somebody_set_aside, those_set_aside_as_if_nobody_followed_them),
        (somebody_leaves_whom_a_friend_answered, windows_not_dropped),
        (somebody_has_just_left, profiles_of_those_who_left),
        (a_reader_follows_by_an_import, imported_as_if_nobody_read_yet),
    ],
    ids=lambda each: each.__name__,
)
@pytest.mark.parametrize("planted", [False, True], ids=["as it is", "with the mistake"])
async def test_a_mistake_shows(
    servers: Servers,
    database_url: str,
    monkeypatch: Patch,
    story: Story,
    mistake: Callable[[Patch], None],
    *,
    planted: bool,
) -> None:
    if planted:
        mistake(monkeypatch)
    async with open_world(database_url, servers.valkey_url, options=OPTIONS) as world:
        await world.person("ada", "ben", "cleo", "dan", "eve")
        await story(world, monkeypatch)
        await world.settle()
        if planted:
            with pytest.raises(AssertionError):
                await check(world)
        else:
            await check(world)


async def check(world: World) -> None:
    """Whoever reads in the story sees what the definition says, with the counts and marks that there are."""
    for name in {"ben", "u1"} & set(world.ids):
        await world.assert_exact([name], limit=3)
        await assert_views(world.db, world.ids[name], (await world.home(name, limit=100)).items)
