"""A worker that dies at any point loses nothing, and its lanes are free in the moment its connection is gone."""

import pytest

from linnet.domain.event import lane_of
from linnet.errors import Unavailable
from linnet.stores.postgres import outbox
from linnet.stores.postgres.queries import Query
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.support import recounts
from tests.support.servers import Servers
from tests.support.world import World, open_process_beside

_LANE_HOLDERS = Query(
    "test.lane_holders",
    (),
    "many",
    """select pg_terminate_backend(l.pid)::int from pg_locks l join pg_database d on d.oid = l.database
       where l.locktype = 'advisory' and l.granted and d.datname = current_database()""",
)


@pytest.fixture
async def town(world: World) -> World:
    """Ben follows Ada and reads; Ada posted, answered, retweeted and deleted."""
    await sign_up_in_lanes_of_their_own(world, "ada", "ben")
    await world.follow("ben", "ada")
    await world.settle()
    await world.assert_exact()
    first = await world.post("ada", "first")
    await world.post("ada", "second", reply_to=first)
    await world.retweet("ada", first)
    gone = await world.post("ada", "gone before it was delivered")
    await world.delete("ada", gone)
    return world


async def test_a_lane_goes_on_when_its_worker_loses_the_connection_before_the_commit(
    town: World, servers: Servers
) -> None:
    lane = lane_of(town.ids["ada"])
    holder = await town.loom.start("holder", town.deliver(lane))
    assert await town.loom.run_until(holder, "commit")
    async with open_process_beside(town, servers.valkey_url) as beside:
        assert await beside.deliver(lane) == "held"
        assert await beside.db.fetch(int, _LANE_HOLDERS) == [1]
        assert await beside.deliver(lane) == "applied", "nobody has to notice that the other is gone"
        assert await beside.deliver(lane) == "empty"
    await town.loom.finish()
    assert isinstance(holder.task.exception(), Unavailable), "the worker that was cut off learns it at its commit"
    town.forget()
    assert (await town.profile("ada")).tweets_count == 3
    await recounts.assert_counts(town.db, top_user_followers=5000)
    await town.assert_exact()


async def test_killed_before_any_step_of_a_batch_it_is_applied_once_by_another(town: World, servers: Servers) -> None:
    lane = lane_of(town.ids["ada"])
    waiting = await outbox.count(town.db)
    labels: list[str] = []
    async with open_process_beside(town, servers.valkey_url) as beside:
        while True:
            worker = await town.loom.start("worker", town.deliver(lane))
            await town.loom.run(worker, steps=len(labels))
            if worker.done or worker.next_label is None:
                break
            labels.append(worker.next_label)
            await town.loom.kill(worker)
            assert await outbox.count(town.db) == waiting, f"killed before {labels[-1]}"
            if labels[-1] == "commit":
                break
        assert labels[0] == "begin"
        assert labels[-1] == "commit"
        assert {"EVALSHA", "fanout.fetch_existing", "outbox.delete"} <= set(labels), "it was killed in the middle too"
        assert await beside.deliver(lane) == "applied"
    await town.loom.close()
    town.forget()
    assert (await town.profile("ada")).tweets_count == 3
    await recounts.assert_counts(town.db, top_user_followers=5000)
    await town.assert_exact()


async def test_killed_after_the_commit_and_before_saying_so_nothing_is_applied_again(town: World) -> None:
    lane = lane_of(town.ids["ada"])
    worker = await town.loom.start("worker", town.deliver(lane))
    assert await town.loom.run_until(worker, "commit")
    assert await town.loom.run_until(worker, "PUBLISH")
    await town.loom.kill(worker)
    assert await outbox.count(town.db) == 0
    town.forget()
    await recounts.assert_counts(town.db, top_user_followers=5000)
    await town.assert_exact()


@pytest.mark.parametrize("verb", ["post", "delete", "retweet", "follow", "unfollow"])
async def test_a_request_killed_before_any_of_its_steps_did_all_or_nothing(
    town: World, servers: Servers, verb: str
) -> None:
    await town.person("cleo")
    await town.follow("cleo", "ada")
    tweet_id = await town.post("cleo", "mine")
    await town.settle()
    await town.assert_exact()

    async def act() -> None:
        match verb:
            case "post":
                await town.post("cleo", "new")
            case "delete":
                await town.delete("cleo", tweet_id)
            case "retweet":
                await town.retweet("ben", tweet_id)
            case "follow":
                await town.follow("ben", "cleo")
            case "unfollow":
                await town.unfollow("cleo", "ada")

    steps = 0
    async with open_process_beside(town, servers.valkey_url) as beside:
        while True:
            request = await town.loom.start("request", act())
            await town.loom.run(request, steps=steps)
            if request.done:
                await town.loom.close()
                break
            # Killed between its commit and Valkey too: the event does what the request did not come to.
            await town.loom.kill(request)
            await town.loom.close()
            await beside.settle()
            town.forget()
            await beside.assert_exact()
            await recounts.assert_counts(town.db, top_user_followers=5000)
            steps += 1
    assert steps > 2
    await town.settle()
    await town.assert_exact()
