"""Promise: what is said to somebody in particular is theirs and the author's, in a conversation, and nobody else's."""

import asyncio

import msgspec
import pytest

from linnet.domain.event import lane_of
from linnet.domain.timeline import Range
from linnet.errors import ConversationNotFound, Invalid, NotToBePinned, NotToBeRetweeted, TweetNotFound
from linnet.ids import MAX_ID, TweetId
from linnet.read.timelines.conversations import conversation_screen, told_page
from linnet.read.timelines.history import history_screen
from linnet.read.timelines.thread import thread_screen, tweet_screen
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres import notifications
from linnet.stores.postgres.queries import Query
from linnet.write.actions import likes
from linnet.write.actions.conversations import (
    hide_conversation,
    mark_conversation_read,
    mute_conversation,
    unmute_conversation,
)
from linnet.write.actions.scheduled import post_scheduled, schedule_tweet
from linnet.write.outbox.worker import EventWorker
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.support import recounts
from tests.support.conversations import all_of, assert_conversations
from tests.support.world import World


@pytest.fixture
async def town(world: World) -> World:
    """Ben and Cleo follow Ada; Dan follows nobody."""
    await sign_up_in_lanes_of_their_own(world, "ada", "ben", "cleo", "dan")
    await world.follow("ben", "ada")
    await world.follow("cleo", "ada")
    await world.settle()
    return world


async def say(town: World, name: str, text: str, *, to: TweetId | None = None) -> TweetId:
    """Directly, and everybody has it."""
    tweet_id = await town.post(name, text, reply_to=to, visibility="direct")
    await check(town)
    return tweet_id


async def check(town: World) -> None:
    await town.settle()
    await recounts.assert_counts(town.db, top_user_followers=town.options.top_user_followers)
    for name in town.ids:
        await assert_conversations(town, name, limit=2)


async def seen_by(town: World, name: str) -> list[tuple[TweetId, TweetId, bool, list[str]]]:
    """Somebody's conversations: which, the newest tweet in each, whether there is something unread, and with whom."""
    return [
        (
            told.conversation.id,
            told.conversation.shown_id,
            told.conversation.unread,
            sorted(town.name_of(person) for person, _ in told.people),
        )
        for told in await all_of(town, name)
    ]


async def read(town: World, name: str, tweet_id: TweetId) -> TweetView:
    return msgspec.json.decode(await tweet_screen(town.read, town.ids[name], tweet_id), type=TweetView, strict=True)


async def told(town: World, name: str) -> dict[str, int]:
    groups = await notifications.fetch_groups(town.db, town.ids[name], Range(100))
    return {group.kind: sum(each.people_count for each in groups if each.kind == group.kind) for group in groups}


async def test_a_conversation_is_of_those_whom_its_tweets_are_for(town: World) -> None:
    first = await say(town, "ada", "@ben @dan come to the cage")
    assert await seen_by(town, "ada") == [(first, first, False, ["ben", "dan"])]
    assert await seen_by(town, "ben") == [(first, first, True, ["ada", "dan"])]
    assert await seen_by(town, "cleo") == []
    answer = await say(town, "ben", "on my way", to=first)
    # Dan is not in what Ben says to Ada alone; Ben has read what he answers.
    assert await seen_by(town, "ada") == [(first, answer, True, ["ben"])]
    assert await seen_by(town, "ben") == [(first, answer, False, ["ada"])]
    assert await seen_by(town, "dan") == [(first, first, True, ["ada", "ben"])]
    with pytest.raises(TweetNotFound):
        await read(town, "dan", answer)
    assert await told(town, "ben") == {"mentioned": 1}
    assert await told(town, "ada") == {"followed": 2, "replied": 1}
    # A note to oneself is a conversation with nobody else.
    note = await say(town, "cleo", "buy seeds")
    assert await seen_by(town, "cleo") == [(note, note, False, ["cleo"])]


async def test_what_is_direct_and_what_is_not_are_never_one_conversation(town: World) -> None:
    public = await town.post("ada", "finches at the window")
    await town.settle()
    direct = await say(town, "ben", "are they tame?", to=public)
    further = await say(town, "ada", "very", to=direct)
    open_answer = await town.post("ben", "I can tell you that they are", reply_to=further)
    open_again = await town.post("cleo", "who?", reply_to=open_answer)
    await check(town)
    assert [each[0] for each in await seen_by(town, "ada")] == [direct]
    assert (await read(town, "ada", further)).conversation_id == str(direct)
    assert (await read(town, "cleo", open_answer)).conversation_id is msgspec.UNSET
    assert (await read(town, "cleo", open_again)).conversation_id == str(open_answer)
    # What everybody can count does not know of it; those whom it is for find it under what it answers.
    assert (await read(town, "cleo", public)).counts.replies == 0
    for name, expected in (("ada", 1), ("ben", 1), ("cleo", 0)):
        thread = msgspec.json.decode(await thread_screen(town.read, town.ids[name], public, Range(10)))
        assert len(thread["replies"]["items"]) == expected, name
    assert await town.home_ids("cleo") == [open_again, public]


async def test_a_direct_tweet_is_at_nobodys_home_and_goes_no_further(town: World) -> None:
    direct = await say(town, "ada", "@ben look")
    for name in town.ids:
        assert direct not in await town.home_ids(name), name
    await town.assert_exact()
    with pytest.raises(NotToBeRetweeted):
        await town.retweet("ada", direct)
    with pytest.raises(NotToBeRetweeted):
        await town.retweet("ben", direct)
    with pytest.raises(NotToBePinned):
        await town.pin("ada", direct)
    with pytest.raises(TweetNotFound):
        await town.retweet("cleo", direct)
    await likes.like(town.write, town.ids["ben"], direct)
    await check(town)
    assert (await read(town, "ada", direct)).counts.likes == 1


async def test_the_last_tweet_goes_and_the_one_before_it_is_the_last(town: World) -> None:
    first = await say(town, "ada", "@ben one")
    second = await say(town, "ben", "@cleo two", to=first)
    third = await say(town, "ada", "@cleo three", to=second)
    assert [each[:2] for each in await seen_by(town, "cleo")] == [(first, third)]
    await town.delete("ada", third)
    town.forget()
    # Before any worker knows: there is nothing of it to be seen.
    [gone] = (await told_page(town.read, town.ids["cleo"], Range(10))).items
    assert gone.last is None
    await check(town)
    assert [each[:2] for each in await seen_by(town, "cleo")] == [(first, second)]
    await town.delete("ada", first)
    await check(town)
    # Which conversation it is does not hang on whether its first tweet is still there.
    assert [each[:2] for each in await seen_by(town, "ben")] == [(first, second)]
    await town.delete("ben", second)
    await check(town)
    for name in town.ids:
        assert await seen_by(town, name) == []


async def test_unread_is_what_others_said_and_one_has_not_seen(town: World) -> None:
    ben = town.ids["ben"]
    first = await say(town, "ada", "@ben one")
    second = await say(town, "ada", "@ben two", to=first)
    assert [each[2] for each in await seen_by(town, "ben")] == [True]
    await mark_conversation_read(town.write, ben, first)
    assert [each[2] for each in await seen_by(town, "ben")] == [False]
    await say(town, "ada", "@ben three", to=second)
    assert [each[2] for each in await seen_by(town, "ben")] == [True]
    # A tweet that goes takes with it that it was unread.
    await town.delete("ada", (await seen_by(town, "ben"))[0][1])
    await check(town)
    assert [each[2] for each in await seen_by(town, "ben")] == [False]
    with pytest.raises(ConversationNotFound):
        await mark_conversation_read(town.write, town.ids["cleo"], first)
    with pytest.raises(ConversationNotFound):
        await mark_conversation_read(town.write, ben, second)


async def test_what_is_put_away_comes_back_with_what_is_new(town: World) -> None:
    ben = town.ids["ben"]
    first = await say(town, "ada", "@ben one")
    assert await hide_conversation(town.write, ben, first)
    assert not await hide_conversation(town.write, ben, first), "a second time there is nothing to put away"
    assert not await hide_conversation(town.write, town.ids["cleo"], first)
    await check(town)
    assert await seen_by(town, "ben") == []
    with pytest.raises(ConversationNotFound):
        await conversation_screen(town.read, ben, first)
    assert [each[0] for each in await seen_by(town, "ada")] == [first], "it is put away by one person alone"
    assert (await read(town, "ben", first)).text == "@ben one"
    second = await say(town, "ada", "@ben two", to=first)
    assert await seen_by(town, "ben") == [(first, second, True, ["ada"])]
    await town.delete("ada", second)
    await check(town)
    assert await seen_by(town, "ben") == [], "what was put away does not come back by itself"


async def test_two_who_say_something_at_once_leave_one_conversation(town: World) -> None:
    """Four people in lanes of their own, and two workers: each conversation stands where its newest tweet puts it."""
    first = await say(town, "ada", "@ben @cleo @dan one")

    async def go_on(name: str) -> None:
        for number in range(4):
            await town.post(name, f"@ada @ben @cleo @dan {number}", reply_to=first, visibility="direct")

    await asyncio.gather(
        *map(go_on, ("ada", "ben", "cleo", "dan")), hide_conversation(town.write, town.ids["ben"], first)
    )
    workers = [EventWorker(town.write, town.options.worker) for _ in range(2)]
    await asyncio.gather(
        *(worker.drain() for worker in workers),
        *(mark_conversation_read(town.write, town.ids[name], first) for name in ("ada", "dan")),
    )
    await check(town)
    last = max(each[1] for each in await seen_by(town, "ada"))
    assert [[each[:2] for each in await seen_by(town, name)] for name in town.ids] == [[(first, last)]] * 4


async def test_what_comes_while_one_puts_it_away_is_either_put_away_or_new(town: World) -> None:
    """A worker that is stopped at any step while somebody puts the conversation away."""
    first = await say(town, "ada", "@ben one")
    ben, last = town.ids["ben"], first
    for steps in range(1, 14):
        last = await town.post("ada", f"@ben {steps}", reply_to=last, visibility="direct")
        strand = await town.loom.start("delivers", town.deliver(lane_of(town.ids["ada"])))
        await town.loom.run(strand, steps=steps)
        putting = asyncio.create_task(hide_conversation(town.write, ben, first))
        if not strand.done:
            await town.loom.run(strand)
        await putting
        town.loom.collect()
        await check(town)
        assert [each[1] for each in await seen_by(town, "ben")] in ([], [last]), steps


async def test_a_batch_that_dies_anywhere_is_done_again_and_changes_nothing_twice(town: World) -> None:
    first = await say(town, "ada", "@ben one")
    await town.post("ben", "two", reply_to=first, visibility="direct")
    lane = lane_of(town.ids["ben"])
    for steps in range(1, 40):
        strand = await town.loom.start("dies", town.deliver(lane))
        await town.loom.run(strand, steps=steps)
        if strand.done:
            break
        await town.loom.kill(strand)
        town.loom.collect()
    await check(town)
    assert [each[2] for each in await seen_by(town, "ada")] == [True]


async def test_whom_one_does_not_meet_is_not_met_in_messages(town: World) -> None:
    both = await say(town, "cleo", "@ada @ben one")
    last = await say(town, "ben", "@cleo two", to=both)
    alone = await say(town, "dan", "@ada hello")
    await say(town, "ben", "@ada three", to=last)
    assert [each[0] for each in await seen_by(town, "ada")] == [both, alone]
    for verb, back in ((town.mute, town.unmute), (town.block, town.unblock)):
        await verb("ada", "ben", "dan")
        await check(town)
        # What Cleo said stands there now, and Ben is not among those whom it was for.
        assert await seen_by(town, "ada") == [(both, both, True, ["cleo"])]
        await back("ada", "ben", "dan")
        await check(town)
        assert [each[0] for each in await seen_by(town, "ada")] == [both, alone]
    await town.block("dan", "ada")
    await check(town)
    assert [each[0] for each in await seen_by(town, "ada")] == [both]
    assert await seen_by(town, "dan") == [(alone, alone, False, ["dan"])]


async def test_nobody_is_told_of_a_conversation_that_they_muted(town: World) -> None:
    ada = town.ids["ada"]
    tweet = await town.post("ada", "finches at the window")
    answer = await town.post("ben", "where?", reply_to=tweet)
    await town.settle()
    assert await told(town, "ada") == {"followed": 2, "replied": 1}
    assert await mute_conversation(town.write, ada, answer) == answer
    await mute_conversation(town.write, ada, tweet)
    assert (await read(town, "ada", answer)).muted
    assert (await read(town, "ada", tweet)).muted
    assert not (await read(town, "ben", answer)).muted
    home = {int(item.id): item.muted for item in (await town.home("ada")).items}
    assert home == {tweet: True}
    deeper = await town.post("cleo", "there, @ada", reply_to=answer)
    await town.retweet("cleo", tweet)
    await likes.like(town.write, town.ids["dan"], tweet)
    other = await town.post("dan", "@ada another matter")
    direct = await town.post("dan", "@ada is that you?", reply_to=tweet, visibility="direct")
    await check(town)
    # Of the rest she hears: also of those who turn to her directly.
    assert await told(town, "ada") == {"followed": 2, "replied": 2, "mentioned": 1}
    assert await told(town, "ben") == {"replied": 1}
    assert not (await read(town, "ada", other)).muted
    assert not (await read(town, "ada", direct)).muted
    await unmute_conversation(town.write, ada, deeper)
    assert not (await read(town, "ada", answer)).muted
    await town.post("cleo", "and there", reply_to=tweet)
    await check(town)
    assert await told(town, "ada") == {"followed": 2, "replied": 3, "mentioned": 1}
    with pytest.raises(TweetNotFound):
        await mute_conversation(town.write, town.ids["cleo"], direct)


async def test_an_edit_leaves_whom_it_is_for_as_it_is(town: World) -> None:
    """Else they would read what it said before, or have answered what they have no more."""
    tweet_id = await say(town, "ada", "@ben hello")
    for text in ("@cleo hello", "@ben @cleo hello", "hello"):
        with pytest.raises(Invalid) as refused:
            await town.edit("ada", tweet_id, text)
        assert [(each.field, "same people" in each.message) for each in refused.value.errors] == [("text", True)]
    assert await town.edit("ada", tweet_id, "hello and good morning, @ben")
    await check(town)
    assert (await read(town, "ben", tweet_id)).text == "hello and good morning, @ben"
    with pytest.raises(TweetNotFound):
        await history_screen(town.read, town.ids["cleo"], tweet_id)
    assert len((await history_screen(town.read, town.ids["ben"], tweet_id)).versions) == 2
    # What is for many may mention whom it likes.
    public = await town.post("ada", "hello")
    assert await town.edit("ada", public, "hello @ben")


async def test_what_is_said_later_is_theirs_when_it_is_said(town: World) -> None:
    due_ms = town.write.clock.now_ms() + 3_600_000
    one = await schedule_tweet(
        town.write, town.ids["ada"], due_ms=due_ms, text="@dan good evening", visibility="direct"
    )
    await check(town)
    assert await seen_by(town, "dan") == await seen_by(town, "ada") == []
    await post_scheduled(town.write, one)
    await check(town)
    [(conversation_id, shown_id, unread, people)] = await seen_by(town, "dan")
    assert (shown_id, unread, people) == (conversation_id, True, ["ada"])
    assert await seen_by(town, "ben") == []


async def test_an_answer_of_an_older_release_belongs_to_what_it_goes_back_to(town: World) -> None:
    """It did not note it: whoever answers it, or mutes it, goes up to where it began."""
    first = await town.post("ada", "one")
    second = await town.post("ben", "two", reply_to=first)
    third = await town.post("cleo", "three", reply_to=second)
    await town.db.run(
        Query("test.forget", (), "none", "update tweets set conversation_id = null, version = version + 1")
    )
    await town.flush()
    fourth = await town.post("dan", "four", reply_to=third)
    await town.settle()
    assert (await read(town, "ada", fourth)).conversation_id == str(first)
    await mute_conversation(town.write, town.ids["ada"], third)
    await town.post("ben", "@ada five", reply_to=fourth)
    await town.settle()
    assert await told(town, "ada") == {"followed": 2, "replied": 1}
    await town.delete("ada", first)
    await town.settle()
    await town.db.run(
        Query("test.forget", (), "none", "update tweets set conversation_id = null, version = version + 1")
    )
    await town.flush()
    sixth = await town.post("dan", "six", reply_to=third)
    assert (await read(town, "ada", sixth)).conversation_id == str(first), "where the first was it still begins"


async def test_a_page_of_conversations_costs_as_much_for_many_as_for_one(town: World) -> None:
    for number in range(12):
        await town.post("dan", f"@ada {number}", visibility="direct")
    await town.settle()
    await told_page(town.read, town.ids["ada"], Range(10))
    with town.budget(sql=3, valkey=4):
        page = await told_page(town.read, town.ids["ada"], Range(10, before=MAX_ID))
    assert len(page.items) == 10
    assert page.next_id is not None
