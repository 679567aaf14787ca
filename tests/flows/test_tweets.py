"""C1–C6, C9, C10: what people can do with tweets, and what they are refused."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from linnet.domain.timeline import Range
from linnet.errors import Forbidden, IdempotencyKeyReused, Invalid, TweetNotFound, UserNotFound
from linnet.ids import MAX_ID, TweetId, UserId
from linnet.read.hydration import marks
from linnet.read.timelines.everyone import everyone_page
from linnet.read.timelines.home import home_page
from linnet.read.timelines.thread import posted_screen, thread_screen, tweet_screen
from linnet.read.timelines.user import user_tweets_page
from linnet.read.views.pages import Page, PageView, page_json
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres import users
from linnet.stores.postgres.queries import Query
from linnet.write.actions import tweets
from linnet.write.fanout import notes
from tests.support import recounts
from tests.support.world import World

UNKNOWN = TweetId(1)


@pytest.fixture
async def town(world: World) -> World:
    """Ada, Ben and Cleo; Ben and Cleo follow Ada."""
    await world.person("ada", "ben", "cleo")
    await world.follow("ben", "ada")
    await world.follow("cleo", "ada")
    await world.settle()
    return world


def page_of(page: Page) -> PageView[TweetView]:
    return msgspec.json.decode(page_json(page), type=PageView[TweetView], strict=True)


async def read_tweet(world: World, viewer: str | None, tweet_id: int) -> TweetView:
    viewer_id = None if viewer is None else world.ids[viewer]
    return msgspec.json.decode(await tweet_screen(world.read, viewer_id, TweetId(tweet_id)), type=TweetView)


async def read_thread(world: World, viewer: str | None, tweet_id: int, *, limit: int = 15) -> dict[str, Any]:
    """As JSON: msgspec cannot tell a tweet and a placeholder apart."""
    viewer_id = None if viewer is None else world.ids[viewer]
    return dict(msgspec.json.decode(await thread_screen(world.read, viewer_id, TweetId(tweet_id), Range(limit))))


async def all_pages(read: Callable[[Range], Awaitable[Page]], *, limit: int) -> list[int]:
    """Every id down to the end; each page but the last is full."""
    found: list[int] = []
    before = MAX_ID
    while True:
        page = page_of(await read(Range(limit, before)))
        found += [int(item.id) for item in page.items]
        if page.next is None:
            return found
        assert len(page.items) == limit, "a page is short only at the end"
        before = int(page.next)


async def everyone(world: World, viewer: str | None = None, *, limit: int = 15) -> list[int]:
    viewer_id = None if viewer is None else world.ids[viewer]
    return await all_pages(lambda wanted: everyone_page(world.read, viewer_id, wanted), limit=limit)


async def tweets_of(world: World, name: str, *, viewer: str | None = None, limit: int = 15) -> list[int]:
    viewer_id = None if viewer is None else world.ids[viewer]
    return await all_pages(lambda wanted: user_tweets_page(world.read, viewer_id, world.ids[name], wanted), limit=limit)


async def count_rows(world: World, table: str) -> int:
    return int(await world.db.value(Query("test.count", (), "value", f"select count(*) from {table}")))


# Posting


async def test_a_tweet_is_in_its_authors_timeline_before_any_worker_ran(town: World) -> None:
    assert await town.home_ids("ada") == []
    first = await town.post("ada", "hello")
    assert await town.home_ids("ada") == [first]
    page = await town.home("ada")
    assert page.items[0].text == "hello"
    assert page.items[0].author.username == "ada"
    assert await town.home_ids("ben") == [first], "the truth, because Ben has no window yet"


async def test_the_answer_to_a_post_is_the_tweet_and_costs_no_query(town: World) -> None:
    await town.home("ada")
    tweet = await tweets.post_tweet(
        town.write,
        town.ids["ada"],
        text="see https://example.org #now @ben @nobody",
        reply_to=None,
        idempotency_key=None,
    )
    await town.home("ada")
    with town.budget(sql=0, valkey=1):
        body = await posted_screen(town.read, town.ids["ada"], tweet)
    shown = msgspec.json.decode(body, type=TweetView, strict=True)
    assert shown == await read_tweet(town, "ada", tweet.id)
    assert [tag.text for tag in shown.entities.hashtags] == ["now"]
    assert [(mention.username, mention.user_id) for mention in shown.entities.mentions] == [
        ("ben", str(town.ids["ben"]))
    ], "people who are there, and no others"
    assert [link.url for link in shown.entities.links] == ["https://example.org"]


async def test_one_key_is_one_tweet_and_another_key_another(town: World) -> None:
    async def post(name: str, text: str, key: str) -> TweetId:
        posted = await tweets.post_tweet(town.write, town.ids[name], text=text, reply_to=None, idempotency_key=key)
        return posted.id

    first = await post("ada", "once", "k1")
    assert await post("ada", "once", "k1") == first
    assert await post("ada", "once", "k2") != first
    assert await post("ben", "once", "k1") != first, "keys are a person's own"
    with pytest.raises(IdempotencyKeyReused):
        await post("ada", "something else", "k1")
    await town.db.run(
        Query("test.age", (), "none", "update idempotency_keys set created_at = now() - interval '61 minutes'")
    )
    second = await post("ada", "something else", "k1")
    assert second != first
    assert await post("ada", "something else", "k1") == second
    assert len(await tweets_of(town, "ada")) == 3


async def test_a_key_used_eight_times_at_once_is_one_tweet(town: World) -> None:
    posted = await asyncio.gather(
        *(
            tweets.post_tweet(town.write, town.ids["ada"], text="once", reply_to=None, idempotency_key="k")
            for _ in range(8)
        )
    )
    assert len({tweet.id for tweet in posted}) == 1
    assert await count_rows(town, "tweets") == 1
    assert await count_rows(town, "outbox") == 1


@pytest.mark.parametrize("text", ["", "  \n ", "a\0b", "\ud800", "x" * 141, "\u202e" * 3])
async def test_what_is_no_text_is_refused_and_leaves_nothing(town: World, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        await town.post("ada", text)
    assert [error.field for error in refused.value.errors] == ["text"]
    with pytest.raises(Invalid):
        await tweets.post_tweet(town.write, town.ids["ada"], text=text, reply_to=None, idempotency_key="k")
    assert await count_rows(town, "tweets") == await count_rows(town, "outbox") == 0
    assert await count_rows(town, "idempotency_keys") == 0, "what was refused may be sent again, put right"
    assert await town.post("ada", "x" * 140)


# Reading and deleting


async def test_a_tweet_is_read_by_everybody_until_it_is_deleted(town: World) -> None:
    tweet_id = await town.post("ada", "soon gone")
    assert (await read_tweet(town, None, tweet_id)).viewer is None
    assert (await read_tweet(town, "ben", tweet_id)).viewer is not None
    await town.delete("ada", tweet_id)
    for viewer in (None, "ada", "ben"):
        with pytest.raises(TweetNotFound):
            await read_tweet(town, viewer, tweet_id)
    with pytest.raises(TweetNotFound):
        await read_tweet(town, "ben", UNKNOWN)


async def test_only_the_author_deletes_and_deleting_twice_is_quiet(town: World) -> None:
    tweet_id = await town.post("ada")
    with pytest.raises(Forbidden):
        await town.delete("ben", tweet_id)
    assert (await read_tweet(town, "ben", tweet_id)).id == str(tweet_id)
    await town.delete("ada", tweet_id)
    await town.delete("ada", tweet_id)
    await town.delete("ada", UNKNOWN)
    await town.settle()
    assert (await town.profile("ada")).tweets_count == 0
    assert await count_rows(town, "outbox") == 0


async def test_a_deleted_tweet_is_gone_from_every_page_at_once(town: World) -> None:
    tweet_ids = [await town.post("ada", f"number {number}") for number in range(6)]
    await town.settle()
    await town.assert_exact()
    for name in ("ada", "ben"):
        assert await town.home_ids(name) == tweet_ids[::-1]
    await town.delete("ada", tweet_ids[3])
    town.forget()
    for read in (town.home_ids("ada"), town.home_ids("ben"), everyone(town), tweets_of(town, "ada", viewer="ben")):
        assert tweet_ids[3] not in await read
    await town.settle()
    await town.assert_exact()


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_pages_stay_full_when_most_tweets_on_them_were_deleted(town: World, limit: int) -> None:
    tweet_ids = [await town.post("ada", f"number {number}") for number in range(30)]
    await town.settle()
    assert await town.home_ids("ben") == tweet_ids[::-1]
    for tweet_id in tweet_ids:
        if tweet_id not in (tweet_ids[2], tweet_ids[17], tweet_ids[18], tweet_ids[29]):
            await town.delete("ada", tweet_id)
    town.forget()
    left = [tweet_ids[29], tweet_ids[18], tweet_ids[17], tweet_ids[2]]
    assert await everyone(town, limit=limit) == left
    assert await tweets_of(town, "ada", viewer="ben", limit=limit) == left
    home = await all_pages(lambda wanted: home_page(town.read, town.ids["ben"], wanted), limit=limit)
    assert home == left
    await town.assert_exact(limit=limit)


# Lists


async def test_everyones_tweets_are_there_newest_first(town: World) -> None:
    written = [await town.post(name, f"by {name}") for name in ("ada", "ben", "cleo", "ada", "cleo", "ben", "ada")]
    answer = await town.post("cleo", "an answer", reply_to=written[0])
    again = await town.retweet("ben", written[2])
    for limit in (1, 3, 100):
        assert await everyone(town, limit=limit) == [again, answer, *written[::-1]]
    newer = page_of(await everyone_page(town.read, None, Range(2, after=written[4])))
    assert [int(item.id) for item in newer.items] == [written[6], written[5]]
    assert newer.prev == str(written[6])


async def test_one_persons_tweets_are_theirs_alone(town: World) -> None:
    own = await town.post("ada")
    await town.post("ben")
    answer = await town.post("ada", "an answer", reply_to=own)
    again = await town.retweet("ada", own)
    assert await tweets_of(town, "ada") == [again, answer, own]
    assert await tweets_of(town, "cleo") == []
    with pytest.raises(UserNotFound):
        await user_tweets_page(town.read, None, UserId(1), Range(15))


async def test_somebody_whose_id_was_asked_for_before_they_came_is_found(town: World) -> None:
    # Ids are times: anybody can ask for those of the next minutes, whosever they will be.
    future_id = UserId(town.write.ids.mint() + (60_000 << 16))
    past_id = UserId(1 << 40)
    for user_id in (future_id, past_id):
        with pytest.raises(UserNotFound):
            await user_tweets_page(town.read, None, user_id, Range(15))
    await users.insert(
        town.db, user_id=future_id, username="dan", name="Dan", email="dan@example.org", password_hash="-"
    )
    town.forget()
    assert page_of(await user_tweets_page(town.read, None, future_id, Range(15))).items == []
    with town.budget(sql=0, valkey=1), pytest.raises(UserNotFound):
        await user_tweets_page(town.read, None, past_id, Range(15))


# Answering


async def test_a_thread_shows_what_was_answered_and_the_answers(town: World) -> None:
    first = await town.post("ada", "first")
    second = await town.post("ben", "second", reply_to=first)
    third = await town.post("cleo", "third", reply_to=second)
    answers = [await town.post("ada", f"answer {number}", reply_to=third) for number in range(5)]
    await town.settle()
    thread = await read_thread(town, "ben", third, limit=3)
    assert [ancestor["text"] for ancestor in thread["ancestors"]] == ["first", "second"]
    assert thread["tweet"]["text"] == "third"
    assert thread["tweet"]["reply_to"] == {
        "tweet_id": str(second),
        "user_id": str(town.ids["ben"]),
        "username": "ben",
    }
    assert thread["tweet"]["counts"]["replies"] == 5
    assert [item["id"] for item in thread["replies"]["items"]] == [str(answer) for answer in answers[:1:-1]]
    assert thread["replies"]["next"] == str(answers[2])
    with pytest.raises(TweetNotFound):
        await read_thread(town, "ben", UNKNOWN)


async def test_a_deleted_ancestor_leaves_a_placeholder(town: World) -> None:
    first = await town.post("ada", "first")
    second = await town.post("ben", "second", reply_to=first)
    third = await town.post("cleo", "third", reply_to=second)
    await town.settle()
    await town.delete("ada", first)
    thread = await read_thread(town, None, third)
    assert thread["ancestors"][0] == {"id": str(first), "deleted": True}
    assert thread["ancestors"][1]["text"] == "second"
    await town.delete("ben", second)
    await town.settle()
    thread = await read_thread(town, None, third)
    assert thread["ancestors"] == [{"id": str(second), "deleted": True}]
    assert (await read_thread(town, None, third))["tweet"]["reply_to"]["username"] == "ben"


async def test_only_a_tweet_that_is_there_can_be_answered(town: World) -> None:
    tweet_id = await town.post("ada")
    answer = await town.post("ben", reply_to=tweet_id)
    await town.delete("ada", tweet_id)
    for gone in (tweet_id, UNKNOWN):
        with pytest.raises(TweetNotFound):
            await town.post("ben", reply_to=gone)
    assert await town.post("ada", reply_to=answer)


async def test_whoever_answers_a_retweet_answers_the_tweet_in_it(town: World) -> None:
    original = await town.post("ada")
    again = await town.retweet("ben", original)
    answer = await read_tweet(town, None, await town.post("cleo", reply_to=again))
    assert answer.reply_to is not None
    assert answer.reply_to.tweet_id == str(original)
    assert answer.reply_to.username == "ada"


async def test_answers_are_counted_and_taken_back(town: World) -> None:
    original = await town.post("ada")
    answers = [await town.post("ben", reply_to=original) for _ in range(3)]
    await town.settle()
    assert (await read_tweet(town, "ben", original)).counts.replies == 3
    await town.delete("ben", answers[1])
    await town.settle()
    thread = await read_thread(town, "ben", original)
    assert thread["tweet"]["counts"]["replies"] == 2
    assert [item["id"] for item in thread["replies"]["items"]] == [str(answers[2]), str(answers[0])]
    await recounts.assert_counts(town.db, top_user_followers=5000)


# Retweeting


async def test_a_retweet_is_one_item_of_its_own_with_the_original_inside(town: World) -> None:
    await town.home("cleo")
    await town.follow("cleo", "ben")
    original = await town.post("ada", "worth it")
    again = await town.retweet("ben", original)
    assert await town.retweet("ben", original) == again, "once per person"
    assert await town.retweet("ben", again) == again, "a retweet of a retweet is one of the original"
    await town.settle()
    item = (await town.home("cleo")).items[0]
    assert item.id == str(again)
    assert item.author.username == "ben"
    assert item.retweet_of is not None
    assert (item.retweet_of.text, item.retweet_of.author.username) == ("worth it", "ada")
    assert item.retweet_of.counts.retweets == 1
    assert await read_tweet(town, "cleo", again) == item
    with pytest.raises(Forbidden):
        await town.delete("ada", again)
    await town.delete("ben", again)
    await town.settle()
    assert (await read_tweet(town, "cleo", original)).counts.retweets == 0
    await town.assert_exact()


async def test_retweeting_what_is_not_there_is_refused(town: World) -> None:
    original = await town.post("ada")
    again = await town.retweet("ben", original)
    await town.delete("ada", original)
    for gone in (original, again, UNKNOWN):
        with pytest.raises(TweetNotFound):
            await town.retweet("cleo", gone)
        with pytest.raises(TweetNotFound):
            await town.undo_retweet("cleo", gone)


async def test_undoing_what_was_not_retweeted_is_quiet(town: World) -> None:
    original = await town.post("ada")
    await town.undo_retweet("ben", original)
    await town.retweet("cleo", original)
    await town.undo_retweet("ben", original)
    await town.settle()
    assert (await read_tweet(town, "ben", original)).counts.retweets == 1


async def test_a_page_says_at_once_what_its_reader_retweeted(town: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Marks reach down to the third newest; what lies below is asked of the truth.
    monkeypatch.setattr(marks, "MARKS_LOADED", 3)
    tweet_ids = [await town.post("ada", f"number {number}") for number in range(9)]
    await town.settle()
    retweeted: set[int] = set()

    async def check() -> None:
        # Twice: once they are loaded, and once they are there. Another process remembers nothing of what we did.
        for _ in range(2):
            items = (await town.home("ben", limit=50)).items
            shown = [item.retweet_of or item for item in items]
            assert {int(item.id) for item in shown if item.viewer and item.viewer.retweeted} == retweeted
            for item in shown:
                alone = await read_tweet(town, "ben", int(item.id))
                assert alone.viewer is not None
                assert alone.viewer.retweeted == (int(item.id) in retweeted)

    await check()
    for tweet_id in [tweet_ids[number] for number in (4, 0, 8, 2, 7, 5, 1)]:
        await town.retweet("ben", tweet_id)
        retweeted.add(tweet_id)
        await check()
    for tweet_id in [tweet_ids[number] for number in (0, 8, 4)]:
        await town.undo_retweet("ben", tweet_id)
        retweeted.discard(tweet_id)
        await check()
    await town.settle()
    await check()
    assert all(item.viewer is None for item in page_of(await everyone_page(town.read, None, Range(15))).items)


async def test_retweeting_again_after_an_undo_counts_once(town: World) -> None:
    original = await town.post("ada")
    await town.settle()
    await town.retweet("ben", original)
    await town.undo_retweet("ben", original)
    await town.retweet("ben", original)
    await town.settle()
    assert (await read_tweet(town, "ben", original)).counts.retweets == 1
    await town.undo_retweet("ben", original)
    await town.retweet("ben", original)
    await town.settle()
    assert (await read_tweet(town, "ben", original)).counts.retweets == 1
    await recounts.assert_counts(town.db, top_user_followers=5000)


@pytest.mark.parametrize("people", [1, 4, 8, 9])
async def test_everything_hung_on_a_deleted_tweet_goes_with_it(
    town: World, monkeypatch: pytest.MonkeyPatch, people: int
) -> None:
    # Four at a time: in one step, in exactly one, in several.
    monkeypatch.setattr(notes, "NOTES_AT_ONCE", 4)
    crowd = [f"person{number}" for number in range(people)]
    await town.person(*crowd)
    await town.follow("cleo", *crowd)
    original = await town.post("ada")
    kept = await town.post("ada")
    for name in crowd:
        await town.retweet(name, original)
        await town.retweet(name, kept)
        await town.post(name, "an answer", reply_to=original)
    await town.settle()
    assert (await read_tweet(town, None, original)).counts.retweets == people
    await town.home_ids("cleo")
    await town.delete("ada", original)
    town.forget()
    assert all(item.retweet_of is None or item.retweet_of.id == str(kept) for item in (await town.home("cleo")).items)
    await town.settle()
    for name in crowd:
        assert (await town.profile(name)).tweets_count == 2, "the retweet of the other tweet, and the answer"
    assert await count_rows(town, "retweets") == people
    assert await count_rows(town, "replies") == 0
    await recounts.assert_counts(town.db, top_user_followers=5000)
    await town.assert_exact()
