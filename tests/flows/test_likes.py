"""Promise: a like is there at once for whoever likes, is counted once, and goes with its tweet."""

import msgspec
import pytest

from linnet.domain.event import lane_of
from linnet.domain.timeline import Range
from linnet.errors import TweetNotFound, UserNotFound
from linnet.ids import MAX_ID, TweetId, UserId
from linnet.read.hydration import marks
from linnet.read.timelines.likes import liked_page, likers_page
from linnet.read.timelines.thread import posted_screen, tweet_screen
from linnet.read.views.pages import PageView, page_json
from linnet.read.views.tweets import TweetView
from linnet.read.views.users import UserView
from linnet.stores.postgres import likes as likes_store
from linnet.stores.postgres import outbox
from linnet.stores.postgres.queries import Query
from linnet.write.actions import likes, tweets
from linnet.write.fanout import notes
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.support import recounts
from tests.support.world import World


@pytest.fixture
async def town(world: World) -> World:
    """Ada writes; Ben and Cleo follow her."""
    await sign_up_in_lanes_of_their_own(world, "ada", "ben", "cleo")
    await world.follow("ben", "ada")
    await world.follow("cleo", "ada")
    await world.settle()
    return world


async def read(town: World, viewer: str | None, tweet_id: int) -> TweetView:
    viewer_id = None if viewer is None else town.ids[viewer]
    return msgspec.json.decode(await tweet_screen(town.read, viewer_id, TweetId(tweet_id)), type=TweetView, strict=True)


async def likes_of(
    town: World, viewer: str | None, name: str, *, limit: int = 15, before: int = MAX_ID, after: int = 0
) -> PageView[TweetView]:
    viewer_id = None if viewer is None else town.ids[viewer]
    page = await liked_page(town.read, viewer_id, town.ids[name], Range(limit, before, after))
    return msgspec.json.decode(page_json(page), type=PageView[TweetView], strict=True)


async def likers_of(
    town: World, viewer: str | None, tweet_id: int, *, limit: int = 15, before: int = MAX_ID, after: int = 0
) -> PageView[UserView]:
    viewer_id = None if viewer is None else town.ids[viewer]
    return await likers_page(town.read, viewer_id, TweetId(tweet_id), Range(limit, before, after))


async def count_rows(town: World, table: str) -> int:
    return int(await town.db.value(Query("test.count", (), "value", f"select count(*) from {table}")))


async def assert_exact(town: World) -> None:
    await recounts.assert_counts(town.db, top_user_followers=5000)
    await town.assert_exact()


# Liking


async def test_a_like_is_shown_at_once_and_counted_when_it_is_applied(town: World) -> None:
    tweet_id = await town.post("ada")
    await town.settle()
    await town.home("ben")
    await town.like("ben", tweet_id)
    shown = (await town.home("ben")).items[0]
    assert shown.viewer is not None
    assert (shown.viewer.liked, shown.viewer.retweeted, shown.counts.likes) == (True, False, 0)
    await town.settle()
    assert (await town.home("ben")).items[0].counts.likes == 1
    for viewer, liked in (("ada", False), ("ben", True), ("cleo", False)):
        tweet = await read(town, viewer, tweet_id)
        assert tweet.viewer is not None
        assert (tweet.viewer.liked, tweet.counts.likes) == (liked, 1)
    assert (await read(town, None, tweet_id)).viewer is None
    await town.unlike("ben", tweet_id)
    again = (await town.home("ben")).items[0]
    assert again.viewer is not None
    assert (again.viewer.liked, again.counts.likes) == (False, 1)
    await town.settle()
    assert (await read(town, "ben", tweet_id)).counts.likes == 0
    await assert_exact(town)


async def test_liking_twice_and_unliking_twice_are_quiet(town: World) -> None:
    tweet_id = await town.post("ada")
    await town.settle()
    for _ in range(3):
        await town.like("ben", tweet_id)
    assert await outbox.count(town.db) == 1
    await town.settle()
    assert (await read(town, "ben", tweet_id)).counts.likes == 1
    for _ in range(3):
        await town.unlike("ben", tweet_id)
    await town.unlike("cleo", tweet_id)
    assert await outbox.count(town.db) == 1
    await town.settle()
    assert (await read(town, "ben", tweet_id)).counts.likes == 0
    await assert_exact(town)


async def test_whoever_likes_one_of_their_own_is_counted_too(town: World) -> None:
    tweet_id = await town.post("ada")
    reply = await town.post("ben", reply_to=tweet_id)
    await town.like("ada", tweet_id, reply)
    await town.like("ben", tweet_id, reply)
    await town.settle()
    assert (await read(town, "ada", tweet_id)).counts.likes == 2
    assert (await read(town, "ada", reply)).counts.likes == 2
    await assert_exact(town)


async def test_a_retweet_stands_for_its_original(town: World) -> None:
    original = await town.post("ada")
    retweet = await town.retweet("cleo", original)
    assert await likes.like(town.write, town.ids["ben"], retweet) == original
    await town.like("ada", original)
    await town.settle()
    shown = (await town.home("ben")).items
    assert len(shown) == 1
    assert shown[0].viewer is not None
    assert (shown[0].viewer.liked, shown[0].counts.likes) == (True, 2)
    alone = (await read(town, "ben", retweet)).retweet_of
    assert alone is not None
    assert alone.viewer is not None
    assert (alone.viewer.liked, alone.counts.likes) == (True, 2)
    assert [user.username for user in (await likers_of(town, None, retweet)).items] == ["ada", "ben"]
    await likes.unlike(town.write, town.ids["ben"], retweet)
    await town.settle()
    assert (await read(town, "ben", original)).counts.likes == 1
    await assert_exact(town)


async def test_what_is_not_there_cannot_be_liked(town: World) -> None:
    gone = await town.post("ada")
    retweet = await town.retweet("ben", gone)
    await town.delete("ada", gone)
    for tweet_id in (gone, retweet, TweetId(1), TweetId(MAX_ID - 1)):
        for verb in (town.like, town.unlike):
            with pytest.raises(TweetNotFound):
                await verb("cleo", tweet_id)
    assert await count_rows(town, "likes") == 0


@pytest.mark.parametrize(("blocker", "blocked"), [("ada", "ben"), ("ben", "ada")])
async def test_whom_a_block_keeps_apart_like_nothing_of_each_other(town: World, blocker: str, blocked: str) -> None:
    tweet_id = await town.post("ada")
    other = await town.post("cleo")
    retweet = await town.retweet("ada", other)
    await town.like("ben", tweet_id)
    await town.block(blocker, blocked)
    for verb in (town.like, town.unlike):
        for kept_away in (tweet_id, retweet):
            with pytest.raises(TweetNotFound):
                await verb("ben", kept_away)
    await town.like("ben", other)
    await town.like("cleo", tweet_id)
    await town.like("ada", tweet_id)
    await town.settle()
    assert [int(item.id) for item in (await likes_of(town, "ben", "ben")).items] == [other]
    assert [user.username for user in (await likers_of(town, "ada", tweet_id)).items] == ["ada", "cleo"]
    assert [user.username for user in (await likers_of(town, "cleo", tweet_id)).items] == ["ada", "cleo", "ben"]
    with pytest.raises(TweetNotFound):
        await likers_of(town, "ben", tweet_id)
    assert (await likes_of(town, "ben", "ada")).items == []
    assert (await likes_of(town, "ada", "ben")).items == []
    await town.unblock(blocker, blocked)
    assert len((await likes_of(town, "ada", "ben")).items) == 2


async def test_whoever_is_muted_is_liked_and_listed_as_ever(town: World) -> None:
    tweet_id = await town.post("ada")
    await town.mute("ben", "ada")
    await town.like("ben", tweet_id)
    await town.settle()
    assert (await read(town, "ben", tweet_id)).counts.likes == 1
    assert [int(item.id) for item in (await likes_of(town, "ben", "ben")).items] == [tweet_id]


# What a page says


@pytest.mark.parametrize("signals", [True, False])
async def test_pages_say_at_once_what_their_reader_did_whatever_floors_there_are(
    town: World, monkeypatch: pytest.MonkeyPatch, signals: bool
) -> None:
    # Marks reach down to the third newest of each kind; what lies below is asked of the truth.
    monkeypatch.setattr(marks, "MARKS_LOADED", 3)
    tweet_ids = [await town.post("ada", f"number {number}") for number in range(9)]
    await town.settle()
    liked: set[int] = set()
    retweeted: set[int] = set()

    async def check() -> None:
        for _ in range(2):
            if signals:
                town.forget()
            for item in (await town.home("ben", limit=50)).items:
                shown = item.retweet_of or item
                for said in (shown.viewer, (await read(town, "ben", int(shown.id))).viewer):
                    assert said is not None
                    assert (said.liked, said.retweeted) == (int(shown.id) in liked, int(shown.id) in retweeted)

    await check()
    for number, verb in [
        (4, "like"),
        (0, "like"),
        (4, "retweet"),
        (8, "like"),
        (2, "retweet"),
        (7, "like"),
        (1, "like"),
    ]:
        await getattr(town, verb)("ben", tweet_ids[number])
        (liked if verb == "like" else retweeted).add(tweet_ids[number])
        await check()
    for number in (3, 5, 6):
        await town.retweet("ben", tweet_ids[number])
        retweeted.add(tweet_ids[number])
    await check()
    for number in (0, 8, 4):
        await town.unlike("ben", tweet_ids[number])
        liked.discard(tweet_ids[number])
        await check()
    await town.undo_retweet("ben", tweet_ids[4])
    retweeted.discard(tweet_ids[4])
    await check()
    await town.settle()
    await check()


async def test_a_warm_page_asks_no_sql_and_valkey_as_often_as_without_likes(town: World) -> None:
    tweet_ids = [await town.post("ada", f"number {number}") for number in range(20)]
    await town.like("ben", *tweet_ids[::2])
    await town.retweet("ben", tweet_ids[5])
    await town.settle()
    await town.home("ben")
    with town.budget(sql=0, valkey=1):
        items = (await town.home("ben")).items
    assert sum(item.viewer is not None and item.viewer.liked for item in items) >= 7


async def test_whoever_liked_very_much_loads_no_more_than_a_part(town: World) -> None:
    first = await town.post("ada", "a page's oldest")
    await town.settle()
    await town.db.run(
        Query(
            "test.like_much",
            (),
            "none",
            "insert into likes (user_id, tweet_id, author_id, id)"
            " select %(user_id)s, %(first)s - 60000 + n, 1, %(first)s - 60000 + n from generate_series(1, 50000) n",
        ),
        user_id=town.ids["ben"],
        first=first,
    )
    await town.home("ben")
    size = int(await town.write.valkey.call(b"HLEN", town.write.keys.marks(town.ids["ben"])))
    assert size == 1 + marks.MARKS_LOADED
    with town.budget(sql=0, valkey=1):
        await town.home("ben")
    await town.like("ben", first)
    page = await town.home("ben")
    assert page.items[0].viewer is not None
    assert page.items[0].viewer.liked


async def test_a_tweet_alone_does_not_load_marks_and_a_new_one_asks_for_none(town: World) -> None:
    tweet_id = await town.post("ada")
    await town.like("ada", tweet_id)
    assert (await read(town, "ada", tweet_id)).viewer is not None
    assert await town.write.valkey.call(b"EXISTS", town.write.keys.marks(town.ids["ada"])) == 0
    await town.home("ada")
    await town.like("ada", tweet_id)
    tweet = await tweets.post_tweet(town.write, town.ids["ada"], text="new", reply_to=None, idempotency_key=None)
    with town.budget(sql=0, valkey=1):
        body = await posted_screen(town.read, town.ids["ada"], tweet)
    viewer = msgspec.json.decode(body, type=TweetView).viewer
    assert viewer is not None
    assert not viewer.liked
    await town.like("ada", tweet.id)
    body = await posted_screen(town.read, town.ids["ada"], tweet, again=True)
    viewer = msgspec.json.decode(body, type=TweetView).viewer
    assert viewer is not None
    assert viewer.liked, "a request that is sent again answers what is so by now"


# Lists


async def test_who_likes_a_tweet_is_listed_newest_first_and_page_by_page(town: World) -> None:
    crowd = [f"person{number}" for number in range(7)]
    await town.person(*crowd)
    tweet_id = await town.post("ada")
    for name in crowd:
        await town.like(name, tweet_id)
    await town.settle()
    await town.unlike("person3", tweet_id)
    await town.like("person3", tweet_id)
    await town.settle()
    expected = ["person3", *(name for name in reversed(crowd) if name != "person3")]
    found: list[str] = []
    before = MAX_ID
    while True:
        page = await likers_of(town, "ada", tweet_id, limit=3, before=before)
        found += [user.username for user in page.items]
        if page.next is None:
            break
        before = int(page.next)
    assert found == expected, "whoever likes again after an undo is the newest"
    await assert_exact(town)
    with pytest.raises(TweetNotFound):
        await likers_of(town, "ada", 1)


async def test_what_somebody_likes_is_listed_by_the_newest_like_and_page_by_page(town: World) -> None:
    tweet_ids = [await town.post("ada" if number % 2 else "cleo", f"number {number}") for number in range(9)]
    order = [4, 0, 8, 2, 7, 1, 6]
    for number in order:
        await town.like("ben", tweet_ids[number])
    await town.delete("ada", tweet_ids[7])
    expected = [tweet_ids[number] for number in reversed(order) if number != 7]
    for limit in range(1, 8):
        for viewer in (None, "ben", "ada"):
            down: list[int] = []
            before = MAX_ID
            while True:
                page = await likes_of(town, viewer, "ben", limit=limit, before=before)
                down += [int(item.id) for item in page.items]
                if page.next is None:
                    break
                assert page.items
                before = int(page.next)
            assert down == expected
            up: list[int] = []
            after = 1
            while (page := await likes_of(town, viewer, "ben", limit=limit, after=after)).items:
                up = [int(item.id) for item in page.items] + up
                assert page.prev is not None
                after = int(page.prev)
            assert up == expected
    assert all(item.viewer is not None and item.viewer.liked for item in (await likes_of(town, "ben", "ben")).items)
    two = await likes_of(town, None, "ben", limit=2)
    assert two.prev is not None
    assert two.next is not None
    await town.like("ben", tweet_ids[3])
    above = await likes_of(town, None, "ben", after=int(two.prev))
    assert [int(item.id) for item in above.items] == [tweet_ids[3]]
    between = await likes_of(town, None, "ben", before=int(two.prev), after=int(two.next))
    assert between.items == []
    await town.settle()
    assert [int(item.id) for item in (await likes_of(town, None, "ben")).items] == [tweet_ids[3], *expected]
    with pytest.raises(UserNotFound):
        await liked_page(town.read, None, UserId(1), Range(15))


async def test_blocked_authors_and_replies_to_them_are_left_out_of_a_list_of_likes_and_made_up_for(
    town: World,
) -> None:
    await town.person("dan")
    of_dan = [await town.post("dan", f"number {number}") for number in range(4)]
    of_cleo = [await town.post("cleo", f"number {number}", reply_to=of_dan[number]) for number in range(4)]
    of_ada = [await town.post("ada", f"number {number}") for number in range(4)]
    for number in range(4):
        await town.like("ben", of_ada[number], of_cleo[number], of_dan[number])
    await town.block("ada", "dan")
    page = await likes_of(town, "ada", "ben", limit=3)
    assert [int(item.id) for item in page.items] == of_ada[:0:-1]
    assert page.next is not None
    page = await likes_of(town, "ada", "ben", limit=3, before=int(page.next))
    assert [int(item.id) for item in page.items] == of_ada[:1]
    assert len((await likes_of(town, "cleo", "ben", limit=50)).items) == 12


# With their tweets


@pytest.mark.parametrize("people", [1, 4, 8, 9])
async def test_likes_go_with_their_tweet(town: World, monkeypatch: pytest.MonkeyPatch, people: int) -> None:
    # Four at a time: in one step, in exactly one, in several.
    monkeypatch.setattr(notes, "NOTES_AT_ONCE", 4)
    crowd = [f"person{number}" for number in range(people)]
    await town.person(*crowd)
    tweet_id, kept = await town.post("ada"), await town.post("ada")
    for name in crowd:
        await town.like(name, tweet_id, kept)
    await town.settle()
    await town.like("ben", tweet_id)
    await town.delete("ada", tweet_id)
    town.forget()
    assert [int(item.id) for item in (await likes_of(town, "ada", crowd[0])).items] == [kept]
    await town.settle()
    assert await count_rows(town, "likes") == await count_rows(town, "tweet_likes") == people
    await assert_exact(town)


async def test_a_like_of_a_tweet_that_is_deleted_before_anything_is_applied_leaves_no_row(town: World) -> None:
    tweet_id = await town.post("ada")
    await town.like("ben", tweet_id)
    await town.delete("ada", tweet_id)
    await town.like("cleo", await town.post("ada"))
    await town.settle()
    assert await count_rows(town, "likes") == 1
    await assert_exact(town)


async def test_likes_applied_in_any_order_with_their_own_undoing_count_what_is_there(town: World) -> None:
    tweet_id = await town.post("ada")
    await town.settle()
    for wanted in ("like", "unlike", "like", "like", "unlike", "unlike", "like"):
        await getattr(town, wanted)("ben", tweet_id)
        await town.deliver(lane_of(town.ids["cleo"]))
    [like] = await likes_store.fetch_likes(town.db, {(town.ids["ben"], tweet_id)})
    await town.settle()
    assert (await read(town, "ben", tweet_id)).counts.likes == 1
    edges = await likes_store.fetch_likers(town.db, like.tweet, Range(5))
    assert [edge.id for edge in edges] == [like.id]
    await assert_exact(town)
