"""Crossing the threshold of top users while everything else goes on: nothing is lost, nothing doubled."""

import pytest

from linnet.domain.event import lane_of
from linnet.ids import TweetId
from linnet.stores.postgres import topusers
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.flows._races import THRESHOLD, at_every_step, beside, delivery, town
from tests.support import recounts
from tests.support.world import World

__all__ = ["beside", "town"]


async def with_followers(town: World, name: str, count: int) -> None:
    """Lets exactly so many of the fans follow; coming from below or above, where it matters."""
    for number in reversed(range(4)):
        if (count <= THRESHOLD and number >= THRESHOLD - 1) or number >= count:
            await town.unfollow(f"fan{number}", name)
    await town.worker.drain()
    for number in range(count):
        await town.follow(f"fan{number}", name)
    await town.worker.drain()
    town.forget()


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
