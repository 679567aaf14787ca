"""Whoever comes back is shown the best of what the people they follow wrote meanwhile."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from linnet.clock import ManualClock
from linnet.ids import Lease, unix_ms_of
from linnet.read.timelines.popular import catch_up
from linnet.read.views.popular import CatchUpView, catch_up_json
from linnet.stores.postgres import profiles
from tests.flows._popularity import like
from tests.support.servers import Servers
from tests.support.world import World, open_world

START_MS = 1_800_000_000_000
HOUR_MS = 3_600_000


class Days:
    """A world whose time passes by the hour."""

    def __init__(self, world: World, clock: ManualClock) -> None:
        self.world = world
        self.clock = clock

    def pass_hours(self, hours: float) -> None:
        self.clock.advance(hours * 3600)
        self.world.write.ids.renew(Lease(0, 0, self.clock.now_ms() + 86_400_000))

    async def be_here(self, name: str) -> None:
        await profiles.note_activity(self.world.db, self.world.ids[name], self.clock.now_ms())

    async def catch_up(self, name: str, count: int = 10) -> tuple[int, list[int]]:
        since_ms, items = await catch_up(self.world.read, self.world.ids[name], count)
        view = msgspec.json.decode(catch_up_json(since_ms, items), type=CatchUpView, strict=True)
        assert view.since.endswith("Z")
        return since_ms, [int(item.id) for item in view.items]


@pytest.fixture
async def days(servers: Servers, database_url: str) -> AsyncIterator[Days]:
    clock = ManualClock(START_MS)
    async with open_world(database_url, servers.valkey_url, clock=clock) as world:
        await world.person("ada", "ben", "cleo", "dan")
        await world.follow("ada", "ben", "cleo")
        yield Days(world, clock)


async def test_only_what_came_since_the_last_visit_is_ranked(days: Days) -> None:
    world = days.world
    old = await world.post("ben")
    days.pass_hours(1)
    await days.be_here("ada")
    for name in ("ben", "cleo", "dan"):
        await like(world, name, old)
    days.pass_hours(5)
    plain, liked, other = await world.post("ben"), await world.post("cleo"), await world.post("dan")
    await like(world, "ben", liked)
    await like(world, "ben", other)
    await days.be_here("ada")
    await world.settle()
    assert await days.catch_up("ada") == (START_MS + HOUR_MS, [liked, plain])
    assert await days.catch_up("ada", 1) == (START_MS + HOUR_MS, [liked])
    # While she is here what she missed stays the same, and what comes now is news as well.
    days.pass_hours(0.3)
    await days.be_here("ada")
    newest = await world.post("ben")
    await world.settle()
    assert await days.catch_up("ada") == (START_MS + HOUR_MS, [liked, newest, plain])


async def test_whoever_comes_back_is_asked_before_their_visit_is_noted(days: Days) -> None:
    await days.be_here("ada")
    days.pass_hours(3)
    tweet_id = await days.world.post("ben")
    await days.world.settle()
    assert await days.catch_up("ada") == (START_MS, [tweet_id])


async def test_on_the_first_visit_it_is_what_came_since_one_signed_up(days: Days) -> None:
    days.pass_hours(1)
    before = await days.world.post("ben")
    days.pass_hours(1)
    await days.world.person("eve")
    await days.world.follow("eve", "ben")
    after = await days.world.post("ben")
    await days.world.settle()
    since_ms, tweet_ids = await days.catch_up("eve")
    assert since_ms == unix_ms_of(days.world.ids["eve"]) == START_MS + 2 * HOUR_MS
    assert tweet_ids == [after]
    assert before not in tweet_ids


async def test_it_goes_back_a_week_at_most(days: Days) -> None:
    await days.be_here("ada")
    days.pass_hours(1)
    await days.world.post("ben")
    days.pass_hours(24 * 6)
    kept = await days.world.post("ben")
    days.pass_hours(24 * 2)
    await days.world.settle()
    assert await days.catch_up("ada") == (days.clock.now_ms() - 7 * 24 * HOUR_MS, [kept])


async def test_it_shows_what_home_shows_of_others_without_retweets(days: Days) -> None:
    world = days.world
    of_dan = await world.post("dan")
    await world.retweet("ben", of_dan)
    await world.post("ben", reply_to=of_dan)
    await world.post("ada")
    of_cleo = await world.post("cleo")
    answer = await world.post("ben", reply_to=of_cleo)
    await world.settle()
    assert (await days.catch_up("ada"))[1] == [answer, of_cleo]
    await world.mute("ada", "cleo")
    await world.settle()
    assert (await days.catch_up("ada"))[1] == []
    await world.unmute("ada", "cleo")
    await world.block("ben", "ada")
    await world.settle()
    assert (await days.catch_up("ada"))[1] == [of_cleo]
    await world.delete("cleo", of_cleo)
    world.forget()
    assert (await days.catch_up("ada"))[1] == []


async def test_its_cost_does_not_grow_with_what_lies_before(days: Days) -> None:
    world = days.world
    for _ in range(30):
        await world.post("ben")
    await world.settle()
    days.pass_hours(10)
    await days.be_here("ada")
    days.pass_hours(10)
    await world.post("ben")
    await days.be_here("ada")
    await world.settle()
    # Activity, whom one follows (three, in a snapshot), the stretches of the ranking, hidden people, filters, and
    # hydration.
    with world.budget(sql=13, valkey=6):
        assert len((await days.catch_up("ada"))[1]) == 1
