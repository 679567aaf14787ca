"""Beside the newest page of a home timeline stand a few popular tweets, at no cost in round trips."""

import msgspec

from linnet.clock import ManualClock
from linnet.domain.timeline import Range
from linnet.read.timelines.home import home_page
from linnet.read.views.popular import HomeView, home_json
from linnet.stores.postgres import outbox
from tests.flows._popularity import like
from tests.support.servers import Servers
from tests.support.world import World, open_world


async def read_home(world: World, name: str, wanted: Range | None = None, *, popular: int = 3) -> HomeView:
    page = await home_page(world.read, world.ids[name], wanted or Range(15), popular=popular)
    return msgspec.json.decode(home_json(page), type=HomeView, strict=True)


async def beside(world: World, name: str, *, popular: int = 3) -> list[int]:
    return [int(item.id) for item in (await read_home(world, name, popular=popular)).popular]


async def test_the_best_tweets_of_others_stand_beside_the_newest_page(world: World) -> None:
    await world.person("ada", "ben", "cleo", "dan")
    await world.follow("ada", "ben")
    on_page, own = await world.post("ben"), await world.post("ada")
    good, better, best, plain = [await world.post("cleo") for _ in range(4)]
    for tweet_id, readers in ((best, 3), (better, 2), (good, 1), (on_page, 3), (own, 3)):
        for name in ("ben", "cleo", "dan")[:readers]:
            await like(world, name, tweet_id)
    await world.settle()
    assert await beside(world, "ada") == [best, better, good]
    assert await beside(world, "ada", popular=2) == [best, better]
    assert await beside(world, "ada", popular=10) == [best, better, good, plain]
    home = await read_home(world, "ada")
    assert [int(item.id) for item in home.items] == [own, on_page]
    assert home.popular[0].viewer is not None


async def test_further_pages_have_none(world: World) -> None:
    await world.person("ada", "ben")
    own, other = await world.post("ada"), await world.post("ben")
    await world.settle()
    for wanted in (Range(15, before=other + 1), Range(15, after=own)):
        assert (await read_home(world, "ada", wanted)).popular == []
    assert (await read_home(world, "ada", popular=0)).popular == []


async def test_what_the_page_retweets_is_not_repeated(world: World) -> None:
    await world.person("ada", "ben", "cleo")
    await world.follow("ada", "ben")
    original, another = await world.post("cleo"), await world.post("cleo")
    await world.retweet("ben", original)
    await world.settle()
    assert await beside(world, "ada") == [another]


async def test_whom_one_keeps_away_is_not_there_from_the_first_read_on(world: World) -> None:
    await world.person("ada", "ben", "cleo", "dan")
    of_ben, of_cleo = await world.post("ben"), await world.post("cleo")
    answer = await world.post("dan", reply_to=of_ben)
    await world.settle()
    assert await beside(world, "ada") == [answer, of_cleo, of_ben]
    await world.mute("ada", "ben")
    assert await beside(world, "ada") == [of_cleo]
    assert await beside(world, "ben") == [answer, of_cleo]
    await world.block("cleo", "ada")
    assert await beside(world, "ada") == []
    # The same without Valkey's help, from the truth.
    await world.flush()
    assert await beside(world, "ada") == []
    await world.unmute("ada", "ben")
    assert await beside(world, "ada") == [answer, of_ben]


async def test_a_deleted_tweet_is_not_shown_although_the_list_has_it(world: World) -> None:
    await world.person("ada", "ben")
    kept, deleted = await world.post("ben"), await world.post("ben")
    await world.settle()
    assert await beside(world, "ada") == [deleted, kept]
    await world.delete("ben", deleted)
    world.read.tweets.forget_all()
    assert await beside(world, "ada") == [kept]


async def test_a_warm_page_needs_no_more_round_trips_with_them(servers: Servers, database_url: str) -> None:
    clock = ManualClock(1_800_000_000_000)
    async with open_world(database_url, servers.valkey_url, clock=clock) as world:
        await world.person("ada", "ben", "cleo")
        await world.follow("ada", "ben")
        for name in ("ben", "cleo"):
            for _ in range(5):
                await world.post(name)
        await world.settle()
        await beside(world, "ada", popular=10)
        for popular in (0, 3, 10):
            with world.budget(sql=0, valkey=1):
                assert len(await beside(world, "ada", popular=popular)) == min(popular, 5)
        # A second later the list is read anew, and nobody waits for it.
        newest = await world.post("cleo")
        await world.settle()
        await beside(world, "ada")
        clock.advance(1.5)
        await like(world, "ben", newest)
        while lanes := await outbox.fetch_busy_lanes(world.db):
            await world.deliver(lanes[0])
        await beside(world, "ada")
        await world.read.ranking.settle()
        assert (await beside(world, "ada"))[0] == newest
