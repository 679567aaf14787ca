"""Below the window pages go on without a seam, at the cost of those of the window, and every change is seen at once."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from linnet.clock import ManualClock
from linnet.ids import MAX_ID, TweetId
from linnet.read.timelines import older
from linnet.stores.valkey.windows import WindowOptions
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

_OPTIONS = WorldOptions(window=WindowOptions(max_entries=6, slack=2))
_HOUR = 3600.0

Change = Callable[[World], Awaitable[object]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


@pytest.fixture
async def town(servers: Servers, database_url: str, clock: ManualClock) -> AsyncIterator[World]:
    """Ada follows ben and cleo and has a long timeline that is an hour old; dan is followed by nobody."""
    async with open_world(database_url, servers.valkey_url, options=_OPTIONS, clock=clock) as world:
        await world.person("ada", "ben", "cleo", "dan")
        await world.follow("ada", "ben", "cleo")
        await world.follow("ben", "cleo")
        for number in range(10):
            first = await world.post("ben", f"tweet {number}")
            await world.post("cleo", f"answer {number}", reply_to=first)
            await world.post("dan", f"unseen {number}")
            if number % 3 == 0:
                await world.retweet("cleo", await world.post("dan", f"shared {number}"))
        await world.settle()
        clock.advance(_HOUR)
        yield world


async def pages(world: World, *, limit: int = 4) -> list[int]:
    """The cursors of all of ada's pages, read one after the other."""
    found = [MAX_ID]
    while (page := await world.home("ada", limit=limit, before=found[-1])).next is not None:
        found.append(int(page.next))
    return found


async def test_pages_below_the_window_cost_no_sql_once_one_was_read(town: World) -> None:
    cursors = await pages(town)
    assert len(cursors) > 4
    await town.assert_exact(["ada"], limit=4)
    for cursor in cursors[2:]:
        with town.budget(sql=0, valkey=3):
            assert (await town.home("ada", limit=4, before=cursor)).items
    # Of another size, and from between the pages.
    for cursor in cursors[2:]:
        with town.budget(sql=0, valkey=3):
            assert (await town.home("ada", limit=3, before=cursor - 1)).items


@pytest.mark.parametrize("stretch", [4, 5, 9])
async def test_stretches_join_without_a_seam(town: World, monkeypatch: pytest.MonkeyPatch, stretch: int) -> None:
    monkeypatch.setattr(older, "STRETCH", stretch)
    for limit in (1, 3, 4, 7, 100):
        await town.assert_exact(["ada"], limit=limit)


async def test_what_is_young_is_asked_of_the_truth(town: World, clock: ManualClock) -> None:
    for _ in range(12):
        await town.post("ben")
    await town.settle()
    cursors = await pages(town)
    young = cursors[2]
    for _ in range(2):
        before = town.db.statements
        await town.home("ada", limit=4, before=young)
        assert town.db.statements > before, "a tweet may still be on its way there"
    clock.advance(2 * older.SETTLED_MS / 1000)
    await town.home("ada", limit=4, before=young)
    with town.budget(sql=0, valkey=3):
        await town.home("ada", limit=4, before=young)


_CHANGES: dict[str, tuple[Change, Change]] = {
    "follow": (lambda world: world.follow("ada", "dan"), lambda world: world.unfollow("ada", "dan")),
    "unfollow": (lambda world: world.unfollow("ada", "ben"), lambda world: world.follow("ada", "ben")),
    "block": (lambda world: world.block("ada", "cleo"), lambda world: world.unblock("ada", "cleo")),
    "blocked": (lambda world: world.block("ben", "ada"), lambda world: world.unblock("ben", "ada")),
    "mute": (lambda world: world.mute("ada", "dan"), lambda world: world.unmute("ada", "dan")),
}


@pytest.mark.parametrize("change", _CHANGES)
async def test_a_change_is_seen_at_once_below_the_window_too(town: World, change: str) -> None:
    await pages(town)
    for act in _CHANGES[change]:
        await act(town)
        await town.assert_exact(["ada"], limit=4)
        await town.settle()
        await town.assert_exact(["ada"], limit=4)


async def test_what_is_gone_is_left_out_and_pages_stay_full(town: World) -> None:
    cursors = await pages(town)
    gone = [int(item.id) for item in (await town.home("ada", limit=4, before=cursors[2])).items[:2]]
    for tweet_id in gone:
        [entry] = [entry for entry in await town.oracle("ada") if entry.id == tweet_id]
        await town.delete(town.name_of(entry.author_id), TweetId(tweet_id))
    town.read.tweets.forget_all()
    page = await town.home("ada", limit=4, before=cursors[2])
    assert len(page.items) == 4
    assert not {int(item.id) for item in page.items} & set(gone)
    await town.settle()
    await town.assert_exact(["ada"], limit=4)


@pytest.mark.parametrize("change", ["unfollow", "mute"])
async def test_a_change_while_a_stretch_is_read_is_not_kept_out(town: World, change: str) -> None:
    steps = 0
    act, undo = _CHANGES[change]
    while True:
        cursors = await pages(town)
        await town.write.valkey.call(b"UNLINK", town.read.keys.older(town.ids["ada"]))
        reading = await town.loom.start("reader", town.home("ada", limit=4, before=cursors[2]))
        reached = all([await town.loom.step(reading) for _ in range(steps)])
        await act(town)
        await town.loom.finish()
        await town.assert_exact(["ada"], limit=4)
        await undo(town)
        await town.settle()
        await town.assert_exact(["ada"], limit=4)
        if not reached:
            break
        steps += 1
    assert steps > 3
