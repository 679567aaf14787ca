"""What happens when two things happen at once, in every order of their steps.

One piece of work stops before a step of its own, another runs whole, the first goes on; then the same before the next
step, until it has none left. After each such history every reader's timeline is what it is by definition, and every
counter what can be counted.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest

from linnet.domain.event import lane_of
from linnet.domain.timeline import unpack_entry
from linnet.errors import NotFound, Unavailable
from linnet.ids import TweetId
from linnet.stores.postgres import outbox, topusers
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.windows import WindowOptions
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.support import recounts
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_process_beside, open_world

THRESHOLD = 2
Work = Callable[[], Coroutine[Any, Any, Any]]


@pytest.fixture
async def town(database_url: str, servers: Servers) -> AsyncIterator[World]:
    """Ada, Ben and Cleo, who have windows. Ben follows Ada. With three followers one is a top user."""
    options = WorldOptions(top_user_followers=THRESHOLD, window=WindowOptions(max_entries=6, slack=2))
    async with open_world(database_url, servers.valkey_url, options=options) as world:
        await sign_up_in_lanes_of_their_own(world, "ada", "ben", "cleo")
        await world.follow("ben", "ada")
        await world.settle()
        await world.assert_exact()
        yield world


@pytest.fixture
async def beside(town: World, servers: Servers) -> AsyncIterator[World]:
    """Another process of the same installation."""
    async with open_process_beside(town, servers.valkey_url) as world:
        yield world


async def nothing() -> None:
    """No preparation."""


async def at_every_step(
    town: World,
    one: Work,
    other: Work,
    *,
    arrange: Callable[[], Awaitable[Any]] = nothing,
    between: Callable[[], Awaitable[Any]] = nothing,
    check: Callable[[], Awaitable[Any]] = nothing,
) -> int:
    """Runs ``other`` before each step of ``one``; returns how many steps there were.

    ``between`` is looked at when the other is done and the one is not. What is not there (any more) may be refused.
    """
    steps = 0
    while True:
        await arrange()
        first = await town.loom.start("one", one())
        await town.loom.run(first, steps=steps)
        is_over = first.done
        second = await town.loom.start("other", other())
        await town.loom.run(second)
        if second.done:
            await between()
        await town.loom.finish()
        for strand in town.loom.collect():
            if not isinstance(strand.task.exception(), NotFound):
                strand.task.result()
        await town.settle()
        await check()
        await town.assert_exact(limit=20)
        for name in town.ids:
            await recounts.assert_window(town, name)
        await recounts.assert_counts(town.db, top_user_followers=THRESHOLD)
        if is_over:
            return steps
        steps += 1


def delivery(town: World, name: str) -> Work:
    """What a worker does with a person's events."""
    return lambda: town.deliver(lane_of(town.ids[name]))


async def assert_home_is_of_this_moment(town: World, name: str) -> None:
    assert await town.home_ids(name) == [entry.id for entry in await town.oracle(name)]


# Fan-out


async def test_a_follow_during_a_fan_out_misses_nothing(town: World) -> None:
    async def arrange() -> None:
        await town.unfollow("cleo", "ada")
        await town.settle()
        await town.home("cleo")
        await town.post("ada")

    steps = await at_every_step(
        town,
        delivery(town, "ada"),
        lambda: town.follow("cleo", "ada"),
        arrange=arrange,
        between=lambda: assert_home_is_of_this_moment(town, "cleo"),
    )
    assert steps > 5


async def test_an_unfollow_during_a_fan_out_shows_nothing_more_of_them(town: World) -> None:
    landed: list[bool] = []

    async def arrange() -> None:
        await town.follow("ben", "ada")
        await town.settle()
        await town.home("ben")
        await town.post("ada", "read by nobody who left")

    async def check() -> None:
        assert await town.home_ids("ben") == []
        window = [element for element in await town.window_elements("ben") if len(element) >= 16]
        landed.append(any(unpack_entry(element).author_id == town.ids["ada"] for element in window))

    await at_every_step(
        town,
        delivery(town, "ada"),
        lambda: town.unfollow("ben", "ada"),
        arrange=arrange,
        between=lambda: assert_home_is_of_this_moment(town, "ben"),
        check=check,
    )
    assert any(landed), "no push came late: this test lost its point"
    await town.follow("ben", "ada")
    await assert_home_is_of_this_moment(town, "ben")
    assert len(await town.home_ids("ben")) > 3, "whoever follows again sees it all"


async def test_an_unfollow_during_the_fan_out_of_a_reply_hides_replies_to_them(town: World) -> None:
    first = await town.post("ada")

    async def arrange() -> None:
        await town.follow("ben", "ada", "cleo")
        await town.settle()
        await town.home("ben")
        await town.post("cleo", "an answer", reply_to=first)

    await at_every_step(
        town,
        delivery(town, "cleo"),
        lambda: town.unfollow("ben", "ada"),
        arrange=arrange,
        between=lambda: assert_home_is_of_this_moment(town, "ben"),
    )


async def test_a_rebuild_during_a_fan_out_loses_nothing(town: World) -> None:
    async def arrange() -> None:
        await town.expire_window("ben")
        await town.post("ada")

    await at_every_step(town, delivery(town, "ada"), lambda: town.home("ben"), arrange=arrange)


async def test_a_post_and_its_fan_out_during_a_rebuild_lose_nothing(town: World) -> None:
    async def post_and_deliver() -> None:
        await town.post("ada")
        await town.deliver(lane_of(town.ids["ada"]))

    steps = await at_every_step(
        town, lambda: town.home("ben"), post_and_deliver, arrange=lambda: town.expire_window("ben")
    )
    assert steps > 5


async def test_more_posts_than_a_window_holds_during_a_rebuild_lose_nothing(town: World) -> None:
    await town.follow("ben", "cleo")
    await town.settle()

    async def arrange() -> None:
        # Ada's lane lags: what she posted is older than what Cleo's lane has delivered already.
        for _ in range(town.options.window.max_entries + 3):
            await town.post("ada")
        await town.post("cleo")
        await town.deliver(lane_of(town.ids["cleo"]))
        await town.expire_window("ben")

    await at_every_step(town, lambda: town.home("ben"), delivery(town, "ada"), arrange=arrange)


async def test_a_delete_before_or_during_delivery_wins(town: World) -> None:
    posted: list[TweetId] = []

    async def arrange() -> None:
        posted.append(await town.post("ada"))

    async def check() -> None:
        assert await town.home_ids("ben") == []

    await at_every_step(
        town, delivery(town, "ada"), lambda: town.delete("ada", posted[-1]), arrange=arrange, check=check
    )


async def test_a_delete_during_a_read_is_shown_to_nobody_later(town: World) -> None:
    posted: list[TweetId] = []

    async def arrange() -> None:
        posted.append(await town.post("ada"))
        await town.settle()

    async def check() -> None:
        assert await town.home_ids("ben") == [], "a slow reader did not bring it back into a cache"

    async def read_anew() -> None:
        await town.write.valkey.call(b"UNLINK", town.write.keys.tweet(posted[-1]))
        town.forget()
        await town.home("ben")

    await at_every_step(town, read_anew, lambda: town.delete("ada", posted[-1]), arrange=arrange, check=check)


# Rebuilds


async def test_two_rebuilds_at_once_in_one_process_are_one(town: World) -> None:
    await town.post("ada")
    await town.expire_window("ben")
    snapshots: list[int] = []
    read_snapshot = town.read.rebuilder.read_snapshot

    async def counting(reader_id: Any) -> Any:
        snapshots.append(reader_id)
        return await read_snapshot(reader_id)

    town.read.rebuilder.read_snapshot = counting  # type: ignore[method-assign]
    pages = await asyncio.gather(*(town.home("ben") for _ in range(5)))
    assert snapshots == [town.ids["ben"]]
    assert all(page == pages[0] for page in pages)
    await town.settle()
    await town.assert_exact()


async def test_two_rebuilds_at_once_in_two_processes_do_not_disturb_each_other(town: World, beside: World) -> None:
    async def arrange() -> None:
        await town.expire_window("ben")
        await town.post("ada")

    await at_every_step(
        town,
        lambda: town.home("ben"),
        lambda: beside.home("ben"),
        arrange=arrange,
        between=lambda: assert_home_is_of_this_moment(beside, "ben"),
    )


async def test_a_builder_that_dies_at_any_step_costs_its_reader_only_speed(town: World, beside: World) -> None:
    steps = 0
    while True:
        await town.expire_window("ben")
        builder = await town.loom.start("builder", town.home("ben"))
        await town.loom.run(builder, steps=steps)
        if builder.done:
            break
        await town.loom.kill(builder)
        await town.loom.close()
        await town.post("ada")
        await beside.settle()
        town.forget()
        await beside.assert_exact()
        await town.assert_exact()
        steps += 1
    await town.loom.close()
    assert steps > 3


async def test_a_follow_during_a_rebuild_is_in_it(town: World, beside: World) -> None:
    await town.post("cleo")
    await town.settle()

    async def arrange() -> None:
        await town.unfollow("ben", "cleo")
        await town.settle()
        await town.expire_window("ben")

    await at_every_step(
        town,
        lambda: town.home("ben"),
        lambda: town.follow("ben", "cleo"),
        arrange=arrange,
        between=lambda: assert_home_is_of_this_moment(beside, "ben"),
    )


# Follows


async def count_of(town: World, table: str) -> int:
    return int(await town.db.value(Query("test.count", (), "value", f"select count(*) from {table}")))


async def test_eight_equal_follows_at_once_are_one(town: World, beside: World) -> None:
    follows_before = await count_of(town, "following")
    await asyncio.gather(*(process.follow("cleo", "ada") for process in (town, beside) for _ in range(4)))
    assert await count_of(town, "following") == await count_of(town, "followers") == follows_before + 1
    assert await outbox.count(town.db) == 1
    await town.settle()
    assert (await town.profile("ada")).followers_count == 2
    assert (await town.profile("cleo")).following_count == 1
    await asyncio.gather(*(process.unfollow("cleo", "ada") for process in (town, beside) for _ in range(4)))
    assert await outbox.count(town.db) == 1
    await town.settle()
    assert (await town.profile("ada")).followers_count == 1
    await recounts.assert_counts(town.db, top_user_followers=THRESHOLD)
    await town.assert_exact()


async def test_a_follow_and_an_unfollow_at_once_end_as_the_last_commit_says(town: World, beside: World) -> None:
    await town.post("ada")
    await town.settle()

    async def arrange_unfollowed() -> None:
        await town.unfollow("cleo", "ada")
        await town.settle()
        await town.home("cleo")

    await at_every_step(
        town, lambda: town.follow("cleo", "ada"), lambda: beside.unfollow("cleo", "ada"), arrange=arrange_unfollowed
    )

    async def arrange_followed() -> None:
        await town.follow("cleo", "ada")
        await town.settle()
        await town.home("cleo")

    await at_every_step(
        town, lambda: town.unfollow("cleo", "ada"), lambda: beside.follow("cleo", "ada"), arrange=arrange_followed
    )


async def test_a_storm_of_follows_and_unfollows_from_two_processes_ends_as_the_last_commit_says(
    town: World, beside: World
) -> None:
    await town.post("ada")
    await town.settle()
    for last in ("follow", "unfollow"):
        verbs = [verb("cleo", "ada") for process in (town, beside) for verb in (process.follow, process.unfollow) * 6]
        # Deadlocks would show as errors here; meanwhile two workers apply what comes.
        await asyncio.gather(*verbs, town.worker.drain(), beside.worker.drain(), town.home("cleo"))
        await getattr(beside, last)("cleo", "ada")
        expected = [entry.id for entry in await town.oracle("cleo")]
        assert bool(expected) == (last == "follow")
        assert await town.home_ids("cleo") == await beside.home_ids("cleo") == expected, "at once, for whoever acts"
        await town.settle()
        beside.forget()
        await recounts.assert_counts(town.db, top_user_followers=THRESHOLD)
        await town.assert_exact()
        await beside.assert_exact()


async def test_a_request_held_up_after_its_commit_undoes_nothing_that_came_later(town: World, beside: World) -> None:
    await town.post("ada")
    await town.settle()
    held_up = await town.loom.start("held up", town.unfollow("ben", "ada"))
    assert await town.loom.run_until(held_up, "EVALSHA")
    await beside.follow("ben", "ada")
    await beside.settle()
    assert len(await beside.home_ids("ben")) == 1
    await town.loom.finish()
    await town.assert_exact()
    assert len(await town.home_ids("ben")) == 1, "ben follows: the late word of his earlier unfollow counts no more"


# What hangs on tweets


async def test_a_retweet_and_the_deletion_of_its_original_at_once_leave_nothing(town: World) -> None:
    await town.follow("cleo", "ben")
    posted: list[TweetId] = []

    async def arrange() -> None:
        posted.append(await town.post("ada"))
        await town.settle()

    async def check() -> None:
        assert await count_of(town, "tweets") == await count_of(town, "retweets") == 0

    async def retweet_and_deliver() -> None:
        await town.retweet("ben", posted[-1])
        await town.deliver(lane_of(town.ids["ben"]))

    async def delete_and_deliver() -> None:
        await town.delete("ada", posted[-1])
        await town.deliver(lane_of(town.ids["ada"]))

    await at_every_step(town, retweet_and_deliver, delete_and_deliver, arrange=arrange, check=check)
    await at_every_step(town, delete_and_deliver, retweet_and_deliver, arrange=arrange, check=check)


async def test_an_answer_and_the_deletion_of_its_parent_at_once_leave_no_note(town: World) -> None:
    posted: list[TweetId] = []

    async def arrange() -> None:
        posted.append(await town.post("ada"))
        await town.settle()

    async def check() -> None:
        assert await count_of(town, "replies") == 0

    async def answer_and_deliver() -> None:
        await town.post("ben", "an answer", reply_to=posted[-1])
        await town.deliver(lane_of(town.ids["ben"]))

    async def delete_and_deliver() -> None:
        await town.delete("ada", posted[-1])
        await town.deliver(lane_of(town.ids["ada"]))

    await at_every_step(town, answer_and_deliver, delete_and_deliver, arrange=arrange, check=check)
    await at_every_step(town, delete_and_deliver, answer_and_deliver, arrange=arrange, check=check)


async def test_a_retweet_and_its_undoing_at_once_count_what_is_there(town: World, beside: World) -> None:
    original = await town.post("ada")
    await town.settle()

    async def undo_and_again() -> None:
        await beside.undo_retweet("ben", original)
        await beside.retweet("ben", original)
        await beside.undo_retweet("ben", original)

    for other in (lambda: beside.undo_retweet("ben", original), undo_and_again):
        await at_every_step(
            town,
            lambda: town.retweet("ben", original),
            other,
            arrange=lambda: town.undo_retweet("ben", original),
        )
        await at_every_step(town, delivery(town, "ben"), other, arrange=lambda: town.retweet("ben", original))


# Top users


async def with_followers(town: World, name: str, count: int) -> None:
    """Lets exactly so many of the fans follow; coming from below or above, where it matters."""
    for number in reversed(range(4)):
        if (count <= THRESHOLD and number >= THRESHOLD - 1) or number >= count:
            await town.unfollow(f"fan{number}", name)
    await town.settle()
    for number in range(count):
        await town.follow(f"fan{number}", name)
    await town.settle()


@pytest.fixture
async def crowd(town: World) -> World:
    """Four fans, with windows; Ben follows nobody."""
    await town.unfollow("ben", "ada")
    await sign_up_in_lanes_of_their_own(town, *(f"fan{number}" for number in range(4)))
    await town.settle()
    return town


async def state_of(town: World, name: str) -> str:
    record = await topusers.find(town.db, town.ids[name])
    return "pushed" if record is None else "pulled" if record.since_id and not record.until_id else "between"


@pytest.mark.parametrize("goes", ["up", "down"])
@pytest.mark.parametrize("meanwhile", ["post", "read", "follow", "unfollow"])
async def test_a_crossing_loses_and_doubles_nothing_whatever_happens_meanwhile(
    crowd: World, beside: World, goes: str, meanwhile: str
) -> None:
    async def arrange() -> None:
        await with_followers(crowd, "ada", 3 if goes == "down" else 2)
        assert await state_of(crowd, "ada") == ("pulled" if goes == "down" else "pushed")
        await crowd.post("ada", "before")
        await crowd.settle()
        for number in range(4):
            await crowd.home(f"fan{number}")
        # The follow that makes the event; the crossing is its actor's own event, and comes next.
        if goes == "up":
            await crowd.follow("fan2", "ada")
        else:
            await crowd.unfollow("fan2", "ada")
            await crowd.unfollow("fan1", "ada")
        for number in range(4):
            await crowd.deliver(lane_of(crowd.ids[f"fan{number}"]))

    async def act() -> None:
        match meanwhile:
            case "post":
                await beside.post("ada", "meanwhile")
                await beside.home("fan0")
            case "read":
                await beside.expire_window("fan0")
                await beside.home("fan0")
            case "follow":
                await beside.follow("fan3", "ada")
                await beside.home("fan3")
            case "unfollow":
                await beside.unfollow("fan0", "ada")
                await beside.home("fan0")

    steps = await at_every_step(crowd, delivery(crowd, "ada"), act, arrange=arrange)
    assert steps > 8


async def test_a_reply_between_top_users_is_not_lost_while_one_of_them_crosses(crowd: World) -> None:
    await with_followers(crowd, "ben", 3)
    assert await state_of(crowd, "ben") == "pulled"
    answered: list[TweetId] = []

    for few, many in ((2, 3), (3, 1)):

        async def arrange(few: int = few, many: int = many) -> None:
            await with_followers(crowd, "ada", few)
            answered.append(await crowd.post("ada"))
            await crowd.settle()
            for number in range(4):
                await crowd.home(f"fan{number}")
            for number in range(min(few, many), max(few, many)):
                await (crowd.follow if many > few else crowd.unfollow)(f"fan{number}", "ada")
                await crowd.deliver(lane_of(crowd.ids[f"fan{number}"]))
            # Ben's answer is on its way, in another lane than Ada's crossing.
            await crowd.post("ben", "an answer", reply_to=answered[-1])

        await at_every_step(crowd, delivery(crowd, "ben"), delivery(crowd, "ada"), arrange=arrange)
        await at_every_step(crowd, delivery(crowd, "ada"), delivery(crowd, "ben"), arrange=arrange)


async def test_a_crossing_killed_at_any_step_is_finished_by_another_worker(crowd: World, beside: World) -> None:
    lane = lane_of(crowd.ids["ada"])
    for goes, before, after in (("up", 2, 3), ("down", 3, 1)):
        steps = 0
        while True:
            await with_followers(crowd, "ada", before)
            for number in range(4):
                await crowd.home(f"fan{number}")
            for number in range(min(before, after), max(before, after)):
                await (crowd.follow if goes == "up" else crowd.unfollow)(f"fan{number}", "ada")
                await crowd.deliver(lane_of(crowd.ids[f"fan{number}"]))
            worker = await crowd.loom.start("worker", crowd.deliver(lane))
            await crowd.loom.run(worker, steps=steps)
            if worker.done:
                break
            await crowd.loom.kill(worker)
            await crowd.loom.close()
            # Half way: posts of this very moment are in every timeline as soon as they are delivered.
            await beside.post("ada", "half way")
            await beside.settle()
            crowd.forget()
            assert await state_of(crowd, "ada") == ("pulled" if goes == "up" else "pushed")
            await crowd.assert_exact(limit=4)
            await recounts.assert_counts(crowd.db, top_user_followers=THRESHOLD)
            steps += 1
        await crowd.loom.close()
        await crowd.settle()
        assert steps > 8


async def test_valkey_lost_under_an_unfollow_does_not_bring_the_author_back(town: World) -> None:
    await town.post("ada")
    await town.settle()
    request = await town.loom.start("request", town.unfollow("ben", "ada"))
    assert await town.loom.run_until(request, "EVALSHA")
    assert await town.loom.fail(request, Unavailable("Valkey: gone"))
    await town.loom.finish()
    assert request.task.exception() is None, "it is committed: the person is not told that it failed"
    await town.settle()
    assert await town.home_ids("ben") == []
    await town.assert_exact()
