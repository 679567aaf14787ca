"""Promise: one tweet of a person's own is pinned at most, stands first on their page, and says that it is."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from linnet.domain.event import lane_of
from linnet.domain.timeline import Range
from linnet.errors import TweetNotFound, Unavailable
from linnet.ids import MAX_ID, TweetId
from linnet.read.timelines.everyone import everyone_page
from linnet.read.timelines.thread import thread_screen, tweet_screen
from linnet.read.timelines.user import user_tweets_page
from linnet.read.views.pages import Page, PageView, page_json
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres import outbox
from linnet.stores.postgres.queries import Query
from linnet.write.actions import pins
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.support.servers import Servers
from tests.support.world import World, open_process_beside

_PINNED = Query("test.pinned", (), "many", "select id from tweets where pinned order by author_id, id")


@pytest.fixture
async def town(world: World) -> World:
    """Ada, whom Ben follows."""
    await sign_up_in_lanes_of_their_own(world, "ada", "ben")
    await world.follow("ben", "ada")
    await world.settle()
    return world


@pytest.fixture
async def beside(town: World, servers: Servers) -> AsyncIterator[World]:
    """Another process of the same installation."""
    async with open_process_beside(town, servers.valkey_url) as world:
        yield world


def page_of(page: Page) -> PageView[TweetView]:
    return msgspec.json.decode(page_json(page), type=PageView[TweetView], strict=True)


async def user_page(
    town: World, viewer: str | None, name: str, *, limit: int = 15, before: int = MAX_ID, after: int = 0
) -> PageView[TweetView]:
    viewer_id = None if viewer is None else town.ids[viewer]
    return page_of(await user_tweets_page(town.read, viewer_id, town.ids[name], Range(limit, before, after)))


async def everything_of(town: World, name: str, *, limit: int) -> list[int]:
    """All pages of somebody's tweets, down to the end."""
    found: list[int] = []
    before = MAX_ID
    while True:
        page = await user_page(town, "ben", name, limit=limit, before=before)
        assert len(page.items) <= limit
        found += [int(item.id) for item in page.items]
        if page.next is None:
            return found
        assert page.items, "a page that has a next one is not empty"
        before = int(page.next)


async def pinned_ids(town: World) -> list[int]:
    return await town.db.fetch(int, _PINNED)


async def test_the_pinned_tweet_stands_first_on_the_first_page_and_nowhere_else(town: World) -> None:
    tweet_ids = [await town.post("ada", f"number {number}") for number in range(7)]
    await town.settle()
    for pinned in tweet_ids:
        await town.pin("ada", pinned)
        town.forget()
        expected = [pinned, *(tweet_id for tweet_id in reversed(tweet_ids) if tweet_id != pinned)]
        for limit in range(1, 9):
            assert await everything_of(town, "ada", limit=limit) == expected, f"pages of {limit}"
        page = await user_page(town, None, "ada", limit=3)
        assert [item.pinned for item in page.items] == [True, False, False]


async def test_pages_go_on_upwards_from_a_page_with_a_pinned_tweet_on_it(town: World) -> None:
    old = await town.post("ada", "old")
    below = [await town.post("ada", f"number {number}") for number in range(3)]
    await town.pin("ada", old)
    for limit in (1, 2, 3, 9):
        first = await user_page(town, "ben", "ada", limit=limit)
        assert first.prev == str(below[-1]), "what is newer is newer than the newest, not than the pinned one"
        above = await user_page(town, "ben", "ada", limit=limit, after=int(first.prev))
        assert above.items == []
    newest = await town.post("ada", "newest")
    above = await user_page(town, "ben", "ada", after=below[-1])
    assert [int(item.id) for item in above.items] == [newest]
    everything = await user_page(town, "ben", "ada", after=1)
    assert [int(item.id) for item in everything.items] == [newest, *below[::-1]], "on the first page alone"
    between = await user_page(town, "ben", "ada", before=newest, after=below[0])
    assert [int(item.id) for item in between.items] == [below[2], below[1]]


async def test_a_page_with_nothing_but_the_pinned_tweet_ends(town: World) -> None:
    only = await town.post("ada", "only")
    await town.pin("ada", only)
    for limit in (1, 2, 15):
        page = await user_page(town, "ben", "ada", limit=limit)
        assert ([int(item.id) for item in page.items], page.next, page.prev) == ([only], None, str(only))
    newer = await town.post("ada", "newer")
    page = await user_page(town, "ben", "ada", after=only)
    assert [int(item.id) for item in page.items] == [newer]


async def test_another_pin_moves_it_and_every_page_says_so_at_once(town: World) -> None:
    first, second = await town.post("ada", "first"), await town.post("ada", "second")
    reply = await town.post("ada", "third", reply_to=first)
    await town.settle()
    for wanted in (first, second, reply, first):
        await town.home("ben")  # so that there is an older state to be remembered
        await town.pin("ada", wanted)
        assert await pinned_ids(town) == [wanted]
        town.forget()  # as the signal tells all processes
        pages = [
            await town.home("ben"),
            await user_page(town, "ben", "ada"),
            page_of(await everyone_page(town.read, None, Range(15))),
        ]
        for page in pages:
            assert {int(item.id) for item in page.items if item.pinned} == {wanted}
        alone = await tweet_screen(town.read, town.ids["ben"], wanted)
        assert msgspec.json.decode(alone, type=TweetView).pinned
    await town.settle()
    assert {int(item.id) for item in (await town.home("ben")).items if item.pinned} == {first}
    thread = await thread_screen(town.read, None, reply, Range(15))
    assert msgspec.json.decode(thread)["ancestors"][0]["pinned"] is True


async def test_pinning_twice_and_unpinning_twice_are_quiet(town: World) -> None:
    tweet_id, other = await town.post("ada"), await town.post("ada")
    await town.settle()
    assert (await pins.pin(town.write, town.ids["ada"], tweet_id)).changed_ids == (tweet_id,)
    assert (await pins.pin(town.write, town.ids["ada"], tweet_id)).changed_ids == ()
    assert (await pins.unpin(town.write, town.ids["ada"], other)).changed_ids == (), "another's pin is left alone"
    assert await pinned_ids(town) == [tweet_id]
    assert await outbox.count(town.db) == 1
    assert set((await pins.pin(town.write, town.ids["ada"], other)).changed_ids) == {tweet_id, other}
    assert (await pins.unpin(town.write, town.ids["ada"], other)).changed_ids == (other,)
    assert (await pins.unpin(town.write, town.ids["ada"], other)).changed_ids == ()
    assert await pinned_ids(town) == []
    await town.settle()
    assert not any(item.pinned for item in (await user_page(town, "ben", "ada")).items)


async def test_only_ones_own_tweets_can_be_pinned(town: World) -> None:
    of_ada, of_ben = await town.post("ada"), await town.post("ben")
    own_again, others_again = await town.retweet("ada", of_ada), await town.retweet("ada", of_ben)
    gone = await town.post("ada")
    await town.delete("ada", gone)
    for tweet_id in (of_ben, others_again, gone, TweetId(1)):
        for verb in (town.pin, town.unpin):
            with pytest.raises(TweetNotFound):
                await verb("ada", tweet_id)
    await town.pin("ada", own_again)
    assert await pinned_ids(town) == [of_ada], "a retweet stands for what is in it"


async def test_everybody_has_a_pin_of_their_own(town: World) -> None:
    of_ada, of_ben = await town.post("ada"), await town.post("ben")
    await town.pin("ada", of_ada)
    await town.pin("ben", of_ben)
    assert await pinned_ids(town) == [of_ada, of_ben]


async def test_a_pin_goes_with_its_tweet(town: World) -> None:
    pinned, kept = await town.post("ada"), await town.post("ada")
    await town.pin("ada", pinned)
    await town.delete("ada", pinned)
    town.forget()
    for _ in range(2):
        assert [int(item.id) for item in (await user_page(town, "ben", "ada")).items] == [kept]
        await town.settle()
    await town.pin("ada", kept)
    assert await pinned_ids(town) == [kept]


async def test_two_pins_at_once_in_every_order_of_their_steps_end_with_one(town: World, beside: World) -> None:
    first, second, third = [await town.post("ada") for _ in range(3)]
    await town.settle()
    ada = town.ids["ada"]

    async def unpin_and_delete() -> None:
        await beside.unpin("ada", first)
        await beside.pin("ada", third)
        await beside.delete("ada", await beside.post("ada"))

    for before in (None, first, third):
        for other in (lambda: beside.pin("ada", third), lambda: beside.unpin("ada", first), unpin_and_delete):
            steps = 0
            while True:
                for tweet_id in (first, second, third):
                    await town.unpin("ada", tweet_id)
                if before is not None:
                    await town.pin("ada", before)
                one = await town.loom.start("one", town.pin("ada", second))
                await town.loom.run(one, steps=steps)
                is_over = one.done
                two = await town.loom.start("two", other())
                await town.loom.run(two)
                await town.loom.finish()
                for strand in town.loom.collect():
                    strand.task.result()
                await town.deliver(lane_of(ada))
                assert len(await pinned_ids(town)) == 1
                for process in (town, beside):
                    process.forget()
                    items = (await user_page(process, "ben", "ada")).items
                    assert [int(item.id) for item in items if item.pinned] == await pinned_ids(town)
                    assert items[0].pinned
                if is_over:
                    break
                steps += 1
            assert steps > 3


async def test_eight_pins_at_once_end_with_one(town: World, beside: World) -> None:
    tweet_ids = [await town.post("ada") for _ in range(4)]
    await asyncio.gather(
        *(process.pin("ada", tweet_id) for process in (town, beside) for tweet_id in tweet_ids),
        town.worker.drain(),
    )
    [pinned] = await pinned_ids(town)
    await town.settle()
    items = (await user_page(town, "ben", "ada")).items
    assert [int(item.id) for item in items if item.pinned] == [pinned]


async def test_a_process_that_dies_at_any_step_of_a_pin_leaves_no_old_state_in_a_cache(
    town: World, beside: World
) -> None:
    first, second = await town.post("ada"), await town.post("ada")
    await town.settle()
    steps = 0
    while True:
        await beside.pin("ada", first)
        await beside.settle()
        await beside.home("ben")
        request = await town.loom.start("request", town.pin("ada", second))
        await town.loom.run(request, steps=steps)
        if request.done:
            break
        await town.loom.kill(request)
        await town.loom.close()
        await beside.settle()
        for process in (town, beside):
            process.forget()
            shown = {int(item.id) for item in (await process.home("ben")).items if item.pinned}
            assert shown == set(await pinned_ids(town))
        steps += 1
    await town.loom.close()
    assert steps > 4


async def test_a_valkey_that_comes_back_with_old_values_learns_of_the_pin_from_the_event(town: World) -> None:
    tweet_id = await town.post("ada")
    await town.settle()
    await town.home("ben")
    request = await town.loom.start("request", town.pin("ada", tweet_id))
    assert await town.loom.run_until(request, "EVALSHA")
    await town.loom.fail(request, Unavailable("Valkey: away"))
    while await town.loom.fail(request, Unavailable("Valkey: away")) or await town.loom.step(request):
        pass
    await town.loom.finish()
    [strand] = town.loom.collect()
    assert strand.task.exception() is None, "Valkey away keeps nobody from pinning"
    town.forget()
    assert not any(item.pinned for item in (await town.home("ben")).items), "this test lost its point"
    await town.settle()
    assert [int(item.id) for item in (await town.home("ben")).items if item.pinned] == [tweet_id]
