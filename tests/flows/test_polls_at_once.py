"""Promise: however many vote in one moment, and whatever dies, each is counted once, and told of the end once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from linnet.clock import ManualClock
from linnet.domain.event import TweetRef, lane_of
from linnet.errors import AlreadyVoted, PollIsOver
from linnet.ids import TweetId
from linnet.stores.postgres import outbox
from linnet.stores.postgres.queries import Query
from linnet.write.actions.polls import end_poll
from linnet.write.fanout import notes, polls
from linnet.write.jobs.polls import end_polls
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.flows._races import THRESHOLD, at_every_step
from tests.support import recounts
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_process_beside, open_world

MINUTES = 300


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


@pytest.fixture
async def town(servers: Servers, database_url: str, clock: ManualClock) -> AsyncIterator[World]:
    """Ada asks, and Ben and Cleo answer."""
    options = WorldOptions(top_user_followers=THRESHOLD)
    async with open_world(database_url, servers.valkey_url, options=options, clock=clock) as world:
        await sign_up_in_lanes_of_their_own(world, "ada", "ben", "cleo")
        await world.follow("ben", "ada")
        await world.settle()
        yield world


@pytest.fixture
async def beside(town: World, servers: Servers, clock: ManualClock) -> AsyncIterator[World]:
    """Another process of the same installation."""
    async with open_process_beside(town, servers.valkey_url, clock=clock) as world:
        yield world


async def count_rows(town: World, table: str) -> int:
    return int(await town.db.value(Query("test.count", (), "value", f"select count(*) from {table}")))


async def counted(town: World, tweet_id: TweetId) -> tuple[int, list[int]]:
    query = Query("test.poll", (), "one", "select poll_voters, poll_votes from tweets where id = %(tweet_id)s")
    found = await town.db.find(lambda voters, votes: (voters, votes), query, tweet_id=tweet_id)
    assert found is not None
    return found


async def assert_exact(town: World) -> None:
    await recounts.assert_counts(town.db, top_user_followers=THRESHOLD)


async def test_of_votes_of_one_person_at_once_one_is_given(town: World, beside: World) -> None:
    tweet_id = await town.ask("ada", "a", "b", "c", "d")
    await town.settle()

    async def vote(process: World, choice: int) -> int | None:
        try:
            await process.vote("ben", tweet_id, choice)
        except AlreadyVoted:
            return None
        return choice

    tried = await asyncio.gather(*(vote(process, at % 4) for at in range(16) for process in (town, beside)))
    given = {choice for choice in tried if choice is not None}
    assert len(given) == 1, "whoever asked for the same was told that it is so"
    assert await outbox.count(town.db) == 1
    await town.settle()
    assert (await counted(town, tweet_id))[0] == 1
    await assert_exact(town)


async def test_a_crowd_that_votes_at_once_is_counted_person_by_person(town: World, beside: World) -> None:
    crowd = [f"v{number}" for number in range(200)]
    await town.person(*crowd)
    beside.ids.update(town.ids)
    tweet_id = await town.ask("ada", "a", "b", "c", multiple=True)
    await town.settle()
    workers = [asyncio.create_task(process.worker.run()) for process in (town, beside)]
    for start in range(0, len(crowd), 20):
        await asyncio.gather(
            *(
                process.vote(name, tweet_id, *([at % 3] if at % 2 else [0, 2]))
                for at, name in enumerate(crowd[start : start + 20])
                for process in (town, beside)
            )
        )
    for process in (town, beside):
        process.worker.stop()
    await asyncio.gather(*workers)
    await town.settle()
    voters, votes = await counted(town, tweet_id)
    assert voters == len(crowd)
    assert sum(votes) == len(crowd) * 3 // 2
    await assert_exact(town)


async def test_a_vote_and_the_deletion_of_its_poll_in_every_order_leave_no_row(town: World, beside: World) -> None:
    asked: list[TweetId] = []

    async def arrange() -> None:
        asked.append(await town.ask("ada", seconds=MINUTES))
        await town.vote("cleo", asked[-1], 1)
        await town.settle()

    async def check() -> None:
        assert await count_rows(town, "votes") == await count_rows(town, "tweet_votes") == 0

    async def vote_and_deliver() -> None:
        await town.vote("ben", asked[-1], 0)
        await town.deliver(lane_of(town.ids["ben"]))

    async def delete_and_deliver() -> None:
        await beside.delete("ada", asked[-1])
        await beside.deliver(lane_of(town.ids["ada"]))

    await at_every_step(town, vote_and_deliver, delete_and_deliver, arrange=arrange, check=check)
    await at_every_step(town, delete_and_deliver, vote_and_deliver, arrange=arrange, check=check)


async def test_a_vote_and_the_end_in_every_order_tell_whoever_voted(
    town: World, beside: World, clock: ManualClock
) -> None:
    """A worker counts Ben's vote, and the end is said and told before each of its steps; and the other way."""
    asked: list[TweetId] = []

    async def arrange() -> None:
        asked.append(await town.ask("ada", seconds=MINUTES))
        await town.settle()
        await town.vote("ben", asked[-1], 0)
        clock.advance(MINUTES)

    async def end_and_tell() -> None:
        await end_polls.run(beside.write, {})
        await beside.deliver(lane_of(town.ids["ada"]))

    async def count() -> None:
        await town.deliver(lane_of(town.ids["ben"]))

    async def check() -> None:
        await recounts.assert_all_told(town.db)
        assert await count_rows(town, f"notifications where kind = 'poll_ended' and group_id = {asked[-1]}") == 2

    await at_every_step(town, count, end_and_tell, arrange=arrange, check=check)
    await at_every_step(town, end_and_tell, count, arrange=arrange, check=check)


async def test_two_who_find_the_same_end_say_it_once(town: World, beside: World, clock: ManualClock) -> None:
    tweet_ids = [await town.ask("ada", seconds=MINUTES) for _ in range(20)]
    await town.settle()
    clock.advance(MINUTES)
    await asyncio.gather(*(end_polls.run(process.write, {}) for process in (town, beside) for _ in range(4)))
    assert await outbox.count(town.db) == len(tweet_ids)
    await town.settle()
    assert await count_rows(town, "notifications where kind = 'poll_ended'") == len(tweet_ids)
    await assert_exact(town)


async def test_whoever_says_the_end_and_is_killed_at_any_step_leaves_it_said_or_to_be_said(
    town: World, beside: World, clock: ManualClock
) -> None:
    steps = 0
    while True:
        tweet_id = await town.ask("ada", seconds=MINUTES)
        await town.vote("ben", tweet_id, 1)
        await town.settle()
        clock.advance(MINUTES)
        job = await town.loom.start("job", end_polls.run(town.write, {}))
        await town.loom.run(job, steps=steps)
        is_over = job.done
        if not is_over:
            await town.loom.kill(job)
        await town.loom.close()
        # The next round, in another process.
        await end_polls.run(beside.write, {})
        await town.settle()
        assert await count_rows(town, f"notifications where kind = 'poll_ended' and group_id = {tweet_id}") == 2
        await assert_exact(town)
        if is_over:
            break
        steps += 1
    assert steps > 3


async def test_a_worker_killed_at_any_step_counts_and_tells_each_once(
    town: World, beside: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One at a time, so that a deletion and an end go on in events of their own.
    monkeypatch.setattr(notes, "NOTES_AT_ONCE", 1)
    monkeypatch.setattr(polls, "TOLD_AT_ONCE", 1)
    kept, gone = await town.ask("ada", seconds=MINUTES, multiple=True), await town.ask("ada", seconds=MINUTES)
    await town.settle()
    for what, name in (("vote", "ben"), ("end", "ada"), ("delete", "ada")):
        match what:
            case "vote":
                for who in ("ben", "cleo"):
                    await town.vote(who, kept, 0, 1)
                    await town.vote(who, gone, 1)
            case "end":
                clock.advance(MINUTES)
                await end_polls.run(town.write, {})
            case _:
                await town.delete("ada", gone)
        steps = 0
        while True:
            worker = await town.loom.start("worker", town.deliver(lane_of(town.ids[name])))
            await town.loom.run(worker, steps=steps)
            if worker.done or worker.next_label is None or worker.next_label == "commit":
                break
            await town.loom.kill(worker)
            steps += 1
        assert steps > 4
        await town.loom.kill(worker)
        await town.loom.close()
        await beside.settle()
        town.forget()
        assert await counted(town, kept) == (2, [2, 2, 0, 0])
        await assert_exact(town)
    assert await count_rows(town, "votes") == 2
    assert await count_rows(town, "notifications where kind = 'poll_ended'") == 3


async def test_who_votes_behind_the_end_is_refused_however_the_job_is_late(town: World, clock: ManualClock) -> None:
    tweet_id = await town.ask("ada", seconds=MINUTES)
    await town.settle()
    clock.advance(MINUTES)
    with pytest.raises(PollIsOver):
        await town.vote("ben", tweet_id, 0)
    await end_polls.run(town.write, {})
    assert not await end_poll(town.write, TweetRef(town.ids["ada"], tweet_id))
    await town.delete("ada", tweet_id)
    assert not await end_poll(town.write, TweetRef(town.ids["ada"], tweet_id))
    await town.settle()
    await assert_exact(town)
