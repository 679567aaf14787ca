"""Promise: what is to be posted later is posted once, when its time has come, or says to its author why it is not."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from linnet.clock import ManualClock
from linnet.domain.event import TweetRef
from linnet.domain.polls import PollDraft, unpack_poll
from linnet.domain.scheduled import MAX_PER_DAY, MAX_WAITING, MIN_AHEAD_MS, Scheduled
from linnet.domain.timeline import Range
from linnet.domain.tweet import Tweet
from linnet.errors import (
    AttachmentUsed,
    IdempotencyKeyReused,
    Invalid,
    ScheduledNotFound,
    TooManyScheduled,
    TweetNotFound,
    Unauthenticated,
)
from linnet.ids import AttachmentId, TweetId
from linnet.read.timelines.scheduled import scheduled_page
from linnet.stores.postgres import attachments as pictures
from linnet.stores.postgres import scheduled as rows
from linnet.stores.postgres import tweets as stored
from linnet.stores.postgres.queries import Query
from linnet.write.actions import attachments, tweets
from linnet.write.actions.preferences import put_preferences
from linnet.write.actions.scheduled import reschedule, schedule_tweet, unschedule
from linnet.write.erasing.attachments import erase_waiting
from linnet.write.jobs.scheduled import post_scheduled_tweets
from linnet.write.photos import Photo
from tests.support.files_at_once import keep_files_at_once
from tests.support.servers import Servers
from tests.support.world import World, open_process_beside, open_world

HOUR = 3600
PHOTO = Photo(b"large", 4, 3, b"small", 4, 3, "L00000fQfQfQfQfQfQfQfQfQfQfQ")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


@pytest.fixture
async def town(
    servers: Servers, database_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """Ben follows Ada, and reads."""
    keep_files_at_once(monkeypatch)
    async with open_world(database_url, servers.valkey_url, clock=clock) as world:
        await world.person("ada", "ben")
        await world.follow("ben", "ada")
        await world.settle()
        await world.home_ids("ben")
        yield world


@pytest.fixture
async def beside(town: World, servers: Servers, clock: ManualClock) -> AsyncIterator[World]:
    """Another process of the same installation."""
    async with open_process_beside(town, servers.valkey_url, clock=clock) as world:
        yield world


async def schedule(
    town: World, text: str = "Later", *, seconds: float = HOUR, attached: tuple[AttachmentId, ...] = (), **more: object
) -> Scheduled:
    wish: dict[str, object] = {"due_ms": town.write.clock.now_ms() + int(1000 * seconds), "text": text, **more}
    return await schedule_tweet(town.write, town.ids["ada"], attached=attached, **wish)  # type: ignore[arg-type]


async def upload(town: World) -> AttachmentId:
    return (await attachments.store(town.write, town.ids["ada"], PHOTO, "crumbs", (0.0, 0.0))).id


async def by_ada(town: World) -> list[Tweet]:
    entries = await stored.fetch_by_author(town.db, town.ids["ada"], Range(500), shown=("unlisted", "private"))
    return await stored.fetch(town.db, [TweetRef(entry.author_id, entry.id) for entry in entries])


async def posted(town: World) -> list[str]:
    """What Ada said, the oldest first."""
    return [tweet.text for tweet in sorted(await by_ada(town), key=lambda tweet: tweet.id)]


async def waiting(town: World) -> list[tuple[str, str | None]]:
    """Ada's texts that wait, and why they were not posted."""
    page = await scheduled_page(town.read, town.ids["ada"], Range(50))
    return [(each.text, each.failure) for each in page.items]


async def run_job(town: World) -> None:
    await post_scheduled_tweets.run(town.write, {})


async def test_it_is_posted_when_its_time_has_come_and_reaches_followers(town: World, clock: ManualClock) -> None:
    picture = await upload(town)
    first = await town.post("ben", "Bread?")
    await schedule(town, "with @ben #bread", attached=(picture,), warning="crumbs", visibility="unlisted")
    await schedule(town, "an answer", reply_to=first)
    await schedule(town, "much later", seconds=30 * 24 * HOUR)
    clock.advance(HOUR - 1)
    await run_job(town)
    assert await posted(town) == []
    clock.advance(1)
    await run_job(town)
    await run_job(town)
    assert await waiting(town) == [("much later", None)]
    assert sorted(await posted(town)) == ["an answer", "with @ben #bread"]
    assert await waiting(town) == [("much later", None)]
    await town.settle()
    assert len(await town.home_ids("ben")) == 3
    await town.assert_exact()
    by_text = {tweet.text: tweet for tweet in await by_ada(town)}
    shown = by_text["with @ben #bread"]
    assert (shown.warning, shown.sensitive, shown.visibility, shown.replies_count) == ("crumbs", True, "unlisted", 0)
    assert shown.attachments is not None
    assert by_text["an answer"].reply_to_id == first


async def test_its_pictures_wait_with_it_and_are_nobody_elses(town: World, clock: ManualClock) -> None:
    picture = await upload(town)
    one = await schedule(town, "one", attached=(picture,))
    with pytest.raises(Invalid):
        await schedule(town, "two", attached=(picture,))
    with pytest.raises(Invalid):
        await tweets.post_tweet(
            town.write, town.ids["ada"], text="now", reply_to=None, idempotency_key=None, attached=[picture]
        )
    with pytest.raises(AttachmentUsed):
        await attachments.discard(town.write, town.ids["ada"], picture)
    # Whoever clears what has waited for long passes it over.
    photos = msgspec.structs.replace(town.write.options.photos, waits_hours=-1)
    days_on = msgspec.structs.replace(town.write, options=msgspec.structs.replace(town.write.options, photos=photos))
    assert await erase_waiting(days_on) == 0
    # Who does not want it to be posted has the picture for another one, for as long as one that was just uploaded.
    clock.advance(HOUR)
    await unschedule(town.write, town.ids["ada"], one.id)
    assert await erase_waiting(town.write) == 0
    again = await schedule(town, "again", attached=(picture,))
    await unschedule(town.write, town.ids["ada"], again.id)
    assert await erase_waiting(days_on) == 1
    assert await pictures.fetch_of_owner(town.db, town.ids["ada"], page_size=10) == []


async def test_whoever_dies_at_any_step_leaves_it_posted_or_waiting(town: World, clock: ManualClock) -> None:
    loom, steps, is_last = town.loom, 0, False
    while not is_last:
        picture = await upload(town)
        await schedule(town, f"step {steps}", attached=(picture,))
        clock.advance(HOUR)
        strand = await loom.start("killed", run_job(town))
        await loom.run(strand, steps=steps)
        is_last = strand.done
        if not is_last:
            await loom.kill(strand)
        loom.collect()
        await run_job(town)
        assert (await posted(town)).count(f"step {steps}") == 1
        assert await waiting(town) == []
        steps += 1
    assert steps >= 5, "it is more than a few steps long"


async def test_two_who_look_at_once_post_it_once(town: World, beside: World, clock: ManualClock) -> None:
    loom, steps, is_last = town.loom, 0, False
    while not is_last:
        await schedule(town, f"step {steps}", attached=(await upload(town),))
        clock.advance(HOUR)
        first = await loom.start("first", run_job(town))
        await loom.run(first, steps=steps)
        is_last = first.done
        second = await loom.start("second", run_job(town))
        await loom.run(second)
        await loom.finish()
        for strand in loom.collect():
            strand.task.result()
        assert (await posted(town)).count(f"step {steps}") == 1
        assert await waiting(town) == []
        steps += 1
    for number in range(20):
        await schedule(town, f"many {number}")
    clock.advance(HOUR)
    await asyncio.gather(*(run_job(process) for process in (town, beside) for _ in range(3)))
    assert sorted(text for text in await posted(town) if text.startswith("many")) == sorted(
        f"many {number}" for number in range(20)
    )


@pytest.mark.parametrize("rival", ["unschedule", "reschedule"])
@pytest.mark.parametrize("posts_first", [True, False])
async def test_who_changes_it_in_the_moment_in_which_it_is_posted_is_told_what_became_of_it(
    town: World, clock: ManualClock, rival: str, posts_first: bool
) -> None:
    """Either it is posted and they are told that it is not there any more, or it is as they wish."""
    ada = town.ids["ada"]
    loom, steps, is_last = town.loom, 0, False
    while not is_last:
        text = f"step {steps}"
        one = await schedule(town, text, attached=(await upload(town),))
        clock.advance(HOUR)

        async def change(one: Scheduled = one) -> None:
            if rival == "unschedule":
                await unschedule(town.write, ada, one.id)
            else:
                await reschedule(town.write, ada, one.id, one.due_ms + 1000 * HOUR)

        works = [run_job(town), change()] if posts_first else [change(), run_job(town)]
        first = await loom.start("first", works[0])
        await loom.run(first, steps=steps)
        is_last = first.done
        second = await loom.start("second", works[1])
        await loom.run(second)
        await loom.finish()
        errors = [error for strand in loom.collect() if (error := strand.task.exception()) is not None]
        assert all(isinstance(error, ScheduledNotFound) for error in errors)
        assert (await posted(town)).count(text) == len(errors) <= 1
        left = [("step", None)] if rival == "reschedule" and not errors else []
        assert [(each.partition(" ")[0], failure) for each, failure in await waiting(town)] == left
        if left:
            await unschedule(town.write, ada, one.id)
        steps += 1


async def test_what_cannot_be_posted_says_why_and_can_be_tried_again(town: World, clock: ManualClock) -> None:
    ada = town.ids["ada"]
    answered = await town.post("ben", "Bread?")
    one = await schedule(town, "yes", reply_to=answered)
    other = await schedule(town, "meanwhile")
    await tweets.delete_tweet(town.write, town.ids["ben"], answered)
    await town.settle()
    clock.advance(HOUR)
    for _ in range(2):
        await run_job(town)
        assert await posted(town) == ["meanwhile"], "what goes wrong with one keeps no other waiting"
        assert await waiting(town) == [("yes", TweetNotFound().sentence)]
    await reschedule(town.write, ada, one.id, clock.now_ms() + 1000 * HOUR)
    assert await waiting(town) == [("yes", None)]
    clock.advance(HOUR)
    await run_job(town)
    assert [failure for _, failure in await waiting(town)] == [TweetNotFound().sentence]
    await unschedule(town.write, ada, one.id)
    for gone in (one, other):
        with pytest.raises(ScheduledNotFound):
            await unschedule(town.write, ada, gone.id)
        with pytest.raises(ScheduledNotFound):
            await reschedule(town.write, ada, gone.id, clock.now_ms() + 1000 * HOUR)


async def test_a_block_that_came_meanwhile_is_a_reason_too(town: World, clock: ManualClock) -> None:
    answered = await town.post("ben", "Bread?")
    await schedule(town, "yes", reply_to=answered)
    await town.block("ben", "ada")
    await town.settle()
    clock.advance(HOUR)
    await run_job(town)
    assert await posted(town) == []
    [(_, failure)] = await waiting(town)
    assert failure is not None


async def test_nothing_is_posted_for_who_is_leaving(town: World, clock: ManualClock) -> None:
    one = await schedule(town)
    clock.advance(HOUR)
    leave = Query("test.leave", (), "none", "update users set deleted_ms = 1 where id = %(user_id)s")
    await town.db.run(leave, user_id=town.ids["ada"])
    await run_job(town)
    assert await posted(town) == []
    assert await rows.find(town.db, town.ids["ada"], one.id) is not None, "it goes with the account"
    with pytest.raises(Unauthenticated):
        await schedule(town)


async def test_there_is_an_end_to_what_waits(town: World, clock: ManualClock) -> None:
    day = 24 * HOUR
    for _ in range(MAX_PER_DAY):
        last = await schedule(town, "many", seconds=3 * day)
    with pytest.raises(TooManyScheduled):
        await schedule(town, seconds=3 * day)
    tomorrow = await schedule(town, seconds=4 * day)
    with pytest.raises(TooManyScheduled):
        await reschedule(town.write, town.ids["ada"], tomorrow.id, last.due_ms)
    assert (await rows.find(town.db, town.ids["ada"], tomorrow.id)) == tomorrow
    # To move one about within its day takes no new place.
    await reschedule(town.write, town.ids["ada"], last.id, last.due_ms + 1)
    for number in range(MAX_WAITING - MAX_PER_DAY - 1):
        await schedule(town, seconds=(5 + number // MAX_PER_DAY) * day)
    with pytest.raises(TooManyScheduled):
        await schedule(town, seconds=100 * day)


@pytest.mark.parametrize("seconds", [-HOUR, 0, MIN_AHEAD_MS / 1000 - 1, 20 * 366 * 24 * HOUR])
async def test_a_time_that_cannot_be_is_refused(town: World, clock: ManualClock, seconds: float) -> None:
    with pytest.raises(Invalid):
        await schedule(town, seconds=seconds)
    one = await schedule(town, seconds=MIN_AHEAD_MS / 1000)
    with pytest.raises(Invalid):
        await reschedule(town.write, town.ids["ada"], one.id, clock.now_ms() + int(1000 * seconds))
    assert await rows.find(town.db, town.ids["ada"], one.id) == one


async def test_what_could_never_be_posted_is_refused_at_once(town: World) -> None:
    for text in ("", "x" * 1000):
        with pytest.raises(Invalid):
            await schedule(town, text)
    with pytest.raises(TweetNotFound):
        await schedule(town, reply_to=TweetId(1))
    with pytest.raises(Invalid):
        await schedule(town, attached=(AttachmentId(1),))
    assert await waiting(town) == []


async def test_a_request_that_comes_again_schedules_once(town: World, clock: ManualClock) -> None:
    due_ms = clock.now_ms() + 1000 * HOUR
    tries = await asyncio.gather(*(schedule(town, due_ms=due_ms, idempotency_key="once") for _ in range(5)))
    assert len({each.id for each in tries}) == 1
    with pytest.raises(IdempotencyKeyReused):
        await schedule(town, "something else", due_ms=due_ms, idempotency_key="once")
    assert await waiting(town) == [("Later", None)]


async def test_a_poll_ends_so_long_after_it_was_posted(town: World, clock: ManualClock) -> None:
    await schedule(town, "Which?", poll=PollDraft(("Rye", "Wheat"), 600))
    clock.advance(2 * HOUR)
    await run_job(town)
    [tweet] = await by_ada(town)
    assert tweet.poll is not None
    poll = unpack_poll(tweet.poll)
    assert (poll.options, poll.ends_ms) == (("Rye", "Wheat"), clock.now_ms() + 600_000)


async def test_it_begins_as_its_author_said_when_they_wrote_it(town: World) -> None:
    ada = town.ids["ada"]
    await put_preferences(town.write, ada, visibility="private", sensitive=True)
    one = await schedule(town, visibility=None, sensitive=None)
    await put_preferences(town.write, ada, visibility="public", sensitive=False)
    found = await rows.find(town.db, ada, one.id)
    assert found is not None
    assert msgspec.structs.asdict(found.draft)["visibility"] == "private"
    assert found.draft.sensitive
