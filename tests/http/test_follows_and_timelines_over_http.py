"""Following people, home timelines, top users, and other interfaces' spellings."""

import asyncio

import pytest

from tests.http.app_world import Site, assert_problem, open_site, problem_fields
from tests.support.servers import Servers
from tests.support.world import WorldOptions


async def test_following_is_idempotent_and_shows_at_once(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    tweet = await site.post(ada)
    for _ in range(2):
        answer = await site.ask("PUT", f"/api/users/{ada.id}/follow", by=linus)
        assert answer.status_code == 200
        assert answer.json()["viewer"]["following"] is True
    home = (await site.ask("GET", "/api/timelines/home", by=linus)).json()
    assert [item["id"] for item in home["items"]] == [tweet["id"]]
    for _ in range(2):
        answer = await site.ask("DELETE", f"/api/users/{ada.id}/follow", by=linus)
        assert answer.status_code == 200
        assert answer.json()["viewer"]["following"] is False
    assert (await site.ask("GET", "/api/timelines/home", by=linus)).json()["items"] == []


async def test_eight_follows_at_once_leave_one(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    path = f"/api/users/{ada.id}/follow"
    answers = await asyncio.gather(*(site.ask("PUT", path, by=linus) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    await site.settle()
    followers = (await site.ask("GET", f"/api/users/{ada.id}/followers")).json()["items"]
    assert [user["username"] for user in followers] == ["linus"]
    assert (await site.ask("GET", f"/api/users/{ada.id}")).json()["counts"]["followers"] == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_nobody_follows_themself_or_nobody(busy_site: Site, method: str) -> None:
    ada = await busy_site.newcomer()
    assert_problem(await busy_site.ask(method, f"/api/users/{ada.id}/follow", by=ada), 422, "cannot_follow_yourself")
    for user_id in ("1", "x"):
        assert_problem(await busy_site.ask(method, f"/api/users/{user_id}/follow", by=ada), 404, "user_not_found")


async def test_followers_and_following_come_in_pages_newest_first(site: Site) -> None:
    ada = await site.sign_up("ada")
    fans = [await site.sign_up(name) for name in ("ben", "cleo", "dora")]
    for fan in fans:
        await site.ask("PUT", f"/api/users/{ada.id}/follow", by=fan)
    first = (await site.ask("GET", f"/api/users/{ada.id}/followers?limit=2")).json()
    assert [user["username"] for user in first["items"]] == ["dora", "cleo"]
    second = (await site.ask("GET", f"/api/users/{ada.id}/followers?limit=2&before={first['next']}")).json()
    assert [user["username"] for user in second["items"]] == ["ben"]
    assert second["next"] is None
    following = (await site.ask("GET", f"/api/users/{fans[0].id}/following", by=fans[0])).json()
    assert [(user["username"], user["viewer"]["following"]) for user in following["items"]] == [("ada", True)]


async def test_whoever_has_more_followers_than_the_threshold_is_a_top_user(servers: Servers, database_url: str) -> None:
    options = WorldOptions(top_user_followers=1)
    async with open_site(database_url, servers.valkey_url, options=options) as site:
        ada = await site.sign_up("ada")
        for name, listed in (("ben", []), ("cleo", ["ada"])):
            fan = await site.sign_up(name)
            await site.ask("PUT", f"/api/users/{ada.id}/follow", by=fan)
            await site.settle()
            top = (await site.ask("GET", "/api/users/top")).json()["items"]
            assert [user["username"] for user in top] == listed


async def test_a_home_timeline_goes_down_to_the_first_tweet_and_up_to_the_newest(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=linus)
    posted = [(await site.post(ada, f"tweet {number}"))["id"] for number in range(7)]
    await site.settle()
    found: list[str] = []
    cursor = ""
    while True:
        page = (await site.ask("GET", f"/api/timelines/home?limit=3{cursor}", by=linus)).json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&before={page['next']}"
    assert found == posted[::-1]
    upwards = (await site.ask("GET", f"/api/timelines/home?limit=3&after={posted[0]}", by=linus)).json()
    assert [item["id"] for item in upwards["items"]] == [posted[3], posted[2], posted[1]]


async def test_other_spellings_call_the_same_handlers(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    tweet = (await site.ask("POST", "/api/tweet", {"text": "hello"}, by=ada)).json()
    answer = await site.ask("POST", "/api/answer", {"tweet_id": tweet["id"], "text": "hello yourself"}, by=linus)
    assert answer.json()["reply_to"]["tweet_id"] == tweet["id"]
    followed = await site.ask("POST", "/api/follow", {"user_id": ada.id, "follow": True}, by=linus)
    assert followed.json()["viewer"]["following"] is True
    await site.settle()

    async def get(path: str) -> object:
        answer = await site.ask("GET", path, by=linus)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert await get(f"/api/tweet?id={tweet['id']}") == await get(f"/api/tweets/{tweet['id']}")
    assert await get("/api/tweet?limit=1") == await get("/api/timelines/home?limit=1")
    assert await get(f"/api/tweets/user/{ada.id}") == await get(f"/api/users/{ada.id}/tweets")
    assert await get(f"/api/tweets/followed/{linus.id}?limit=1") == await get("/api/timelines/home?limit=1")
    unfollowed = await site.ask("POST", "/api/follow", {"user_id": ada.id, "follow": False}, by=linus)
    assert unfollowed.json()["viewer"]["following"] is False


async def test_anothers_home_timeline_is_forbidden(busy_site: Site) -> None:
    ada, linus = await busy_site.newcomer(), await busy_site.newcomer()
    assert_problem(await busy_site.ask("GET", f"/api/tweets/followed/{linus.id}", by=ada), 403, "forbidden")
    assert_problem(await busy_site.ask("GET", f"/api/tweets/followed/{linus.id}"), 401, "not_logged_in")


async def test_other_spellings_name_what_is_wrong(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    for path, body, fields in [
        ("/api/answer", {}, ["tweet_id", "text"]),
        ("/api/answer", {"tweet_id": 5, "text": 5}, ["tweet_id", "text"]),
        ("/api/answer", {"tweet_id": "9" * 19, "text": "x"}, ["tweet_id"]),
        ("/api/follow", {"user_id": "x", "follow": "yes"}, ["user_id", "follow"]),
        ("/api/follow", {"user_id": "1", "follow": None}, ["follow"]),
        ("/api/tweet", {"text": "x", "reply_to": "1"}, ["reply_to"]),
    ]:
        assert problem_fields(await busy_site.ask("POST", path, body, by=ada)) == fields, (path, body)
    assert problem_fields(await busy_site.ask("GET", "/api/tweet?id=x")) == ["id"]
    assert problem_fields(await busy_site.ask("GET", "/api/tweet?id=1&limit=5")) == ["limit"]
    assert_problem(await busy_site.ask("GET", "/api/tweet"), 401, "not_logged_in")
