"""Two things at once, in every order of their steps.

One piece of work stops before a step of its own, another runs whole, the first goes on; then the same before the next
step, until it has none left. After each such history every reader's timeline is what it is by definition, and every
counter what can be counted.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest

from linnet.domain.event import lane_of
from linnet.errors import NotFound
from linnet.stores.valkey.windows import WindowOptions
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.support import recounts
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_process_beside, open_world

THRESHOLD = 2
Work = Callable[[], Coroutine[Any, Any, Any]]


async def nothing() -> None:
    """No preparation."""


async def hold_up_after_commit(town: World, beside: World, request: Coroutine[Any, Any, Any], *later: Work) -> None:
    """Ben's request is held up between its commit and the drop of his window, and what he does later is done by then.

    In the end he reads Ada's one tweet, since the last thing he does is to follow her.
    """
    await town.post("ada")
    await town.settle()
    held_up = await town.loom.start("held up", request)
    assert await town.loom.run_until(held_up, "EVALSHA")
    for work in later:
        await work()
    await beside.settle()
    assert len(await beside.home_ids("ben")) == 1
    await town.loom.finish()
    await town.assert_exact()
    assert len(await town.home_ids("ben")) == 1, "the late word of what is over counts no more"


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
