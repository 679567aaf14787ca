"""Popular tweets, catching up, top users' tweets and suggestions, as a client sees them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from linnet.clock import ManualClock, rfc3339
from linnet.ids import Lease, TweetId, UserId
from linnet.write.actions import likes
from tests.http.app_world import PASSWORD, Person, Site, assert_problem, open_site, problem_fields
from tests.support.servers import Servers
from tests.support.world import WorldOptions

NOW_MS = 1_800_000_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


@pytest.fixture
async def timed_site(servers: Servers, database_url: str, clock: ManualClock) -> AsyncIterator[Site]:
    """A site whose time a test moves."""
    async with open_site(database_url, servers.valkey_url, clock=clock) as site:
        site.world.write.ids.renew(Lease(0, 0, 2 * NOW_MS))
        yield site


async def ids(site: Site, path: str, by: Person | None = None) -> list[str]:
    answer = await site.ask("GET", path, by=by)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def like(site: Site, by: Person, tweet: dict[str, Any]) -> None:
    await likes.like(site.world.write, UserId(int(by.id)), TweetId(int(tweet["id"])))


async def test_the_most_liked_tweet_comes_first(site: Site) -> None:
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    first, second, third = [await site.post(ada, text) for text in ("one", "two", "three")]
    await like(site, ben, second)
    await site.settle()
    assert await ids(site, "/api/tweets/top") == [second["id"], third["id"], first["id"]]
    for reader in (ben, cleo):
        await like(site, reader, first)
    await site.settle()
    assert await ids(site, "/api/tweets/top") == [first["id"], second["id"], third["id"]]
    assert await ids(site, "/api/tweets/top?k=2", ada) == [first["id"], second["id"]]
    assert await ids(site, "/api/tweet/top?k=1") == [first["id"]]
    # A deletion is seen before the list is read anew, and what follows moves up.
    assert (await site.ask("DELETE", f"/api/tweets/{first['id']}", by=ada)).status_code == 204
    site.world.read.tweets.forget_all()
    assert await ids(site, "/api/tweets/top?k=2", ada) == [second["id"], third["id"]]


async def test_following_asks_for_a_token_and_shows_those_one_follows(site: Site) -> None:
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    of_ada, _, of_cleo = await site.post(ada), await site.post(ben), await site.post(cleo)
    for followed in (ada, cleo):
        assert (await site.ask("PUT", f"/api/users/{followed.id}/follow", by=ben)).status_code == 200
    await like(site, ben, of_ada)
    await site.settle()
    assert await ids(site, "/api/tweets/top?scope=following", ben) == [of_ada["id"], of_cleo["id"]]
    assert await ids(site, "/api/tweets/top?scope=following", ada) == []
    assert_problem(await site.ask("GET", "/api/tweets/top?scope=following"), 401, "not_logged_in")


async def follow(site: Site, by: Person, *others: Person) -> None:
    for other in others:
        assert (await site.ask("PUT", f"/api/users/{other.id}/follow", by=by)).status_code == 200


async def test_likes_retweets_followers_and_age_decide(timed_site: Site, clock: ManualClock) -> None:
    site = timed_site
    ada, ben, cleo, dan = [await site.sign_up(name) for name in ("ada", "ben", "cleo", "dan")]
    old = await site.post(ada, "two days older, with a like")
    clock.advance(2 * 86_400)
    plain = await site.post(ben, "nothing")
    followed = await site.post(cleo, "of somebody who is followed")
    retweeted = await site.post(ben, "retweeted")
    liked = await site.post(ben, "liked")
    await like(site, dan, old)
    await like(site, dan, liked)
    assert (await site.ask("PUT", f"/api/tweets/{retweeted['id']}/retweet", by=dan)).status_code == 200
    await follow(site, dan, cleo)
    await site.settle()
    # A retweet counts two likes; a like a day; a follower three hours.
    expected = [tweet["id"] for tweet in (retweeted, liked, followed, plain, old)]
    assert await ids(site, "/api/tweets/top") == expected
    for person in (ada, ben, cleo):
        await like(site, person, old)
    await site.settle()
    site.world.forget()
    # Four likes move it log2(5) days ahead, which is a little more than the two that it is behind.
    assert await ids(site, "/api/tweets/top") == [*expected[:2], old["id"], *expected[2:4]]


async def test_of_equally_popular_tweets_the_newer_comes_first_however_many_one_asks_for(timed_site: Site) -> None:
    site = timed_site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    posted = [(await site.post(ada))["id"] for _ in range(60)] + [(await site.post(ben))["id"] for _ in range(60)]
    await follow(site, ben, ada)
    await site.settle()
    # Nobody did anything with them, and all came in one millisecond; ada's have a follower, which moves them ahead.
    expected = posted[59::-1] + posted[:59:-1]
    for k in (1, 2, 61, 100):
        assert await ids(site, f"/api/tweets/top?k={k}") == expected[:k]
        assert await ids(site, f"/api/tweets/top?k={k}&scope=everyone", ben) == expected[:k]
        assert await ids(site, f"/api/tweets/top?k={k}&scope=following", ben) == expected[: min(k, 60)]
    assert await ids(site, "/api/tweets/top") == expected[:10]


async def test_who_is_kept_away_or_gone_is_in_no_ranking_and_what_follows_moves_up(site: Site) -> None:
    ada, ben, cleo, dan, eve = [await site.sign_up(name) for name in ("ada", "ben", "cleo", "dan", "eve")]
    others = (eve, dan, cleo, ben)
    posted = {person.username: (await site.post(person))["id"] for person in others}
    await follow(site, ada, *others)
    await site.settle()
    paths = ("/api/tweets/top?k=4", "/api/tweets/top?k=4&scope=following", "/api/timelines/catch-up?k=4")

    async def assert_all_show(*names: str) -> None:
        site.world.forget()
        for path in paths:
            # What was posted before one followed counts, too: one could have seen it since.
            assert await ids(site, path, ada) == [posted[name] for name in names], path

    await assert_all_show("ben", "cleo", "dan", "eve")
    assert (await site.ask("PUT", f"/api/users/{ben.id}/mute", by=ada)).status_code == 200
    await assert_all_show("cleo", "dan", "eve")
    assert (await site.ask("PUT", f"/api/users/{ada.id}/block", by=cleo)).status_code == 200
    await assert_all_show("dan", "eve")
    assert (await site.ask("DELETE", f"/api/tweets/{posted['dan']}", by=dan)).status_code == 204
    await assert_all_show("eve")
    assert (await site.ask("DELETE", "/api/me", {"password": PASSWORD}, by=eve)).status_code == 204
    await assert_all_show()
    assert await ids(site, "/api/tweets/top?k=4") == [posted["ben"], posted["cleo"]]


async def test_home_carries_the_popular_tweets_beside_its_newest_page(site: Site) -> None:
    ada, ben, cleo, dan = [await site.sign_up(name) for name in ("ada", "ben", "cleo", "dan")]
    await follow(site, ada, ben)
    on_page = [await site.post(ben, f"tweet {number}") for number in range(3)]
    own = await site.post(ada, "mine")
    beside = [await site.post(cleo, f"popular {number}") for number in range(5)]
    for tweet in (own, on_page[2], beside[1]):
        await like(site, dan, tweet)
    await site.settle()

    async def home(query: str = "") -> tuple[list[str], list[str]]:
        answer = await site.ask("GET", f"/api/timelines/home{query}", by=ada)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        return [item["id"] for item in page["items"]], [item["id"] for item in page["popular"]]

    expected = [beside[number]["id"] for number in (1, 4, 3, 2, 0)]
    assert await home() == ([tweet["id"] for tweet in (own, *on_page[::-1])], expected[:3])
    assert (await home("?popular=1"))[1] == expected[:1]
    assert (await home("?popular=10"))[1] == expected
    assert (await home("?popular=0"))[1] == []
    assert (await home(f"?before={own['id']}"))[1] == []
    assert (await home(f"?after={on_page[0]['id']}"))[1] == []
    for refused in ("-1", "11", "x"):
        answer = await site.ask("GET", f"/api/timelines/home?popular={refused}", by=ada)
        assert problem_fields(answer) == ["popular"]
    await site.ask("PUT", f"/api/users/{cleo.id}/mute", by=ada)
    assert (await home())[1] == []


async def test_catching_up_ranks_what_those_one_follows_posted_since_the_last_visit(
    timed_site: Site, clock: ManualClock
) -> None:
    site = timed_site
    ada, ben, cleo, dan = [await site.sign_up(name) for name in ("ada", "ben", "cleo", "dan")]
    await follow(site, ada, ben, cleo)

    async def visit() -> None:
        assert (await site.ask("GET", "/api/timelines/home", by=ada)).status_code == 200
        await site.services.viewers.flush_last_used()

    clock.advance(3600)
    old = await site.post(ben, "old, and liked")
    for person in (ben, cleo, dan):
        await like(site, person, old)
    clock.advance(60)
    await visit()
    last_visit_ms = clock.now_ms()
    clock.advance(5 * 3600)
    plain, loved = await site.post(ben, "plain"), await site.post(cleo, "loved")
    stranger = await site.post(dan, "not followed")
    await site.ask("PUT", f"/api/tweets/{stranger['id']}/retweet", by=ben)
    await site.post(ada, "mine")
    for tweet in (loved, stranger):
        await like(site, ben, tweet)
    await site.settle()
    clock.advance(3600)
    for _ in range(2):
        # The same before and after this visit is noted.
        answer = (await site.ask("GET", "/api/timelines/catch-up", by=ada)).json()
        assert answer["since"] == rfc3339(last_visit_ms)
        assert [item["id"] for item in answer["items"]] == [loved["id"], plain["id"]]
        await visit()
    assert await ids(site, "/api/timelines/catch-up?k=1", ada) == [loved["id"]]


async def test_top_users_and_what_they_write_can_be_read(servers: Servers, database_url: str) -> None:
    async with open_site(database_url, servers.valkey_url, options=WorldOptions(top_user_followers=1)) as site:
        ada, ben, cleo, dan = [await site.sign_up(name) for name in ("ada", "ben", "cleo", "dan")]
        await follow(site, cleo, ada, ben)
        await follow(site, dan, ada, ben)
        await follow(site, ada, ben)
        await site.settle()
        top = (await site.ask("GET", "/api/users/top")).json()["items"]
        assert [(user["username"], user["counts"]["followers"]) for user in top] == [("ben", 3), ("ada", 2)]
        posted = [await site.post(person, f"by {person.username}") for person in (ada, ben, cleo, ada)]
        await site.settle()
        expected = [posted[number]["id"] for number in (3, 1, 0)]
        assert await ids(site, "/api/timelines/top-users") == expected
        first = (await site.ask("GET", "/api/timelines/top-users?limit=2", by=dan)).json()
        assert [item["id"] for item in first["items"]] == expected[:2]
        assert await ids(site, f"/api/timelines/top-users?before={first['next']}", dan) == expected[2:]
        assert (await site.ask("PUT", f"/api/users/{ada.id}/mute", by=cleo)).status_code == 200
        assert await ids(site, "/api/timelines/top-users", cleo) == expected[1:2]
        for person in (cleo, dan):
            await site.ask("DELETE", f"/api/users/{ada.id}/follow", by=person)
        await site.settle()
        assert [user["username"] for user in (await site.ask("GET", "/api/users/top")).json()["items"]] == ["ben"]
        assert await ids(site, "/api/timelines/top-users") == expected[1:2]


async def test_nobody_is_suggested_whom_one_knows_or_keeps_away(site: Site) -> None:
    names = ("ada", "friend", "followed", "blocked", "blocker", "muted", "leaver", "fine")
    people = {name: await site.sign_up(name) for name in names}
    ada = people["ada"]
    await follow(site, ada, people["friend"], people["followed"])
    await follow(site, people["friend"], *(people[name] for name in names if name != "friend"))
    await site.settle()

    async def suggested() -> list[str]:
        site.world.forget()
        answer = await site.ask("GET", "/api/users/suggestions?limit=100", by=ada)
        assert answer.status_code == 200, answer.text
        return [item["user"]["username"] for item in answer.json()["items"]]

    assert set(await suggested()) == {"blocked", "blocker", "muted", "leaver", "fine"}
    assert (await site.ask("PUT", f"/api/users/{people['blocked'].id}/block", by=ada)).status_code == 200
    assert (await site.ask("PUT", f"/api/users/{ada.id}/block", by=people["blocker"])).status_code == 200
    assert (await site.ask("PUT", f"/api/users/{people['muted'].id}/mute", by=ada)).status_code == 200
    assert (await site.ask("DELETE", "/api/me", {"password": PASSWORD}, by=people["leaver"])).status_code == 204
    assert await suggested() == ["fine"]
    await follow(site, ada, people["fine"])
    assert await suggested() == []


async def test_catching_up_says_since_when(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await site.post(ada)
    assert (await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)).status_code == 200
    await site.settle()
    answer = (await site.ask("GET", "/api/timelines/catch-up?k=5", by=ben)).json()
    assert [item["id"] for item in answer["items"]] == [tweet["id"]]
    profile = (await site.ask("GET", f"/api/users/{ben.id}")).json()
    assert answer["since"] == profile["created_at"]
    assert_problem(await site.ask("GET", "/api/timelines/catch-up"), 401, "not_logged_in")


async def test_suggestions_say_who_follows_them(site: Site) -> None:
    ada, ben, cleo, dan = [await site.sign_up(name) for name in ("ada", "ben", "cleo", "dan")]
    for follower, followed in ((ada, ben), (ben, cleo), (dan, ada)):
        assert (await site.ask("PUT", f"/api/users/{followed.id}/follow", by=follower)).status_code == 200
    await site.settle()
    items = (await site.ask("GET", "/api/users/suggestions", by=ada)).json()["items"]
    assert [item["user"]["username"] for item in items] == ["cleo", "dan"]
    assert items[0]["followed_by"]["count"] == 1
    assert [person["username"] for person in items[0]["followed_by"]["people"]] == ["ben"]
    assert items[1]["followed_by"] == {"count": 0, "people": []}
    assert [name for name, stands in items[1]["user"]["viewer"].items() if stands] == ["followed_by"]
    assert_problem(await site.ask("GET", "/api/users/suggestions"), 401, "not_logged_in")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/api/tweets/top?k=0", ["k"]),
        ("/api/tweets/top?k=101", ["k"]),
        ("/api/tweets/top?k=abc", ["k"]),
        ("/api/tweets/top?k=", ["k"]),
        ("/api/tweets/top?k=-1", ["k"]),
        ("/api/tweets/top?k=1.5", ["k"]),
        ("/api/tweets/top?k=%D9%A3", ["k"]),
        ("/api/tweets/top?scope=x", ["scope"]),
        ("/api/tweets/top?scope=&k=0", ["k", "scope"]),
        ("/api/tweets/top?k=1&k=2", ["k"]),
        ("/api/tweets/top?limit=3", ["limit"]),
        ("/api/timelines/catch-up?k=0", ["k"]),
        ("/api/timelines/catch-up?since=1", ["since"]),
        ("/api/timelines/top-users?limit=0", ["limit"]),
        ("/api/timelines/top-users?before=x", ["before"]),
        ("/api/users/suggestions?limit=0", ["limit"]),
        ("/api/users/suggestions?limit=101", ["limit"]),
        ("/api/users/suggestions?limit=x", ["limit"]),
    ],
)
async def test_bad_input_is_named(busy_site: Site, path: str, fields: list[str]) -> None:
    by = await busy_site.newcomer()
    assert sorted(problem_fields(await busy_site.ask("GET", path, by=by))) == fields


async def test_an_empty_place_has_nothing_popular_and_nobody_to_suggest(site: Site) -> None:
    ada = await site.sign_up("ada")
    for path in ("/api/tweets/top", "/api/tweets/top?scope=following", "/api/timelines/catch-up"):
        assert await ids(site, path, ada) == []
    assert (await site.ask("GET", "/api/timelines/top-users")).json() == {"items": [], "next": None, "prev": None}
    assert (await site.ask("GET", "/api/users/suggestions", by=ada)).json() == {"items": []}
