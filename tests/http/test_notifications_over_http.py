"""What others did that concerns one: told once, grouped, gone with its cause, never from people one keeps away."""

from typing import Any

import pytest

from tests.http.app_world import PASSWORD, Person, Site


async def page(site: Site, by: Person, query: str = "") -> dict[str, Any]:
    await site.settle()
    answer = await site.ask("GET", f"/api/notifications{query}", by=by)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def told(site: Site, by: Person) -> list[tuple[str, list[str], int]]:
    """Kind, people and their number of each notification, newest first."""
    return [
        (item["kind"], [person["username"] for person in item["people"]], item["people_count"])
        for item in (await page(site, by))["items"]
    ]


async def act(site: Site, by: Person, method: str, path: str, json: Any = None) -> Any:
    answer = await site.ask(method, path, json, by=by)
    assert answer.status_code in (200, 201, 204), answer.text
    return answer.json() if answer.content else None


async def test_nothing_happened_yet(site: Site) -> None:
    ada = await site.newcomer()
    assert await page(site, ada) == {"items": [], "next": None, "prev": None, "unread_count": 0}


async def test_each_thing_that_concerns_one_is_told_with_the_tweet_it_is_about(site: Site) -> None:
    ada, bob = await site.newcomer(), await site.newcomer()
    tweet = await site.post(ada, "hello")
    await act(site, bob, "PUT", f"/api/users/{ada.id}/follow")
    await act(site, bob, "PUT", f"/api/tweets/{tweet['id']}/like")
    await act(site, bob, "PUT", f"/api/tweets/{tweet['id']}/retweet")
    reply = await site.post(bob, f"hello @{ada.username}", reply_to=tweet["id"])
    mention = await site.post(bob, f"have you met @{ada.username}, @{ada.username} and @{bob.username}?")
    body = await page(site, ada)
    about = {item["kind"]: item["tweet"] and item["tweet"]["id"] for item in body["items"]}
    assert about == {
        "followed": None,
        "liked": tweet["id"],
        "retweeted": tweet["id"],
        "replied": reply["id"],
        "mentioned": mention["id"],
    }
    assert body["unread_count"] == len(body["items"]) == 5
    assert all(item["unread"] and item["people"][0]["username"] == bob.username for item in body["items"])
    assert await told(site, bob) == []


async def test_one_is_not_told_of_what_one_does_oneself(site: Site) -> None:
    ada = await site.newcomer()
    tweet = await site.post(ada, f"I am @{ada.username}")
    await site.post(ada, "and I answer myself", reply_to=tweet["id"])
    await act(site, ada, "PUT", f"/api/tweets/{tweet['id']}/like")
    await act(site, ada, "PUT", f"/api/tweets/{tweet['id']}/retweet")
    assert await told(site, ada) == []


async def test_what_is_alike_is_one_notification_with_its_newest_people_first(site: Site) -> None:
    ada = await site.newcomer()
    tweet = await site.post(ada)
    fans = [await site.newcomer() for _ in range(5)]
    for fan in fans:
        await act(site, fan, "PUT", f"/api/tweets/{tweet['id']}/like")
        await site.settle()
    assert await told(site, ada) == [("liked", [fan.username for fan in fans[:1:-1]], 5)]
    await act(site, fans[4], "DELETE", f"/api/tweets/{tweet['id']}/like")
    assert await told(site, ada) == [("liked", [fan.username for fan in fans[3:0:-1]], 4)]


@pytest.mark.parametrize("what", ["follow", "like", "retweet"])
async def test_what_is_taken_back_is_gone(site: Site, what: str) -> None:
    ada, bob = await site.newcomer(), await site.newcomer()
    tweet = await site.post(ada)
    path = f"/api/users/{ada.id}/follow" if what == "follow" else f"/api/tweets/{tweet['id']}/{what}"
    await act(site, bob, "PUT", path)
    assert len(await told(site, ada)) == 1
    await act(site, bob, "DELETE", path)
    body = await page(site, ada)
    assert body["items"] == []
    assert body["unread_count"] == 0
    for method in ("PUT", "DELETE", "PUT"):
        await act(site, bob, method, path)
    assert len(await told(site, ada)) == 1


async def test_a_deleted_tweet_takes_all_that_it_caused_with_it(site: Site) -> None:
    ada, bob, cyd = await site.newcomer(), await site.newcomer(), await site.newcomer()
    tweet = await site.post(ada)
    reply = await site.post(bob, f"and what says @{cyd.username}?", reply_to=tweet["id"])
    await act(site, cyd, "PUT", f"/api/tweets/{tweet['id']}/like")
    await act(site, cyd, "PUT", f"/api/tweets/{tweet['id']}/retweet")
    assert len(await told(site, ada)) == 3
    assert [kind for kind, _, _ in await told(site, cyd)] == ["mentioned"]
    await act(site, bob, "DELETE", f"/api/tweets/{reply['id']}")
    assert {kind for kind, _, _ in await told(site, ada)} == {"liked", "retweeted"}
    assert await told(site, cyd) == []
    await act(site, ada, "DELETE", f"/api/tweets/{tweet['id']}")
    assert await told(site, ada) == []


async def test_whoever_is_muted_is_in_no_notification_and_in_no_count_until_they_are_unmuted(site: Site) -> None:
    ada, cyd = await site.newcomer(), await site.newcomer()
    tweet = await site.post(ada)
    fans = [await site.newcomer() for _ in range(5)]
    for fan in (*fans, cyd):
        await act(site, fan, "PUT", f"/api/tweets/{tweet['id']}/like")
        await site.settle()
    await site.post(cyd, f"hello @{ada.username}")
    before = await told(site, ada)
    assert before == [
        ("mentioned", [cyd.username], 1),
        ("liked", [cyd.username, fans[4].username, fans[3].username], 6),
    ]
    await act(site, ada, "PUT", f"/api/users/{cyd.id}/mute")
    await site.post(cyd, f"hello again @{ada.username}")
    assert await told(site, ada) == [("liked", [fan.username for fan in fans[:1:-1]], 5)]
    assert (await page(site, ada))["unread_count"] == 1
    await act(site, ada, "DELETE", f"/api/users/{cyd.id}/mute")
    assert await told(site, ada) == [before[0], *before]
    assert (await page(site, ada))["unread_count"] == 3


@pytest.mark.parametrize("by_whom", ["by the one who is told", "by the other"])
async def test_a_block_takes_away_what_was_told_and_lets_nothing_new_be_told(site: Site, by_whom: str) -> None:
    ada, bob, cyd = await site.newcomer(), await site.newcomer(), await site.newcomer()
    tweet = await site.post(ada)
    for fan in (bob, cyd):
        await act(site, fan, "PUT", f"/api/users/{ada.id}/follow")
        await act(site, fan, "PUT", f"/api/tweets/{tweet['id']}/like")
        await site.settle()
    await site.post(cyd, "look here", reply_to=tweet["id"])
    assert [count for _, _, count in await told(site, ada)] == [1, 2, 2]
    by, whom = (ada, cyd) if by_whom == "by the one who is told" else (cyd, ada)
    await act(site, by, "PUT", f"/api/users/{whom.id}/block")
    # At once, and again when the event and a mention after it have been applied.
    for _ in range(2):
        body = (await site.ask("GET", "/api/notifications", by=ada)).json()
        assert [[person["username"] for person in item["people"]] for item in body["items"]] == [[bob.username]] * 2
        assert [item["people_count"] for item in body["items"]] == [1, 1]
        assert body["unread_count"] == 2
        await site.post(cyd, f"and you, @{ada.username}?")
        await site.settle()
    await act(site, by, "DELETE", f"/api/users/{whom.id}/block")
    assert {people for _, [people], _ in await told(site, ada)} == {bob.username}
    await site.post(cyd, f"sorry, @{ada.username}")
    assert (await told(site, ada))[0] == ("mentioned", [cyd.username], 1)


async def test_whoever_leaves_is_in_no_notification_any_more(site: Site) -> None:
    ada, bob, cyd = await site.newcomer(), await site.newcomer(), await site.newcomer()
    tweet = await site.post(ada)
    for fan in (bob, cyd):
        await act(site, fan, "PUT", f"/api/tweets/{tweet['id']}/like")
        await site.settle()
    await site.post(cyd, f"good-bye @{ada.username}")
    await site.settle()
    await act(site, cyd, "DELETE", "/api/me", {"password": PASSWORD})
    assert [(kind, people) for kind, people, _ in await told(site, ada)] == [("liked", [bob.username])]


async def test_pages_follow_each_other_and_come_back(site: Site) -> None:
    ada, bob = await site.newcomer(), await site.newcomer()
    for number in range(7):
        await site.post(bob, f"{number} for @{ada.username}")
    whole = [item["id"] for item in (await page(site, ada))["items"]]
    down: list[str] = []
    cursor = ""
    while True:
        body = await page(site, ada, f"?limit=3{cursor}")
        down += [item["id"] for item in body["items"]]
        if body["next"] is None:
            break
        cursor = f"&before={body['next']}"
    assert down == whole
    assert len(whole) == 7
    up = await page(site, ada, f"?limit=3&after={whole[5]}")
    assert [item["id"] for item in up["items"]] == whole[2:5]
    assert (await page(site, ada, f"?after={whole[0]}"))["items"] == []


async def test_reading_up_to_one_leaves_what_came_since(site: Site) -> None:
    ada, bob = await site.newcomer(), await site.newcomer()
    for number in range(3):
        await site.post(bob, f"{number} for @{ada.username}")
    body = await page(site, ada)
    middle = body["items"][1]["id"]
    assert await act(site, ada, "POST", "/api/notifications/read", {"up_to": middle}) == {"unread_count": 1}
    assert [item["unread"] for item in (await page(site, ada))["items"]] == [True, False, False]
    oldest = body["items"][2]["id"]
    assert await act(site, ada, "POST", "/api/notifications/read", {"up_to": oldest}) == {"unread_count": 1}
    assert await act(site, ada, "POST", "/api/notifications/read", {}) == {"unread_count": 0}
    assert await act(site, ada, "GET", "/api/notifications/unread") == {"unread_count": 0}
    await site.post(bob, f"again, @{ada.username}")
    assert (await page(site, ada))["unread_count"] == 1


async def test_reading_into_the_future_does_not_swallow_what_is_to_come(site: Site) -> None:
    ada, bob = await site.newcomer(), await site.newcomer()
    await site.post(bob, f"hello @{ada.username}")
    await site.settle()
    await act(site, ada, "POST", "/api/notifications/read", {"up_to": str(2**63 - 1)})
    await site.post(bob, f"hello again @{ada.username}")
    assert (await page(site, ada))["unread_count"] == 1


async def test_a_group_that_was_read_is_new_again_when_somebody_joins_and_not_when_somebody_leaves(site: Site) -> None:
    ada, bob, cyd = await site.newcomer(), await site.newcomer(), await site.newcomer()
    tweet = await site.post(ada)
    await act(site, bob, "PUT", f"/api/tweets/{tweet['id']}/like")
    await site.settle()
    await act(site, ada, "POST", "/api/notifications/read", {})
    await act(site, cyd, "PUT", f"/api/tweets/{tweet['id']}/like")
    assert (await page(site, ada))["unread_count"] == 1
    await act(site, cyd, "DELETE", f"/api/tweets/{tweet['id']}/like")
    assert (await page(site, ada))["unread_count"] == 0
    assert [kind for kind, _, _ in await told(site, ada)] == ["liked"]


@pytest.mark.parametrize("body", [{"up_to": "x"}, {"up_to": 5}, {"up_to": "-1"}, {"all": True}])
async def test_reading_up_to_nonsense_says_what_is_wrong(site: Site, body: Any) -> None:
    ada = await site.newcomer()
    answer = await site.ask("POST", "/api/notifications/read", body, by=ada)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] in ("up_to", "all")


async def test_notifications_are_for_whoever_is_logged_in(site: Site) -> None:
    for method, path in (("GET", ""), ("GET", "/unread"), ("POST", "/read")):
        assert (await site.ask(method, f"/api/notifications{path}")).status_code == 401
