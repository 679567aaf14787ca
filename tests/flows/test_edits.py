"""Promise: whoever edits a tweet changes what it says everywhere, and what it said before can be read."""

import msgspec
import pytest

from linnet.domain.event import lane_of
from linnet.domain.timeline import Range
from linnet.errors import Forbidden, IdempotencyKeyReused, Invalid, NotFound, TooManyEdits, TweetNotFound
from linnet.ids import TweetId
from linnet.read.timelines.history import History, history_screen
from linnet.read.timelines.search import tweets_found_page
from linnet.read.timelines.tag import tag_page
from linnet.read.timelines.thread import changed_screen, tweet_screen
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres import notifications, outbox
from linnet.stores.postgres.queries import Query
from linnet.write.actions import edits, tweets
from linnet.write.actions.edits import Wish, edit_tweet
from linnet.write.fanout import notes
from linnet.write.fanout import notifications as fanout_notifications
from tests.support import recounts
from tests.support.recount_words import assert_words
from tests.support.world import World

_VERSIONS = Query("test.versions", (), "many", "select text from tweet_versions order by tweet_id, since_ms")


@pytest.fixture
async def town(world: World) -> World:
    """Ada, whom Ben follows, and Cleo, who knows nobody."""
    await world.person("ada", "ben", "cleo")
    await world.follow("ben", "ada")
    await world.settle()
    return world


async def shown(town: World, viewer: str | None, tweet_id: TweetId) -> TweetView:
    viewer_id = None if viewer is None else town.ids[viewer]
    return msgspec.json.decode(await tweet_screen(town.read, viewer_id, tweet_id), type=TweetView)


async def history(town: World, viewer: str | None, tweet_id: TweetId) -> History:
    return await history_screen(town.read, None if viewer is None else town.ids[viewer], tweet_id)


async def texts(town: World, tweet_id: TweetId) -> list[str]:
    return [version.text for version in (await history(town, None, tweet_id)).versions]


async def told(town: World, name: str) -> list[tuple[str, int, int]]:
    """Kind, what it is about, and its id."""
    groups = await notifications.fetch_groups(town.db, town.ids[name], Range(100))
    return [(group.kind, group.group_id, group.newest_id) for group in groups]


async def edit(town: World, name: str, tweet_id: TweetId, wish: Wish, *, key: str | None = None) -> edits.Edited:
    return await edit_tweet(town.write, town.ids[name], tweet_id, wish, idempotency_key=key)


async def test_an_edit_shows_at_once_to_its_author_and_soon_to_everybody(town: World) -> None:
    tweet_id = await town.post("ada", "a sparow")
    await town.settle()
    for name in ("ada", "ben"):
        assert [item.text for item in (await town.home(name)).items] == ["a sparow"]
    before = await shown(town, None, tweet_id)
    assert before.edited_at is msgspec.UNSET
    assert await town.edit("ada", tweet_id, "a sparrow")
    answer = await changed_screen(town.read, town.ids["ada"], tweet_id, changed_ids=[tweet_id])
    after = msgspec.json.decode(answer, type=TweetView)
    assert after.text == "a sparrow"
    assert after.edited_at
    assert after.edited_at > before.created_at
    for name in ("ada", "ben"):
        [item] = (await town.home(name)).items
        assert (item.text, item.edited_at, item.created_at) == ("a sparrow", after.edited_at, before.created_at)
    await town.settle()
    assert (await shown(town, None, tweet_id)).text == "a sparrow"
    assert await texts(town, tweet_id) == ["a sparow", "a sparrow"]


async def test_home_timelines_hold_what_they_held(town: World) -> None:
    """The definition does not change: the entry stays where it was, whatever the tweet says."""
    first = await town.post("ada", "first")
    second = await town.post("ada", "second")
    await town.retweet("ben", first)
    await town.settle()
    homes = {name: await town.home_ids(name) for name in town.ids}
    windows = {name: await town.window_elements(name) for name in town.ids}
    for text in ("first, but @cleo", "first and #last"):
        await town.edit("ada", first, text)
        assert {name: await town.home_ids(name) for name in town.ids} == homes
        await town.settle()
        assert {name: await town.window_elements(name) for name in town.ids} == windows, "nothing is pushed"
        await town.assert_exact()
    assert homes["ben"][0] != second


async def test_an_edit_that_changes_nothing_leaves_nothing(town: World) -> None:
    tweet_id = await town.post("ada", "a wren")
    await town.settle()
    for wish in (
        Wish(),
        Wish(text="a wren"),
        Wish(text="  a wren\n"),
        Wish(text="a wren", warning=""),
        Wish(warning=" ", sensitive=False, attached=()),
    ):
        edited = await edit(town, "ada", tweet_id, wish)
        assert not edited.changed
    assert await outbox.count(town.db) == 0
    assert await texts(town, tweet_id) == ["a wren"]
    assert (await shown(town, None, tweet_id)).edited_at is msgspec.UNSET
    # What it lacks is left as it is.
    assert (await edit(town, "ada", tweet_id, Wish(warning="birds"))).changed
    edited = await edit(town, "ada", tweet_id, Wish(text="a robin"))
    assert (edited.tweet.text, edited.tweet.warning, edited.tweet.sensitive) == ("a robin", "birds", True)


async def test_tags_links_mentions_search_and_documents_follow_the_words(town: World) -> None:
    tweet_id = await town.post("ada", "#Finch seen by @cleo at https://example.com")
    other = await town.post("ben", "#finch #wren")
    await town.settle()
    await assert_words(town)
    assert await town.edit("ada", tweet_id, "#FINCH #Heron seen by @ben")
    await town.settle()
    await assert_words(town)
    await recounts.assert_counts(town.db, top_user_followers=town.options.top_user_followers)
    assert [int(item[7:].split(b'"')[0]) for item in (await tag_page(town.read, None, "heron", Range(15))).items] == [
        tweet_id
    ]
    assert await town.edit("ada", tweet_id, "nothing of it")
    await town.settle()
    await assert_words(town)
    assert (await tag_page(town.read, None, "heron", Range(15))).items == []
    finches = (await tag_page(town.read, None, "finch", Range(15))).items
    assert [int(item[7:].split(b'"')[0]) for item in finches] == [other]

    async def found(query: str) -> list[int]:
        page = await tweets_found_page(town.read, None, query, Range(15))
        return [int(item[7:].split(b'"')[0]) for item in page.items]

    assert await found("nothing") == [tweet_id]
    assert await found("seen") == []
    assert await found("nothing has:link") == []


async def test_mentions_are_told_once_and_taken_back_with_the_mention(town: World) -> None:
    tweet_id = await town.post("ada", "hello @ben")
    await town.settle()
    assert [kind for kind, _, _ in await told(town, "ben")] == ["mentioned"]
    await town.edit("ada", tweet_id, "hello @ben and @cleo")
    await town.settle()
    mentioned = await told(town, "cleo")
    assert [(kind, group_id) for kind, group_id, _ in mentioned] == [("mentioned", tweet_id)]
    earlier = await told(town, "ben")
    await town.edit("ada", tweet_id, "hello both: @ben and @cleo")
    await town.settle()
    assert [await told(town, name) for name in ("cleo", "ben")] == [mentioned, earlier], "no news"
    await town.edit("ada", tweet_id, "hello @cleo")
    await town.settle()
    assert await told(town, "ben") == []
    assert await told(town, "cleo") == mentioned
    await assert_words(town)
    await recounts.assert_counts(town.db, top_user_followers=town.options.top_user_followers)


async def test_who_is_answered_is_not_told_of_a_mention_too(town: World) -> None:
    asked = await town.post("ada", "what is it?")
    answer = await town.post("ben", "a finch", reply_to=asked)
    await town.settle()
    before = await told(town, "ada")
    await town.edit("ben", answer, "a finch, @ada, and a wren, @cleo")
    await town.settle()
    assert await told(town, "ada") == before
    await town.edit("ben", answer, "a finch")
    await town.settle()
    assert await told(town, "ada") == before, "the answer is there"
    await assert_words(town)


async def test_a_private_tweet_is_for_whom_it_mentions_now(town: World) -> None:
    tweet_id = await town.post("ada", "for @cleo", visibility="private")
    await town.settle()
    assert (await shown(town, "cleo", tweet_id)).text == "for @cleo"
    await town.edit("ada", tweet_id, "for nobody")
    town.forget()
    for look in (shown, history):
        with pytest.raises(TweetNotFound):
            await look(town, "cleo", tweet_id)
        with pytest.raises(TweetNotFound):
            await look(town, None, tweet_id)
    assert (await shown(town, "ben", tweet_id)).text == "for nobody", "who follows sees it as before"
    await town.settle()
    assert await told(town, "cleo") == []
    await town.edit("ada", tweet_id, "for @cleo again, #quietly")
    await town.settle()
    assert len((await history(town, "cleo", tweet_id)).versions) == 3
    assert [kind for kind, _, _ in await told(town, "cleo")] == ["mentioned"]
    assert (await tag_page(town.read, town.ids["ben"], "quietly", Range(15))).items == []


async def test_whoever_retweeted_is_told_of_the_last_edit_alone(town: World) -> None:
    await town.person("dan")
    tweet_id = await town.post("ada", "one")
    await town.retweet("ben", tweet_id)
    await town.retweet("cleo", tweet_id)
    await town.retweet("ada", tweet_id)
    await town.settle()
    await town.edit("ada", tweet_id, "two")
    await town.settle()
    [(kind, group_id, first_id)] = await told(town, "ben")
    assert (kind, group_id) == ("edited", tweet_id)
    await town.retweet("dan", tweet_id)
    await town.settle()
    assert await told(town, "dan") == [], "they retweeted what it says"
    await town.edit("ada", tweet_id, "three")
    await town.edit("ada", tweet_id, "four")
    await town.settle()
    for name in ("ben", "cleo", "dan"):
        [(kind, group_id, last_id)] = await told(town, name)
        assert (kind, group_id) == ("edited", tweet_id)
        assert last_id > first_id
    assert "edited" not in [kind for kind, _, _ in await told(town, "ada")]
    await town.undo_retweet("cleo", tweet_id)
    await town.settle()
    assert await told(town, "cleo") == []
    await town.delete("ada", tweet_id)
    await town.settle()
    assert await told(town, "ben") == await told(town, "dan") == []
    await recounts.assert_counts(town.db, top_user_followers=town.options.top_user_followers)


async def test_more_people_than_one_step_takes_are_all_told_once(town: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "NOTES_AT_ONCE", 5)
    monkeypatch.setattr(fanout_notifications, "CAUSES_AT_ONCE", 20)
    fans = [f"fan{number}" for number in range(23)]
    await town.person(*fans)
    tweet_id = await town.post("ada", "one")
    for name in fans:
        await town.retweet(name, tweet_id)
    await town.settle()
    await town.edit("ada", tweet_id, "two")
    await town.settle()
    first = {name: await told(town, name) for name in fans}
    assert all([kind for kind, _, _ in causes] == ["edited"] for causes in first.values())
    await town.edit("ada", tweet_id, "three")
    await town.edit("ada", tweet_id, "four")
    await town.settle()
    for name in fans:
        [(_, _, last_id)] = await told(town, name)
        assert last_id > first[name][0][2]
    await town.delete("ada", tweet_id)
    await town.settle()
    assert not any([await told(town, name) for name in fans])
    await recounts.assert_counts(town.db, top_user_followers=town.options.top_user_followers)


async def test_a_retweet_that_is_noted_after_the_edit_it_came_before_is_told(town: World) -> None:
    tweet_id = await town.post("ada", "one")
    await town.settle()
    await town.retweet("ben", tweet_id)
    await town.edit("ada", tweet_id, "two")
    # Ada's lane first, then Ben's: in whatever order the worker comes to them.
    for name in ("ada", "ben"):
        await town.deliver(lane_of(town.ids[name]))
    assert [kind for kind, _, _ in await told(town, "ben")] == ["edited"]


async def test_whom_one_blocks_is_not_told(town: World) -> None:
    tweet_id = await town.post("ada", "one")
    await town.retweet("ben", tweet_id)
    await town.settle()
    await town.block("ben", "ada")
    await town.edit("ada", tweet_id, "two, @ben")
    await town.settle()
    assert await told(town, "ben") == []
    with pytest.raises(TweetNotFound):
        await history(town, "ben", tweet_id)


async def test_only_its_author_edits_a_tweet_and_nobody_a_retweet(town: World) -> None:
    tweet_id = await town.post("ada", "mine")
    private = await town.post("ada", "ours", visibility="private")
    retweet_id = await town.retweet("ben", tweet_id)
    await town.settle()
    with pytest.raises(Forbidden):
        await town.edit("ben", tweet_id, "yours")
    with pytest.raises(TweetNotFound):
        await town.edit("cleo", private, "yours")
    with pytest.raises(Invalid):
        await town.edit("ben", retweet_id, "yours")
    with pytest.raises(Forbidden):
        await town.edit("ada", retweet_id, "yours")
    with pytest.raises(TweetNotFound):
        await town.edit("ada", TweetId(1), "yours")
    await town.delete("ada", tweet_id)
    with pytest.raises(TweetNotFound):
        await town.edit("ada", tweet_id, "gone")
    assert (await shown(town, "ben", private)).text == "ours"


@pytest.mark.parametrize("text", ["", "   ", "x" * 141, "a\x00b", "\ud800"])
async def test_what_cannot_be_posted_cannot_be_said_later_either(town: World, text: str) -> None:
    tweet_id = await town.post("ada", "fine")
    await town.settle()
    with pytest.raises(Invalid):
        await town.edit("ada", tweet_id, text)
    with pytest.raises(Invalid):
        await edit(town, "ada", tweet_id, Wish(text=text), key="k")
    assert await texts(town, tweet_id) == ["fine"]
    assert await outbox.count(town.db) == 0
    assert (await edit(town, "ada", tweet_id, Wish(text="better"), key="k")).changed, "the key was not used"


async def test_one_key_is_one_edit_whatever_was_edited_since(town: World) -> None:
    tweet_id = await town.post("ada", "one")
    assert (await edit(town, "ada", tweet_id, Wish(text="two"), key="k")).changed
    assert (await edit(town, "ada", tweet_id, Wish(text="three"))).changed
    again = await edit(town, "ada", tweet_id, Wish(text="two"), key="k")
    assert (again.changed, again.tweet.text) == (False, "three")
    with pytest.raises(IdempotencyKeyReused):
        await edit(town, "ada", tweet_id, Wish(text="four"), key="k")
    with pytest.raises(IdempotencyKeyReused):
        await tweets.post_tweet(town.write, town.ids["ada"], text="two", reply_to=None, idempotency_key="k")
    assert await texts(town, tweet_id) == ["one", "two", "three"]


async def test_a_tweet_is_edited_a_hundred_times_and_no_more(town: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "MAX_EDITS", 3)
    tweet_id = await town.post("ada", "0")
    for number in range(1, 4):
        assert await town.edit("ada", tweet_id, str(number))
    with pytest.raises(TooManyEdits):
        await town.edit("ada", tweet_id, "4")
    assert not await town.edit("ada", tweet_id, "3"), "what changes nothing is no edit"
    assert await texts(town, tweet_id) == ["0", "1", "2", "3"]


async def test_versions_go_with_the_tweet(town: World) -> None:
    tweet_id, other = await town.post("ada", "one"), await town.post("ada", "other")
    for each in (tweet_id, other):
        await town.edit("ada", each, "two")
    await town.settle()
    await town.delete("ada", tweet_id)
    assert await town.db.fetch(str, _VERSIONS) == ["other"]
    with pytest.raises(NotFound):
        await history(town, None, tweet_id)
    await town.settle()
    await assert_words(town)


async def test_a_version_names_nobody_but_in_its_text(town: World) -> None:
    tweet_id = await town.post("ada", "hello @ben #tag")
    await town.edit("ada", tweet_id, "hello")
    first, last = (await history(town, None, tweet_id)).versions
    assert first.text == "hello @ben #tag"
    assert (first.entities.mentions, [tag.text for tag in first.entities.hashtags]) == ([], ["tag"])
    assert last.text == "hello"
    kept = await town.db.fetch(str, Query("test.kept", (), "many", "select entities::text from tweet_versions"))
    assert str(town.ids["ben"]) not in kept[0]


async def test_the_history_of_a_retweet_is_that_of_what_is_in_it(town: World) -> None:
    tweet_id = await town.post("ada", "one")
    retweet_id = await town.retweet("ben", tweet_id)
    await town.edit("ada", tweet_id, "two")
    assert await texts(town, retweet_id) == ["one", "two"]
    found = (await town.home("ben")).items[0]
    assert found.retweet_of is not None
    assert found.retweet_of.text == "two"


async def test_each_edit_is_later_than_the_one_before(town: World) -> None:
    tweet_id = await town.post("ada", "0")
    for number in range(1, 30):
        await town.edit("ada", tweet_id, str(number))
    moments = [version.created_at for version in (await history(town, None, tweet_id)).versions]
    assert moments == sorted(set(moments))
    assert len(moments) == 30
