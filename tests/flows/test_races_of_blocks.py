"""What happens when blocks and mutes meet follows, fan-outs, rebuilds and each other: in every order of their steps."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from linnet.domain.event import lane_of
from linnet.errors import Blocked, Unavailable
from linnet.ids import TweetId
from linnet.stores.postgres import outbox
from linnet.stores.postgres.queries import Query
from tests.flows._races import (
    THRESHOLD,
    Work,
    assert_home_is_of_this_moment,
    at_every_step,
    beside,
    delivery,
    hold_up_after_commit,
    town,
)
from tests.support import recounts
from tests.support.world import World

__all__ = ["beside", "town"]


async def count_of(town: World, table: str) -> int:
    return int(await town.db.value(Query("test.count", (), "value", f"select count(*) from {table}")))


def unless_blocked(work: Work) -> Work:
    """Being refused is one of two right answers."""

    async def try_it() -> None:
        try:
            await work()
        except Blocked:
            return

    return try_it


# Follows


@pytest.mark.parametrize("blocker", ["ada", "cleo"])
@pytest.mark.parametrize("follow_first", [True, False])
async def test_no_follow_slips_across_a_block(town: World, beside: World, blocker: str, *, follow_first: bool) -> None:
    blocked = "cleo" if blocker == "ada" else "ada"

    async def arrange() -> None:
        await town.unblock(blocker, blocked)
        await town.unfollow("cleo", "ada")
        await town.settle()

    async def check() -> None:
        # A follow across a block, or a counter that is not what is there, is found by the recounts.
        assert await count_of(town, "blocks") == await count_of(town, "blocked_by") == 1
        with pytest.raises(Blocked):
            await town.follow("cleo", "ada")
        with pytest.raises(Blocked):
            await town.follow("ada", "cleo")

    follow, block = unless_blocked(lambda: town.follow("cleo", "ada")), lambda: beside.block(blocker, blocked)
    one, other = (follow, block) if follow_first else (block, follow)
    await at_every_step(town, one, other, arrange=arrange, check=check)


async def test_two_who_block_each_other_at_once_do_not_wait_for_each_other(town: World, beside: World) -> None:
    async def arrange() -> None:
        await town.unblock("ada", "ben")
        await town.unblock("ben", "ada")
        await town.follow("ben", "ada")
        await town.follow("ada", "ben")
        await town.settle()

    async def check() -> None:
        assert await count_of(town, "blocks") == 2
        assert await count_of(town, "following") == 0

    await at_every_step(
        town, lambda: town.block("ada", "ben"), lambda: beside.block("ben", "ada"), arrange=arrange, check=check
    )
    await town.unblock("ada", "ben")
    with pytest.raises(Blocked):
        await town.follow("ada", "ben")
    await town.post("ben", "unseen")
    await town.settle()
    await town.assert_exact()
    await town.unblock("ben", "ada")
    await town.follow("ada", "ben")
    assert len(await town.home_ids("ada")) == 1


async def test_eight_equal_blocks_and_mutes_at_once_are_one_each(town: World, beside: World) -> None:
    for verb, table in (("block", "blocks"), ("mute", "mutes")):
        await asyncio.gather(*(getattr(process, verb)("ben", "ada") for process in (town, beside) for _ in range(4)))
        assert await count_of(town, table) == 1
        assert await outbox.count(town.db) == 1
        await town.settle()
        await recounts.assert_counts(town.db, top_user_followers=THRESHOLD)
        await asyncio.gather(
            *(getattr(process, f"un{verb}")("ben", "ada") for process in (town, beside) for _ in "1234")
        )
        assert await count_of(town, table) == 0
        assert await outbox.count(town.db) == 1
        await town.settle()
    assert await count_of(town, "blocked_by") == 0
    await town.assert_exact()


async def test_a_storm_of_all_that_two_can_do_to_each_other_ends_as_the_last_commit_says(
    town: World, beside: World
) -> None:
    await town.post("ada")
    await town.post("cleo")
    await town.settle()
    verbs = [
        unless_blocked(partial(verb, one, other))()
        for process in (town, beside)
        for one, other in (("ada", "cleo"), ("cleo", "ada"))
        for verb in (process.follow, process.block, process.unblock, process.mute, process.unmute) * 3
    ]
    await asyncio.gather(*verbs, town.worker.drain(), beside.worker.drain(), town.home("cleo"), beside.home("ada"))
    await town.settle()
    beside.forget()
    await recounts.assert_counts(town.db, top_user_followers=THRESHOLD)
    await town.assert_exact()
    await beside.assert_exact()


# Fan-outs and rebuilds


async def arrange_a_fan_out(town: World) -> None:
    await town.unblock("ben", "ada")
    await town.unmute("ben", "ada")
    await town.follow("ben", "ada")
    await town.settle()
    await town.home("ben")
    await town.post("ada", "on its way")


async def in_turn(*works: Callable[[], Awaitable[Any]]) -> None:
    for work in works:
        await work()


@pytest.mark.parametrize("verbs", [["block"], ["block", "unblock"], ["mute"], ["mute", "unmute"]], ids=" and ".join)
async def test_a_change_during_a_fan_out_shows_at_once_and_stays(town: World, verbs: list[str]) -> None:
    async def change() -> None:
        for verb in verbs:
            await getattr(town, verb)("ben", "ada")
        # Its event too comes to its end while the fan-out goes on.
        await town.deliver(lane_of(town.ids["ben"]))

    await at_every_step(
        town,
        delivery(town, "ada"),
        change,
        arrange=lambda: arrange_a_fan_out(town),
        between=lambda: assert_home_is_of_this_moment(town, "ben"),
    )


@pytest.mark.parametrize("verb", ["block", "mute", "unblock", "unmute"])
async def test_a_change_during_a_rebuild_is_in_it(town: World, beside: World, verb: str) -> None:
    original = await town.post("ada", "retweeted")
    await town.follow("ben", "cleo")
    await town.retweet("cleo", original)
    undo = {"block": town.unblock, "mute": town.unmute, "unblock": town.block, "unmute": town.mute}[verb]

    async def arrange() -> None:
        await undo("ben", "ada")
        await town.settle()
        await town.expire_window("ben")

    await at_every_step(
        town,
        lambda: town.home("ben"),
        lambda: getattr(beside, verb)("ben", "ada"),
        arrange=arrange,
        between=lambda: assert_home_is_of_this_moment(beside, "ben"),
    )


@pytest.mark.parametrize("verb", ["block", "unblock", "mute", "unmute"])
async def test_a_request_killed_at_any_step_leaves_all_or_nothing(town: World, verb: str) -> None:
    posted = await town.post("ada")
    await town.follow("ben", "cleo")
    await town.retweet("cleo", posted)
    undo = {"block": town.unblock, "mute": town.unmute, "unblock": town.block, "unmute": town.mute}[verb]
    steps, is_over = 0, False
    while not is_over:
        await undo("ben", "ada")
        await town.settle()
        await town.home("ben")
        request = await town.loom.start("request", getattr(town, verb)("ben", "ada"))
        await town.loom.run(request, steps=steps)
        is_over = request.done
        await town.loom.close()
        await town.settle()
        await recounts.assert_counts(town.db, top_user_followers=THRESHOLD)
        await town.assert_exact()
        steps += 1
    assert steps > 3


async def test_a_block_held_up_after_its_commit_undoes_nothing_that_came_later(town: World, beside: World) -> None:
    await hold_up_after_commit(
        town,
        beside,
        town.block("ben", "ada"),
        lambda: beside.unblock("ben", "ada"),
        lambda: beside.follow("ben", "ada"),
    )


async def test_valkey_lost_under_a_block_does_not_bring_anybody_back(town: World) -> None:
    await town.post("ada")
    await town.settle()
    request = await town.loom.start("request", town.block("ada", "ben"))
    assert await town.loom.run_until(request, "EVALSHA")
    assert await town.loom.fail(request, Unavailable("Valkey: gone"))
    await town.loom.finish()
    assert request.task.exception() is None, "it is committed: the person is not told that it failed"
    await town.settle()
    assert await town.home_ids("ben") == []
    await town.assert_exact()


# What is done to tweets


@pytest.mark.parametrize("verb", ["reply", "retweet"])
async def test_what_is_done_to_a_tweet_while_its_author_blocks_is_done_before_or_refused(
    town: World, beside: World, verb: str
) -> None:
    posted: list[TweetId] = []

    async def arrange() -> None:
        await town.unblock("ada", "ben")
        posted.append(await town.post("ada"))
        await town.settle()

    async def act() -> None:
        if verb == "reply":
            await town.post("ben", "an answer", reply_to=posted[-1])
        else:
            await town.retweet("ben", posted[-1])

    async def check() -> None:
        met = {item.author.username for item in (await town.home("ada", limit=100)).items}
        assert "ben" not in met

    await at_every_step(town, act, lambda: beside.block("ada", "ben"), arrange=arrange, check=check)
