"""Beside a home timeline stand the newest of top users whom its reader does not follow, at no round trip more."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from linnet.clock import ManualClock
from linnet.domain.timeline import Range
from linnet.read.timelines.home import home_page
from linnet.read.timelines.topusers import top_users_glance
from linnet.read.views.tweets import TweetView
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world


@pytest.fixture
async def world(servers: Servers, database_url: str) -> AsyncIterator[World]:
    """Ben and Cleo are top users; Ada follows nobody."""
    options = WorldOptions(top_user_followers=1)
    clock = ManualClock(1_800_000_000_000)
    async with open_world(database_url, servers.valkey_url, options=options, clock=clock) as world:
        await world.person("ada", "ben", "cleo", "dan", "eve")
        for name in ("dan", "eve"):
            await world.follow(name, "ben", "cleo")
        await world.settle()
        yield world


async def beside(world: World, name: str, wanted: Range | None = None, *, count: int = 3) -> list[int]:
    page = await home_page(world.read, world.ids[name], wanted or Range(15), popular=3, of_top_users=count)
    return ids_of(page.beside[1]) if page.beside else []


async def glance(world: World, name: str | None, *, count: int = 3) -> list[int]:
    return ids_of(await top_users_glance(world.read, None if name is None else world.ids[name], count))


def ids_of(items: object) -> list[int]:
    assert isinstance(items, list)
    return [int(msgspec.json.decode(item, type=TweetView).id) for item in items]


async def test_one_tweet_of_each_whom_one_does_not_follow_the_newest_first(world: World) -> None:
    of_ben, old, of_cleo = await world.post("ben"), await world.post("cleo"), await world.post("cleo")
    of_dan = await world.post("dan")
    await world.post("ben", reply_to=of_cleo)
    await world.retweet("ben", of_dan)
    await world.settle()
    assert await glance(world, None) == await glance(world, "ada") == [of_cleo, of_ben]
    assert await glance(world, "ada", count=1) == [of_cleo]
    # What is popular stands there already, and is not said twice.
    page = await home_page(world.read, world.ids["ada"], Range(15), popular=1, of_top_users=3)
    liked, of_top = (ids_of(items) for items in page.beside)
    assert not set(liked) & set(of_top)
    await world.follow("ada", "cleo")
    await world.settle()
    assert old not in await beside(world, "ada")
    assert of_cleo not in await beside(world, "ada")
    assert of_cleo in await glance(world, "ada")
    assert await beside(world, "ada", Range(15, before=of_cleo)) == []


async def alone(world: World, name: str) -> list[int]:
    """Without popular tweets, which would take some of them."""
    page = await home_page(world.read, world.ids[name], Range(15), of_top_users=3)
    return ids_of(page.beside[1]) if page.beside else []


async def test_one_meets_nobody_whom_one_keeps_away_nor_what_is_gone(world: World) -> None:
    of_ben, older, newer = await world.post("ben"), await world.post("cleo"), await world.post("cleo")
    await world.settle()
    assert await alone(world, "ada") == [newer, of_ben]
    assert await alone(world, "cleo") == [of_ben]
    await world.mute("ada", "ben")
    assert await alone(world, "ada") == await glance(world, "ada") == [newer]
    await world.block("cleo", "dan")
    assert await alone(world, "dan") == []
    assert await glance(world, "dan") == [of_ben]
    # A deletion is seen before the list is read anew.
    await world.delete("cleo", newer)
    world.read.tweets.forget_all()
    assert await alone(world, "ada") == await glance(world, "ada") == []
    await world.settle()
    assert await alone(world, "ada") == [older]


async def test_nobody_waits_for_it(world: World) -> None:
    of_ben = await world.post("ben")
    await world.settle()
    assert await alone(world, "ada") == [of_ben]
    for count in (0, 3):
        with world.budget(sql=0, valkey=1):
            await home_page(world.read, world.ids["ada"], Range(15), of_top_users=count)


async def test_without_top_users_there_is_nothing(servers: Servers, database_url: str) -> None:
    async with open_world(database_url, servers.valkey_url) as world:
        await world.person("ada", "ben")
        await world.post("ben")
        await world.settle()
        assert await alone(world, "ada") == await glance(world, None) == []
