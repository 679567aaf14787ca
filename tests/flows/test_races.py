"""What happens when two things happen at once: fan-outs, rebuilds, follows, and what hangs on tweets."""

import asyncio
from typing import Any

import pytest

from linnet.domain.event import lane_of
from linnet.domain.timeline import unpack_entry
from linnet.errors import Unavailable
from linnet.ids import TweetId
from linnet.stores.postgres import outbox
from linnet.stores.postgres.queries import Query
from tests.flows._races import (
    THRESHOLD,
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


# Fan-out


async def test_a_follow_during_a_fan_out_misses_nothing(town: World) -> None:
    async def arrange() -> None:
        await town.unfollow("cleo", "ada")
        await town.settle()
        await town.home("cleo")
        await town.post("ada")

    steps = await at_every_step(
        town,
        delivery(town, "ada"),
        lambda: town.follow("cleo", "ada"),
        arrange=arrange,
        between=lambda: assert_home_is_of_this_moment(town, "cleo"),
    )
    assert steps > 5


async def test_an_unfollow_during_a_fan_out_shows_nothing_more_of_them(town: World) -> None:
    landed: list[bool] = []

    async def arrange() -> None:
        await town.follow("ben", "ada")
        await town.settle()
        await town.home("ben")
        await town.post("ada", "read by nobody who left")

    async def check() -> None:
        assert await town.home_ids("ben") == []
        window = [element for element in await town.window_elements("ben") if len(element) >= 16]
        landed.append(any(unpack_entry(element).author_id == town.ids["ada"] for element in window))

    await at_every_step(
        town,
        delivery(town, "ada"),
        lambda: town.unfollow("ben", "ada"),
        arrange=arrange,
        between=lambda: assert_home_is_of_this_moment(town, "ben"),
        check=check,
    )
    assert any(landed), "no push came late: this test lost its point"
    await town.follow("ben", "ada")
    await assert_home_is_of_this_moment(town, "ben")
    assert len(await town.home_ids("ben")) > 3, "whoever follows again sees it all"


async def test_an_unfollow_during_the_fan_out_of_a_reply_hides_replies_to_them(town: World) -> None:
    first = await town.post("ada")

    async def arrange() -> None:
        await town.follow("ben", "ada", "cleo")
        await town.settle()
        await town.home("ben")
        await town.post("cleo", "an answer", reply_to=first)

    await at_every_step(
        town,
        delivery(town, "cleo"),
        lambda: town.unfollow("ben", "ada"),
        arrange=arrange,
        between=lambda: assert_home_is_of_this_moment(town, "ben"),
    )


async def test_a_rebuild_during_a_fan_out_loses_nothing(town: World) -> None:
    async def arrange() -> None:
        await town.expire_window("ben")
        await town.post("ada")

    await at_every_step(town, delivery(town, "ada"), lambda: town.home("ben"), arrange=arrange)


async def test_a_post_and_its_fan_out_during_a_rebuild_lose_nothing(town: World) -> None:
    async def post_and_deliver() -> None:
        await town.post("ada")
        await town.deliver(lane_of(town.ids["ada"]))

    steps = await at_every_step(
        town, lambda: town.home("ben"), post_and_deliver, arrange=lambda: town.expire_window("ben")
    )
    assert steps > 5


async def test_more_posts_than_a_window_holds_during_a_rebuild_lose_nothing(town: World) -> None:
    await town.follow("ben", "cleo")
    await town.settle()

    async def arrange() -> None:
        # Ada's lane lags: what she posted is older than what Cleo's lane has delivered already.
        for _ in range(town.options.window.max_entries + 3):
            await town.post("ada")
        await town.post("cleo")
        await town.deliver(lane_of(town.ids["cleo"]))
        await town.expire_window("ben")

    await at_every_step(town, lambda: town.home("ben"), delivery(town, "ada"), arrange=arrange)


async def test_a_delete_before_or_during_delivery_wins(town: World) -> None:
    posted: list[TweetId] = []

    async def arrange() -> None:
        posted.append(await town.post("ada"))

    async def check() -> None:
        assert await town.home_ids("ben") == []

    await at_every_step(
        town, delivery(town, "ada"), lambda: town.delete("ada", posted[-1]), arrange=arrange, check=check
    )


async def test_a_delete_during_a_read_is_shown_to_nobody_later(town: World) -> None:
    posted: list[TweetId] = []

    async def arrange() -> None:
        posted.append(await town.post("ada"))
        await town.settle()

    async def check() -> None:
        assert await town.home_ids("ben") == [], "a slow reader did not bring it back into a cache"

    async def read_anew() -> None:
        await town.write.valkey.call(b"UNLINK", town.write.keys.tweet(posted[-1]))
        town.forget()
        await town.home("ben")

    await at_every_step(town, read_anew, lambda: town.delete("ada", posted[-1]), arrange=arrange, check=check)


# Rebuilds


async def test_two_rebuilds_at_once_in_one_process_are_one(town: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await town.post("ada")
    await town.expire_window("ben")
    snapshots: list[int] = []
    read_snapshot = town.read.rebuilder.read_snapshot

    async def counting(reader_id: Any) -> Any:
        snapshots.append(reader_id)
        return await read_snapshot(reader_id)

    monkeypatch.setattr(town.read.rebuilder, "read_snapshot", counting)
    pages = await asyncio.gather(*(town.home("ben") for _ in range(5)))
    assert snapshots == [town.ids["ben"]]
    assert all(page == pages[0] for page in pages)
    await town.settle()
    await town.assert_exact()


async def test_two_rebuilds_at_once_in_two_processes_do_not_disturb_each_other(town: World, beside: World) -> None:
    async def arrange() -> None:
        await town.expire_window("ben")
        await town.post("ada")

    await at_every_step(
        town,
        lambda: town.home("ben"),
        lambda: beside.home("ben"),
        arrange=arrange,
        between=lambda: assert_home_is_of_this_moment(beside, "ben"),
    )


async def test_a_builder_that_dies_at_any_step_costs_its_reader_only_speed(town: World, beside: World) -> None:
    steps = 0
    while True:
        await town.expire_window("ben")
        builder = await town.loom.start("builder", town.home("ben"))
        await town.loom.run(builder, steps=steps)
        if builder.done:
            break
        await town.loom.kill(builder)
        await town.loom.close()
        await town.post("ada")
        await beside.settle()
        town.forget()
        await beside.assert_exact()
        await town.assert_exact()
        steps += 1
    await town.loom.close()
    assert steps > 3


async def test_a_follow_during_a_rebuild_is_in_it(town: World, beside: World) -> None:
    await town.post("cleo")
    await town.settle()

    async def arrange() -> None:
        await town.unfollow("ben", "cleo")
        await town.settle()
        await town.expire_window("ben")

    await at_every_step(
        town,
        lambda: town.home("ben"),
        lambda: town.follow("ben", "cleo"),
        arrange=arrange,
        between=lambda: assert_home_is_of_this_moment(beside, "ben"),
    )


# Follows


async def count_of(town: World, table: str) -> int:
    return int(await town.db.value(Query("test.count", (), "value", f"select count(*) from {table}")))


async def test_eight_equal_follows_at_once_are_one(town: World, beside: World) -> None:
    follows_before = await count_of(town, "following")
    await asyncio.gather(*(process.follow("cleo", "ada") for process in (town, beside) for _ in range(4)))
    assert await count_of(town, "following") == await count_of(town, "followers") == follows_before + 1
    assert await outbox.count(town.db) == 1
    await town.settle()
    assert (await town.profile("ada")).followers_count == 2
    assert (await town.profile("cleo")).following_count == 1
    await asyncio.gather(*(process.unfollow("cleo", "ada") for process in (town, beside) for _ in range(4)))
    assert await outbox.count(town.db) == 1
    await town.settle()
    assert (await town.profile("ada")).followers_count == 1
    await recounts.assert_counts(town.db, top_user_followers=THRESHOLD)
    await town.assert_exact()


async def test_a_follow_and_an_unfollow_at_once_end_as_the_last_commit_says(town: World, beside: World) -> None:
    await town.post("ada")
    await town.settle()

    async def arrange_unfollowed() -> None:
        await town.unfollow("cleo", "ada")
        await town.settle()
        await town.home("cleo")

    await at_every_step(
        town, lambda: town.follow("cleo", "ada"), lambda: beside.unfollow("cleo", "ada"), arrange=arrange_unfollowed
    )

    async def arrange_followed() -> None:
        await town.follow("cleo", "ada")
        await town.settle()
        await town.home("cleo")

    await at_every_step(
        town, lambda: town.unfollow("cleo", "ada"), lambda: beside.follow("cleo", "ada"), arrange=arrange_followed
    )


async def test_a_storm_of_follows_and_unfollows_from_two_processes_ends_as_the_last_commit_says(
    town: World, beside: World
) -> None:
    await town.post("ada")
    await town.settle()
    for last in ("follow", "unfollow"):
        verbs = [verb("cleo", "ada") for process in (town, beside) for verb in (process.follow, process.unfollow) * 6]
        # Deadlocks would show as errors here; meanwhile two workers apply what comes.
        await asyncio.gather(*verbs, town.worker.drain(), beside.worker.drain(), town.home("cleo"))
        await getattr(beside, last)("cleo", "ada")
        expected = [entry.id for entry in await town.oracle("cleo")]
        assert bool(expected) == (last == "follow")
        assert await town.home_ids("cleo") == await beside.home_ids("cleo") == expected, "at once, for whoever acts"
        await town.settle()
        beside.forget()
        await recounts.assert_counts(town.db, top_user_followers=THRESHOLD)
        await town.assert_exact()
        await beside.assert_exact()


async def test_a_request_held_up_after_its_commit_undoes_nothing_that_came_later(town: World, beside: World) -> None:
    await hold_up_after_commit(town, beside, town.unfollow("ben", "ada"), lambda: beside.follow("ben", "ada"))


# What hangs on tweets


async def test_a_retweet_and_the_deletion_of_its_original_at_once_leave_nothing(town: World) -> None:
    await town.follow("cleo", "ben")
    posted: list[TweetId] = []

    async def arrange() -> None:
        posted.append(await town.post("ada"))
        await town.settle()

    async def check() -> None:
        assert await count_of(town, "tweets") == await count_of(town, "retweets") == 0

    async def retweet_and_deliver() -> None:
        await town.retweet("ben", posted[-1])
        await town.deliver(lane_of(town.ids["ben"]))

    async def delete_and_deliver() -> None:
        await town.delete("ada", posted[-1])
        await town.deliver(lane_of(town.ids["ada"]))

    await at_every_step(town, retweet_and_deliver, delete_and_deliver, arrange=arrange, check=check)
    await at_every_step(town, delete_and_deliver, retweet_and_deliver, arrange=arrange, check=check)


async def test_an_answer_and_the_deletion_of_its_parent_at_once_leave_no_note(town: World) -> None:
    posted: list[TweetId] = []

    async def arrange() -> None:
        posted.append(await town.post("ada"))
        await town.settle()

    async def check() -> None:
        assert await count_of(town, "replies") == 0

    async def answer_and_deliver() -> None:
        await town.post("ben", "an answer", reply_to=posted[-1])
        await town.deliver(lane_of(town.ids["ben"]))

    async def delete_and_deliver() -> None:
        await town.delete("ada", posted[-1])
        await town.deliver(lane_of(town.ids["ada"]))

    await at_every_step(town, answer_and_deliver, delete_and_deliver, arrange=arrange, check=check)
    await at_every_step(town, delete_and_deliver, answer_and_deliver, arrange=arrange, check=check)


async def test_a_retweet_and_its_undoing_at_once_count_what_is_there(town: World, beside: World) -> None:
    original = await town.post("ada")
    await town.settle()

    async def undo_and_again() -> None:
        await beside.undo_retweet("ben", original)
        await beside.retweet("ben", original)
        await beside.undo_retweet("ben", original)

    for other in (lambda: beside.undo_retweet("ben", original), undo_and_again):
        await at_every_step(
            town,
            lambda: town.retweet("ben", original),
            other,
            arrange=lambda: town.undo_retweet("ben", original),
        )
        await at_every_step(town, delivery(town, "ben"), other, arrange=lambda: town.retweet("ben", original))


async def test_valkey_lost_under_an_unfollow_does_not_bring_the_author_back(town: World) -> None:
    await town.post("ada")
    await town.settle()
    request = await town.loom.start("request", town.unfollow("ben", "ada"))
    assert await town.loom.run_until(request, "EVALSHA")
    assert await town.loom.fail(request, Unavailable("Valkey: gone"))
    await town.loom.finish()
    assert request.task.exception() is None, "it is committed: the person is not told that it failed"
    await town.settle()
    assert await town.home_ids("ben") == []
    await town.assert_exact()
