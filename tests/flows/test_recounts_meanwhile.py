"""Counting again while people act and events are applied: it mends nothing that is right, and misses nothing."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from linnet.domain.event import lane_of
from linnet.ids import UserId
from linnet.stores.postgres import recounts
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import Query
from linnet.write.actions import likes
from linnet.write.actions.recounted import Difference
from linnet.write.actions.recounts import Recounted, RecountOptions, recount
from linnet.write.erasing.rows import erase_rows
from linnet.write.jobs.job import NotYet
from tests.flows._recounts import recounted, said, spoil, town
from tests.support.recounts import assert_counts
from tests.support.world import World

_WAITING = Query("test.waiting", (), "value", "select count(*) from outbox")
_STANDING = Query(
    "test.standing",
    (),
    "value",
    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
)


async def test_while_a_counter_is_mended_no_event_is_applied_to_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town(world)
    await spoil(world, "update users set followers_count = 9 where username = 'ada'")
    lock_users, fetch_held_back = recounts.lock_users, recounts.fetch_held_back
    delivering: list[asyncio.Task[Any]] = []

    async def follow_before_the_lock(*args: Any) -> None:
        if not delivering:
            await world.follow("edsger", "ada")
        await lock_users(*args)

    async def deliver_before_the_look(db: Reader, user_ids: Collection[UserId]) -> set[UserId]:
        if not delivering and isinstance(db, Session) and await world.db.value(_WAITING):
            delivering.append(asyncio.create_task(world.deliver(lane_of(world.ids["edsger"]))))
            # Until it is done, which it must not be, or stands before the lock.
            while not delivering[0].done() and not await world.db.value(_STANDING):
                pass
        return await fetch_held_back(db, user_ids)

    monkeypatch.setattr("linnet.stores.postgres.recounts.lock_users", follow_before_the_lock)
    monkeypatch.setattr("linnet.stores.postgres.recounts.fetch_held_back", deliver_before_the_look)
    found = await recounted(world, repair=True)
    assert len(delivering) == 1
    assert (found.differing, found.repaired) == (1, 0), "its event is still to come"
    await delivering[0]
    await world.settle()
    assert await said(world) == {("followers", f"user {world.ids['ada']}", 10, 3)}, "what was wrong is wrong by as much"


async def test_an_event_that_comes_in_between_only_puts_a_repair_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town(world)
    await spoil(world, "update users set followers_count = 9 where username = 'ada'")
    lock_users = recounts.lock_users
    late = 0

    async def post_before_the_lock(*args: Any) -> None:
        nonlocal late
        if late:
            late -= 1
            await world.post("ada", "just now")
        await lock_users(*args)

    monkeypatch.setattr("linnet.stores.postgres.recounts.lock_users", post_before_the_lock)
    late = 1
    found = await recounted(world, repair=True)
    assert (found.differing, found.repaired, found.held_back) == (1, 0, 0), "it is known to be wrong, and still is"
    assert [(each.stored, each.counted, each.repaired) for each in found.differences] == [(9, 2, False)]

    await world.settle()
    late, done = 3, asyncio.Event()

    async def look() -> Recounted:
        options = RecountOptions(page_size=3, looks=1_000_000, pause_seconds=0.0)
        found = await recount(world.write, repair=True, options=options)
        done.set()
        return found

    async def deliver() -> None:
        while not done.is_set():
            await world.deliver(lane_of(world.ids["ada"]))

    found, _ = await asyncio.gather(look(), deliver())
    assert (late, found.differing, found.repaired, found.held_back) == (0, 1, 1, 0)
    await world.settle()
    await assert_counts(world.db, top_user_followers=5000)


@pytest.mark.parametrize("seed", range(2))
async def test_repairs_in_the_middle_of_everything_spoil_nothing(world: World, seed: int) -> None:
    """People act, events are applied, and everything is counted and mended again and again, all at once."""
    tweet_id, reply_id = await town(world)
    names = ("ada", "linus", "grace", "edsger")
    done = asyncio.Event()

    async def act(name: str, other: str) -> None:
        for round_number in range(8):
            await likes.like(world.write, world.ids[name], tweet_id)
            await world.follow(name, other)
            posted = await world.post(
                name, f"#bird {round_number}", reply_to=tweet_id if round_number % 2 else reply_id
            )
            await likes.unlike(world.write, world.ids[name], tweet_id)
            await world.unfollow(name, other)
            if (round_number + seed) % 3:
                await world.delete(name, posted)

    async def mend() -> list[Difference]:
        found: list[Difference] = []
        while not done.is_set():
            found += (await recounted(world, repair=True)).differences
        return found

    async def deliver() -> None:
        while not done.is_set():
            for lane in range(64):
                await world.deliver(lane)

    async def play() -> None:
        await asyncio.gather(
            *(act(name, names[(at + 1 + seed) % 4]) for at, name in enumerate(names) if (seed + 1) % 4)
        )
        done.set()

    found, _, _ = await asyncio.gather(mend(), deliver(), play())
    assert found == [], "nothing was wrong at any moment"
    await world.settle()
    assert await said(world) == set()
    await assert_counts(world.db, top_user_followers=5000)


async def test_who_is_leaving_is_no_difference(world: World) -> None:
    """An account goes page by page: its notes before its tweets, and counters of others after it by events."""
    await town(world)
    ada, done = world.ids["ada"], asyncio.Event()
    await world.like("ada", await world.post("linus", "mine"))
    await world.settle()
    await spoil(world, "update users set deleted_ms = 1 where id = %(id)s", id=ada)

    async def leave() -> None:
        while not done.is_set():
            try:
                await erase_rows(world.write, ada, left_ms=0)
                done.set()
            except NotYet:
                for lane in range(64):
                    await world.deliver(lane)

    async def mend() -> list[Difference]:
        found: list[Difference] = []
        while not done.is_set():
            found += (await recounted(world, repair=True)).differences
        return found

    found, _ = await asyncio.gather(mend(), leave())
    assert found == []
    await world.settle()
    assert await said(world) == set()
