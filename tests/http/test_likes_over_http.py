"""Likes and pins as clients meet them."""

import asyncio
from typing import Any

import pytest

from tests.http.app_world import Person, Site, assert_problem, problem_fields


async def like(site: Site, by: Person, tweet_id: str, method: str = "PUT") -> dict[str, Any]:
    answer = await site.ask(method, f"/api/tweets/{tweet_id}/like", by=by)
    assert answer.status_code == 200, answer.text
    tweet: dict[str, Any] = answer.json()
    return tweet


async def read(site: Site, tweet_id: str, by: Person | None = None) -> dict[str, Any]:
    answer = await site.ask("GET", f"/api/tweets/{tweet_id}", by=by)
    assert answer.status_code == 200, answer.text
    tweet: dict[str, Any] = answer.json()
    return tweet


async def ids_of(site: Site, path: str, by: Person | None = None) -> list[str]:
    """All pages of a list, two items at a time."""
    found: list[str] = []
    query = "?limit=2"
    while True:
        answer = await site.ask("GET", path + query, by=by)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return found
        query = f"?limit=2&before={page['next']}"


async def test_a_like_is_said_at_once_and_counted_once(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    tweet = await site.post(ada)
    for _ in range(2):
        liked = await like(site, linus, tweet["id"])
        assert liked["viewer"] == {"liked": True, "retweeted": False, "bookmarked": False}
    await like(site, ada, tweet["id"])
    await site.settle()
    assert (await read(site, tweet["id"]))["counts"]["likes"] == 2
    assert await ids_of(site, f"/api/tweets/{tweet['id']}/likes") == [ada.id, linus.id]
    assert await ids_of(site, f"/api/users/{linus.id}/likes", by=ada) == [tweet["id"]]
    for _ in range(2):
        assert (await like(site, linus, tweet["id"], "DELETE"))["viewer"]["liked"] is False
    await site.settle()
    assert (await read(site, tweet["id"], linus))["counts"]["likes"] == 1
    assert await ids_of(site, f"/api/users/{linus.id}/likes") == []


async def test_eight_equal_likes_at_once_are_one(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    tweet = await site.post(ada)
    await asyncio.gather(*(like(site, linus, tweet["id"]) for _ in range(8)))
    await site.settle()
    assert (await read(site, tweet["id"]))["counts"]["likes"] == 1


async def test_the_other_spelling_likes_and_takes_back(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    tweet = await site.post(ada)
    for wanted in (True, False):
        answer = await site.ask("POST", "/api/like", {"tweet_id": tweet["id"], "like": wanted}, by=linus)
        assert answer.status_code == 200
        assert answer.json()["viewer"]["liked"] is wanted
    for body, fields in (
        ({"tweet_id": tweet["id"]}, ["like"]),
        ({"like": True}, ["tweet_id"]),
        ({"tweet_id": 5, "like": "yes"}, ["tweet_id", "like"]),
        ({"tweet_id": "0", "like": True}, ["tweet_id"]),
        ({"tweet_id": tweet["id"], "like": True, "twice": 1}, ["twice"]),
    ):
        refused = await site.ask("POST", "/api/like", body, by=linus)
        assert sorted(problem_fields(refused)) == sorted(fields)


@pytest.mark.parametrize("verb", ["like", "pin"])
async def test_what_is_not_there_is_not_found(busy_site: Site, verb: str) -> None:
    ada = await busy_site.newcomer()
    gone = await busy_site.post(ada)
    await busy_site.ask("DELETE", f"/api/tweets/{gone['id']}", by=ada)
    for tweet_id in (gone["id"], "1", "x", "99999999999999999999"):
        for method in ("PUT", "DELETE"):
            answer = await busy_site.ask(method, f"/api/tweets/{tweet_id}/{verb}", by=ada)
            assert_problem(answer, 404, "tweet_not_found")
    assert_problem(await busy_site.ask("GET", "/api/tweets/1/likes"), 404, "tweet_not_found")
    assert_problem(await busy_site.ask("GET", "/api/users/1/likes"), 404, "user_not_found")
    answer = await busy_site.ask("PUT", f"/api/tweets/{gone['id']}/{verb}")
    assert_problem(answer, 401, "not_logged_in")


async def test_a_block_stands_between_likes_too(site: Site) -> None:
    ada, linus, grace = [await site.sign_up(name) for name in ("ada", "linus", "grace")]
    tweet, other = await site.post(ada), await site.post(grace)
    for person in (linus, grace):
        await like(site, person, tweet["id"])
        await like(site, person, other["id"])
    await site.settle()
    assert (await site.ask("PUT", f"/api/users/{linus.id}/block", by=ada)).status_code == 200
    assert_problem(await site.ask("PUT", f"/api/tweets/{tweet['id']}/like", by=linus), 404, "tweet_not_found")
    assert_problem(await site.ask("GET", f"/api/tweets/{tweet['id']}/likes", by=linus), 404, "tweet_not_found")
    assert await ids_of(site, f"/api/tweets/{other['id']}/likes", by=ada) == [grace.id]
    assert await ids_of(site, f"/api/users/{linus.id}/likes", by=ada) == []
    assert await ids_of(site, f"/api/users/{grace.id}/likes", by=linus) == [other["id"]]
    assert await ids_of(site, f"/api/users/{grace.id}/likes") == [other["id"], tweet["id"]]


async def test_a_post_that_is_sent_again_says_what_its_author_likes_by_now(site: Site) -> None:
    ada = await site.sign_up("ada")
    keyed: dict[str, Any] = {"by": ada, "headers": {"Idempotency-Key": "once"}}
    first = (await site.ask("POST", "/api/tweets", {"text": "hello"}, **keyed)).json()
    assert first["viewer"] == {"liked": False, "retweeted": False, "bookmarked": False}
    await like(site, ada, first["id"])
    again = (await site.ask("POST", "/api/tweets", {"text": "hello"}, **keyed)).json()
    assert (again["id"], again["viewer"]["liked"]) == (first["id"], True)


async def test_the_pinned_tweet_comes_first_and_moves_and_goes(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    tweets = [await site.post(ada, f"number {number}") for number in range(4)]
    ids = [tweet["id"] for tweet in tweets]
    path = f"/api/users/{ada.id}/tweets"
    assert await ids_of(site, path) == ids[::-1]
    for pinned in (ids[0], ids[2]):
        for _ in range(2):
            answer = await site.ask("PUT", f"/api/tweets/{pinned}/pin", by=ada)
            assert answer.status_code == 200
            assert answer.json()["pinned"] is True
        assert await ids_of(site, path, by=linus) == [pinned, *(some_id for some_id in ids[::-1] if some_id != pinned)]
        everyone = (await site.ask("GET", "/api/tweets")).json()["items"]
        assert [item["id"] for item in everyone if item["pinned"]] == [pinned]
    assert_problem(await site.ask("PUT", f"/api/tweets/{ids[1]}/pin", by=linus), 404, "tweet_not_found")
    answer = await site.ask("DELETE", f"/api/tweets/{ids[2]}/pin", by=ada)
    assert answer.json()["pinned"] is False
    assert await ids_of(site, path) == ids[::-1]
    await site.ask("PUT", f"/api/tweets/{ids[1]}/pin", by=ada)
    await site.ask("DELETE", f"/api/tweets/{ids[1]}", by=ada)
    site.world.forget()
    assert await ids_of(site, path) == [ids[3], ids[2], ids[0]]
