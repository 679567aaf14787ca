"""Tweets: posting, answering, reading, deleting, retweeting."""

import asyncio
from typing import Any

import pytest

from tests.http.app_world import Site, assert_problem, problem_fields


async def test_a_tweet_is_answered_whole_and_stands_in_its_authors_timeline_at_once(site: Site) -> None:
    ada = await site.sign_up("ada")
    answer = await site.ask("POST", "/api/tweets", {"text": "  hello, birds  "}, by=ada)
    assert answer.status_code == 201
    tweet = answer.json()
    assert tweet["text"] == "hello, birds"
    assert tweet["author"] == {
        "id": ada.id,
        "username": "ada",
        "name": "Ada",
        "avatar_url": f"/media/avatars/default/{ada.id}.svg",
    }
    assert answer.headers["location"] == f"/api/tweets/{tweet['id']}"
    assert (await site.ask("GET", answer.headers["location"], by=ada)).json() == tweet
    assert (await site.ask("GET", "/api/timelines/home", by=ada)).json()["items"] == [tweet]


async def test_a_tweet_has_up_to_140_characters_and_not_one_more(site: Site) -> None:
    ada = await site.sign_up("ada")
    assert (await site.post(ada, "🐦" * 140))["text"] == "🐦" * 140
    assert problem_fields(await site.ask("POST", "/api/tweets", {"text": "🐦" * 141}, by=ada)) == ["text"]


@pytest.mark.parametrize(
    "text", ["", " \n", "\0", "a\0b", "\u200b", 5, 5.5, True, None, ["a"], {"a": "b"}, "x" * 30_000]
)
async def test_bad_text_is_refused_and_named(busy_site: Site, text: Any) -> None:
    ada = await busy_site.newcomer()
    assert problem_fields(await busy_site.ask("POST", "/api/tweets", {"text": text}, by=ada)) == ["text"]
    assert problem_fields(await busy_site.ask("POST", "/api/tweet", {"text": text}, by=ada)) == ["text"]


async def test_a_key_makes_retries_one_tweet(site: Site) -> None:
    ada = await site.sign_up("ada")
    keyed: dict[str, Any] = {"headers": {"Idempotency-Key": "first-try"}, "by": ada}
    answers = await asyncio.gather(*(site.ask("POST", "/api/tweets", {"text": "once"}, **keyed) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len((await site.ask("GET", "/api/tweets")).json()["items"]) == 1
    other = await site.ask("POST", "/api/tweets", {"text": "another"}, **keyed)
    assert_problem(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ключ".encode(), "a\tb"])
async def test_a_key_that_is_none_is_refused(busy_site: Site, key: Any) -> None:
    ada = await busy_site.newcomer()
    answer = await busy_site.ask("POST", "/api/tweets", {"text": "x"}, by=ada, headers={"Idempotency-Key": key})
    assert problem_fields(answer) == ["Idempotency-Key"]


async def test_an_answer_stands_in_the_thread_under_its_tweet(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    tweet = await site.post(ada, "a question")
    answer = await site.post(linus, "an answer", reply_to=tweet["id"])
    assert answer["reply_to"] == {"tweet_id": tweet["id"], "user_id": ada.id, "username": "ada"}
    thread = (await site.ask("GET", f"/api/tweets/{answer['id']}/thread")).json()
    assert [item["id"] for item in thread["ancestors"]] == [tweet["id"]]
    assert thread["tweet"]["id"] == answer["id"]
    await site.settle()
    replies = (await site.ask("GET", f"/api/tweets/{tweet['id']}/thread")).json()["replies"]
    assert [item["id"] for item in replies["items"]] == [answer["id"]]


async def test_a_deleted_parent_leaves_a_placeholder(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    tweet = await site.post(ada)
    answer = await site.post(linus, reply_to=tweet["id"])
    assert (await site.ask("DELETE", f"/api/tweets/{tweet['id']}", by=ada)).status_code == 204
    thread = (await site.ask("GET", f"/api/tweets/{answer['id']}/thread")).json()
    assert thread["ancestors"] == [{"id": tweet["id"], "deleted": True}]


async def test_a_parent_that_is_not_there_is_not_found_and_one_that_cannot_be_is_named(site: Site) -> None:
    ada = await site.sign_up("ada")
    gone = await site.post(ada)
    await site.ask("DELETE", f"/api/tweets/{gone['id']}", by=ada)
    for tweet_id in (gone["id"], "1"):
        answer = await site.ask("POST", "/api/tweets", {"text": "x", "reply_to": tweet_id}, by=ada)
        assert_problem(answer, 404, "tweet_not_found")
    for bad in ("", "0", "x", "-1", 5, True, ["1"], "9" * 19, "9" * 40):
        answer = await site.ask("POST", "/api/tweets", {"text": "x", "reply_to": bad}, by=ada)
        assert problem_fields(answer) == ["reply_to"], bad


async def test_only_its_author_deletes_a_tweet_and_twice_is_quiet(site: Site) -> None:
    ada, eve = await site.sign_up("ada"), await site.sign_up("eve")
    tweet = await site.post(ada)
    assert_problem(await site.ask("DELETE", f"/api/tweets/{tweet['id']}", by=eve), 403, "forbidden")
    for _ in range(2):
        answer = await site.ask("DELETE", f"/api/tweets/{tweet['id']}", by=ada)
        assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(await site.ask("GET", f"/api/tweets/{tweet['id']}"), 404, "tweet_not_found")
    assert_problem(await site.ask("GET", f"/api/tweets/{tweet['id']}/thread"), 404, "tweet_not_found")


async def test_a_retweet_is_one_per_person_and_undone_by_the_original(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    tweet = await site.post(ada)
    path = f"/api/tweets/{tweet['id']}/retweet"
    first, again = await site.ask("PUT", path, by=linus), await site.ask("PUT", path, by=linus)
    assert first.status_code == again.status_code == 200
    assert first.json()["id"] == again.json()["id"]
    assert first.json()["retweet_of"]["id"] == tweet["id"]
    await site.settle()
    retweeters = (await site.ask("GET", f"/api/tweets/{tweet['id']}/retweets")).json()["items"]
    assert [user["username"] for user in retweeters] == ["linus"]
    assert (await site.ask("GET", f"/api/tweets/{tweet['id']}", by=linus)).json()["viewer"]["retweeted"]
    for _ in range(2):
        assert (await site.ask("DELETE", path, by=linus)).status_code == 204
    await site.settle()
    shown = (await site.ask("GET", f"/api/tweets/{tweet['id']}", by=linus)).json()
    assert (shown["counts"]["retweets"], shown["viewer"]["retweeted"]) == (0, False)


async def test_everyones_tweets_come_newest_first_in_pages_that_stay_while_new_ones_arrive(site: Site) -> None:
    ada = await site.sign_up("ada")
    ids = [(await site.post(ada, f"tweet {number}"))["id"] for number in range(5)]
    first = (await site.ask("GET", "/api/tweets?limit=2")).json()
    assert [item["id"] for item in first["items"]] == [ids[4], ids[3]]
    newest = (await site.post(ada, "meanwhile"))["id"]
    second = (await site.ask("GET", f"/api/tweets?limit=2&before={first['next']}")).json()
    assert [item["id"] for item in second["items"]] == [ids[2], ids[1]]
    third = (await site.ask("GET", f"/api/tweets?limit=2&before={second['next']}")).json()
    assert ([item["id"] for item in third["items"]], third["next"]) == ([ids[0]], None)
    newer = (await site.ask("GET", f"/api/tweets?after={first['prev']}")).json()
    assert [item["id"] for item in newer["items"]] == [newest]


@pytest.mark.parametrize("tweet_id", ["0", "x", "1", "9" * 19, "%00", "%ff"])
async def test_an_id_that_is_no_tweets_is_not_found(busy_site: Site, tweet_id: str) -> None:
    for screen in ("", "/thread", "/retweets"):
        assert_problem(await busy_site.ask("GET", f"/api/tweets/{tweet_id}{screen}"), 404, "tweet_not_found")
