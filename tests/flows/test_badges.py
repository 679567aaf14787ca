"""The number beside the bell is what can be counted, whoever dies between two steps, and asks PostgreSQL only once."""

import random
from collections.abc import Awaitable, Callable

import pytest

from linnet.domain.event import lane_of
from linnet.errors import Unavailable
from linnet.ids import TweetId
from linnet.read.hiding import meets
from linnet.read.timelines.notifications import MAX_UNREAD, unread_screen
from linnet.stores.postgres import notifications
from linnet.write.actions.notifications import mark_read
from tests.flows._races import Work, at_every_step, beside, delivery, town
from tests.support.world import World

__all__ = ["beside", "town"]


async def badge(world: World, name: str) -> int:
    return (await unread_screen(world.read, world.ids[name])).unread_count


async def counted(world: World, name: str) -> int:
    """What the truth says at this moment."""
    unread = await notifications.count_new(world.db, world.ids[name], page_size=2000)
    return min(unread.count, MAX_UNREAD)


async def assert_badges(world: World) -> None:
    """Twice: what the first look keeps, the second finds."""
    for name in world.ids:
        expected = await counted(world, name)
        assert [await badge(world, name), await badge(world, name)] == [expected, expected], name


def reading(world: World, name: str) -> Work:
    """Somebody looks at a page."""

    async def read() -> None:
        await badge(world, name)

    return read


async def test_a_number_that_is_known_costs_no_statement(town: World) -> None:
    await town.like("ben", await town.post("ada"))
    await town.settle()
    assert await badge(town, "ada") == 2
    with town.budget(sql=0, valkey=1):
        assert await badge(town, "ada") == 2
    await mark_read(town.write, town.ids["ada"], up_to=None)
    await town.settle()
    assert await badge(town, "ada") == 0
    with town.budget(sql=0, valkey=1):
        assert await badge(town, "ada") == 0


async def test_whoever_reads_or_mutes_sees_it_at_once(town: World) -> None:
    await town.like("ben", await town.post("ada"))
    await town.settle()
    assert await badge(town, "ada") == 2
    await town.mute("ada", "ben")
    assert await badge(town, "ada") == 0
    await town.unmute("ada", "ben")
    assert await badge(town, "ada") == 2
    await mark_read(town.write, town.ids["ada"], up_to=None)
    assert await badge(town, "ada") == 0
    await town.settle()
    await assert_badges(town)


async def test_a_number_is_known_again_after_whatever_was_done(town: World) -> None:
    """What a request doubts, the worker must not leave in doubt: else each page would count anew for hours."""
    tweet_id = await town.post("ada")
    doings: list[Callable[[], Awaitable[object]]] = [
        lambda: town.like("ben", tweet_id),
        lambda: town.mute("ada", "ben"),
        lambda: town.unmute("ada", "ben"),
        lambda: mark_read(town.write, town.ids["ada"], up_to=None),
        lambda: town.block("ben", "ada"),
        lambda: town.unblock("ben", "ada"),
        lambda: town.block("ada", "ben"),
        lambda: town.unblock("ada", "ben"),
    ]
    for do in doings:
        await do()
        await town.settle()
        for name in ("ada", "ben"):
            await badge(town, name)
            with town.budget(sql=0, valkey=1):
                await badge(town, name)
    await assert_badges(town)


async def test_after_any_history_with_looks_and_losses_between_the_number_is_right(town: World) -> None:
    chance = random.Random(20)
    names = list(town.ids)
    tweets: list[tuple[str, TweetId]] = []
    for step in range(150):
        who, other = chance.sample(names, 2)
        whose, tweet_id = chance.choice(tweets) if tweets else ("", TweetId(0))
        match chance.randrange(13):
            case 0 | 1 if not await _apart(town, who, other):
                tweets.append((who, await town.post(who, f"hello @{other}")))
            case 2 | 3 if tweets and not await _apart(town, who, whose):
                await town.like(who, tweet_id)
            case 4 if tweets and not await _apart(town, who, whose):
                await town.unlike(who, tweet_id)
            case 5 if tweets:
                await town.delete(whose, tweet_id)
                tweets.remove((whose, tweet_id))
            case 6:
                await town.mute(who, other)
            case 7:
                await town.unmute(who, other)
            case 8:
                await town.block(who, other)
            case 9:
                await town.unblock(who, other)
            case 10:
                await mark_read(town.write, town.ids[who], up_to=None)
                assert await badge(town, who) == await counted(town, who)
            case 11:
                await town.flush()
            case _:
                await town.deliver(lane_of(town.ids[who]))
        await badge(town, chance.choice(names))
        if step % 15 == 14:
            await town.settle()
            await assert_badges(town)


async def _apart(world: World, who: str, other: str) -> bool:
    return who != other and not await meets(world.read, world.ids[who], world.ids[other], surface="tweet")


# In every order of their steps


@pytest.mark.parametrize("look_first", [True, False])
async def test_a_look_while_somebody_is_told_leaves_no_old_number(
    town: World, beside: World, *, look_first: bool
) -> None:
    tweet_id = await town.post("ada")
    await town.settle()

    async def arrange() -> None:
        await town.unlike("ben", tweet_id)
        await town.settle()
        await town.like("ben", tweet_id)

    look, tell = reading(beside, "ada"), delivery(town, "ben")
    one, other = (look, tell) if look_first else (tell, look)
    assert await at_every_step(town, one, other, arrange=arrange, check=lambda: assert_badges(town)) > 2


@pytest.mark.parametrize("look_first", [True, False])
async def test_a_look_while_one_reads_leaves_no_old_number(town: World, beside: World, *, look_first: bool) -> None:
    tweet_id = await town.post("ada")
    await town.settle()

    async def arrange() -> None:
        await town.unlike("ben", tweet_id)
        await town.settle()
        await town.like("ben", tweet_id)
        await town.settle()

    async def read() -> None:
        await mark_read(town.write, town.ids["ada"], up_to=None)

    look = reading(beside, "ada")
    one, other = (look, read) if look_first else (read, look)
    assert await at_every_step(town, one, other, arrange=arrange, check=lambda: assert_badges(town)) > 2


async def test_a_valkey_that_is_emptied_while_somebody_is_told_keeps_no_old_number(town: World, beside: World) -> None:
    tweet_id = await town.post("ada")
    await town.settle()

    async def arrange() -> None:
        await town.unlike("ben", tweet_id)
        await town.settle()
        await town.like("ben", tweet_id)

    async def lose() -> None:
        await beside.flush()
        await badge(beside, "ada")

    await at_every_step(town, delivery(town, "ben"), lose, arrange=arrange, check=lambda: assert_badges(town))


async def test_a_process_that_dies_anywhere_leaves_no_old_number(town: World) -> None:
    """The one that tells somebody, or the one in which somebody reads, mutes or blocks: killed before each step."""
    tweet_id = await town.post("ada")
    ada, works = town.ids["ada"], dict[str, Work]()
    works["tell"] = delivery(town, "ben")
    works["read"] = lambda: mark_read(town.write, ada, up_to=None)
    works["mute"] = lambda: town.mute("ada", "ben")
    works["block"] = lambda: town.block("ben", "ada")
    for name, work in works.items():
        steps = 0
        while True:
            for again in (lambda: town.unmute("ada", "ben"), lambda: town.unblock("ben", "ada")):
                await again()
            await town.unlike("ben", tweet_id)
            await town.settle()
            await town.like("ben", tweet_id)
            if name != "tell":
                await town.settle()
            await assert_badges(town)
            strand = await town.loom.start(name, work())
            await town.loom.run(strand, steps=steps)
            is_over = strand.done
            await town.loom.close()
            # Looked at while the event of it still waits: nothing of that may stay.
            await badge(town, "ada")
            await town.settle()
            await assert_badges(town)
            if is_over:
                break
            steps += 1
        assert steps > 2, name


async def test_reading_while_valkey_is_away_is_seen_once_it_is_back(town: World) -> None:
    await town.like("ben", await town.post("ada"))
    await town.settle()
    assert await badge(town, "ada") == 2
    reader = await town.loom.start("read", mark_read(town.write, town.ids["ada"], up_to=None))
    while not reader.done:
        # Every word that it would say to Valkey is lost.
        if not await town.loom.fail(reader, Unavailable("Valkey: away")):
            await town.loom.run(reader, steps=1)
    [strand] = town.loom.collect()
    strand.task.result()
    await town.settle()
    await assert_badges(town)
    assert await badge(town, "ada") == 0
