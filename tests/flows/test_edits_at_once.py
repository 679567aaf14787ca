"""Edits beside edits, deletions, likes, readers and deaths, in every order of their steps.

The invariant: what a tweet says is what its row says. Whatever two people do at once, whoever is killed, and in
whatever order events are applied, nobody is shown what it said before once it was answered that it says something else;
its history is whole; and what is derived from its words is derived from those that it has.
"""

import msgspec
import pytest

from linnet.domain.event import TweetRef, lane_of
from linnet.errors import NotFound
from linnet.ids import TweetId, UserId
from linnet.read.timelines.thread import changed_screen, tweet_screen
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres import outbox, tweets
from linnet.stores.postgres.edits import fetch_history
from linnet.write.actions.edits import Wish, edit_tweet
from tests.flows._races import at_every_step, beside, delivery, town
from tests.support.recount_words import assert_words
from tests.support.world import World

__all__ = ["beside", "town"]


async def says(world: World, tweet_id: TweetId) -> str:
    item = await tweet_screen(world.read, None, tweet_id)
    return msgspec.json.decode(item, type=TweetView).text


async def park_first(world: World, actor_id: UserId) -> int:
    """As if somebody's next event had failed again and again."""
    async with world.db.transaction() as session:
        [row] = await outbox.fetch_batch(session, [lane_of(actor_id)], page_size=1)
        await outbox.park(session, row, reason="a test")
    return row.id


class Story:
    """A tweet of Ada's, new before each step."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tweet_id = TweetId(0)

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.world.ids["ada"], self.tweet_id)

    async def arrange(self) -> None:
        self.tweet_id = await self.world.post("ada", "zero #one @ben")
        await self.world.retweet("cleo", self.tweet_id)
        await self.world.settle()
        assert await says(self.world, self.tweet_id) == "zero #one @ben"

    async def edit(self, text: str) -> None:
        await self.world.edit("ada", self.tweet_id, text)

    async def texts(self) -> list[str]:
        return [version.text for version in await fetch_history(self.world.db, self.ref)]

    async def check(self) -> None:
        await assert_words(self.world)
        rows = await tweets.fetch(self.world.db, [self.ref])
        if rows:
            assert await says(self.world, self.tweet_id) == rows[0].text
            assert (await self.texts())[0] == "zero #one @ben"
        else:
            assert await self.texts() == []
            with pytest.raises(NotFound):
                await says(self.world, self.tweet_id)


async def test_two_edits_at_once_are_one_after_the_other(town: World) -> None:
    story = Story(town)
    seen: set[tuple[str, ...]] = set()

    async def check() -> None:
        await story.check()
        seen.add(tuple(await story.texts()))

    await at_every_step(
        town,
        lambda: story.edit("first #one #two @cleo"),
        lambda: story.edit("second #two"),
        arrange=story.arrange,
        check=check,
    )
    zero, first, second = "zero #one @ben", "first #one #two @cleo", "second #two"
    assert seen == {(zero, first, second), (zero, second, first)}, "neither is lost, in whichever order they came"


async def test_the_same_edit_twice_at_once_is_one_version(town: World) -> None:
    story = Story(town)

    async def check() -> None:
        await story.check()
        assert await story.texts() == ["zero #one @ben", "once"]

    await at_every_step(
        town, lambda: story.edit("once"), lambda: story.edit("once"), arrange=story.arrange, check=check
    )


async def test_one_key_twice_at_once_is_one_edit(town: World) -> None:
    story = Story(town)

    async def edit() -> None:
        await edit_tweet(town.write, town.ids["ada"], story.tweet_id, Wish(text="once"), idempotency_key=key())

    def key() -> str:
        return f"key-{story.tweet_id}"

    async def check() -> None:
        await story.check()
        assert await story.texts() == ["zero #one @ben", "once"]

    await at_every_step(town, edit, edit, arrange=story.arrange, check=check)


async def test_an_edit_and_a_deletion_at_once_leave_nothing_of_either(town: World) -> None:
    story = Story(town)

    async def check() -> None:
        await story.check()
        assert await story.texts() == []

    async def delete() -> None:
        await town.delete("ada", story.tweet_id)

    await at_every_step(town, lambda: story.edit("#late @cleo"), delete, arrange=story.arrange, check=check)
    await at_every_step(town, delete, lambda: story.edit("#late @cleo"), arrange=story.arrange, check=check)


async def test_a_like_a_pin_and_an_edit_at_once_lose_nothing(town: World) -> None:
    story = Story(town)

    async def like_and_count() -> None:
        await town.like("ben", story.tweet_id)
        await town.deliver(lane_of(town.ids["ben"]))

    async def pin() -> None:
        await town.pin("ada", story.tweet_id)

    async def check_like() -> None:
        await story.check()
        [row] = await tweets.fetch(town.db, [story.ref])
        assert (row.text, row.likes_count) == ("liked", 1)

    async def check_pin() -> None:
        await story.check()
        [row] = await tweets.fetch(town.db, [story.ref])
        assert (row.text, row.pinned) == ("pinned", True)

    await at_every_step(town, like_and_count, lambda: story.edit("liked"), arrange=story.arrange, check=check_like)
    await at_every_step(town, lambda: story.edit("pinned"), pin, arrange=story.arrange, check=check_pin)


async def test_an_edit_while_another_is_applied_is_what_stays(town: World) -> None:
    story = Story(town)

    async def arrange() -> None:
        await story.arrange()
        await story.edit("first #two @cleo")

    async def edit_and_deliver() -> None:
        await story.edit("second #three @ben")
        await town.deliver(lane_of(town.ids["ada"]))

    await at_every_step(
        town, delivery(town, "ada"), lambda: story.edit("second #three"), arrange=arrange, check=story.check
    )
    await at_every_step(town, delivery(town, "ada"), edit_and_deliver, arrange=arrange, check=story.check)


async def test_a_reader_who_loads_meanwhile_brings_nothing_old_back(town: World) -> None:
    """A reader misses everywhere, reads the row, and is held up with it; the tweet is edited, and answered for."""
    story = Story(town)

    async def arrange() -> None:
        await story.arrange()
        await town.flush()

    async def edit() -> None:
        await story.edit("new")
        answer = await changed_screen(town.read, town.ids["ada"], story.tweet_id, changed_ids=[story.tweet_id])
        assert msgspec.json.decode(answer, type=TweetView).text == "new"

    async def between() -> None:
        assert await says(town, story.tweet_id) == "new", "shown again what it said before"

    async def read() -> None:
        await tweet_screen(town.read, town.ids["ben"], story.tweet_id)

    async def check() -> None:
        await story.check()
        # Not only memory: what lies in Valkey is new, too.
        assert await says(town, story.tweet_id) == "new"

    steps = await at_every_step(town, read, edit, arrange=arrange, between=between, check=check)
    assert steps > 2
    steps = await at_every_step(town, edit, read, arrange=arrange, check=check)
    assert steps > 5


async def test_what_lay_in_the_cache_is_old_from_the_edit_on(town: World, beside: World) -> None:
    """Nothing is read back for the answer, no event is applied yet, and a reader beside it is held up."""
    story = Story(town)

    async def edit() -> None:
        await story.edit("new")

    async def between() -> None:
        # A process that remembers nothing of it.
        beside.forget()
        assert await says(beside, story.tweet_id) == "new", "shown again what it said before"

    async def read() -> None:
        await tweet_screen(town.read, town.ids["ben"], story.tweet_id)

    async def arrange_cold() -> None:
        await story.arrange()
        await town.flush()

    for arrange in (story.arrange, arrange_cold):
        steps = await at_every_step(town, read, edit, arrange=arrange, between=between, check=story.check)
        assert steps > 1


async def test_who_read_the_later_edit_is_not_shown_the_earlier_one(town: World) -> None:
    """Two edits at once, each answered with what it reads back: the slower answer leaves nothing old behind."""
    story, steps = Story(town), 0

    async def edit_and_read(text: str) -> None:
        await story.edit(text)
        await changed_screen(town.read, town.ids["ada"], story.tweet_id, changed_ids=[story.tweet_id])

    while True:
        await story.arrange()
        first = await town.loom.start("first", edit_and_read("first"))
        await town.loom.run(first, steps=steps)
        is_over = first.done
        second = await town.loom.start("second", edit_and_read("second"))
        await town.loom.run(second)
        await town.loom.finish()
        for strand in town.loom.collect():
            strand.task.result()
        # Before anything else is said to anybody.
        [row] = await tweets.fetch(town.db, [story.ref])
        assert await says(town, story.tweet_id) == row.text
        await town.settle()
        await story.check()
        if is_over:
            break
        steps += 1
    assert steps > 8


async def test_whoever_is_killed_in_the_middle_leaves_all_of_an_edit_or_nothing(town: World) -> None:
    story, steps, outcomes = Story(town), 0, set[tuple[str, ...]]()
    while True:
        await story.arrange()
        strand = await town.loom.start("edit", story.edit("new #two @cleo"))
        await town.loom.run(strand, steps=steps)
        is_over = strand.done
        if not is_over:
            await town.loom.kill(strand)
        town.loom.collect()
        await town.settle()
        await story.check()
        outcomes.add(tuple(await story.texts()))
        if is_over:
            break
        steps += 1
    assert steps > 5
    assert outcomes == {("zero #one @ben",), ("zero #one @ben", "new #two @cleo")}


async def test_a_worker_that_dies_in_the_middle_of_an_edit_leaves_it_to_the_next(town: World) -> None:
    story, steps = Story(town), 0
    while True:
        await story.arrange()
        await story.edit("new #two @cleo")
        strand = await town.loom.start("lane", town.deliver(lane_of(town.ids["ada"])))
        await town.loom.run(strand, steps=steps)
        is_over = strand.done
        if not is_over:
            await town.loom.kill(strand)
        town.loom.collect()
        await town.settle()
        await story.check()
        if is_over:
            break
        steps += 1
    assert steps > 10


async def test_a_post_that_was_parked_brings_nothing_back_of_what_it_said(town: World) -> None:
    ada = town.ids["ada"]
    tweet_id = await town.post("ada", "zero #one @ben")
    event_id = await park_first(town, ada)
    await town.edit("ada", tweet_id, "new #two @cleo")
    await town.deliver(lane_of(ada))
    async with town.db.transaction() as session:
        await outbox.replay(session, actor_id=ada, event_id=event_id)
    await town.settle()
    await assert_words(town)


async def test_an_event_that_was_parked_changes_nothing_later(town: World) -> None:
    ada = town.ids["ada"]
    tweet_id = await town.post("ada", "zero #one @ben")
    await town.settle()
    await town.edit("ada", tweet_id, "first #two @cleo")
    event_id = await park_first(town, ada)
    await town.edit("ada", tweet_id, "second #three")
    await town.deliver(lane_of(ada))
    async with town.db.transaction() as session:
        await outbox.replay(session, actor_id=ada, event_id=event_id)
    await town.settle()
    await assert_words(town)
    assert await says(town, tweet_id) == "second #three"
