"""Promise: what one puts by is found again, by oneself alone, for as long as it is there."""

import re
from typing import Any

import pytest

from linnet.ids import UserId
from linnet.read.hydration import marks
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.marks import Marks
from tests.http.app_world import Person, Site

_ROWS = Query("test.bookmarks", (), "value", "select count(*) from bookmarks")


async def put(site: Site, by: Person, tweet_id: str, method: str = "PUT") -> dict[str, Any]:
    answer = await site.ask(method, f"/api/tweets/{tweet_id}/bookmark", by=by)
    assert answer.status_code == 200, answer.text
    tweet: dict[str, Any] = answer.json()
    return tweet


async def put_by(site: Site, by: Person) -> list[str]:
    """All pages, two items at a time."""
    found: list[str] = []
    query = "?limit=2"
    while True:
        page = (await site.ask("GET", f"/api/me/bookmarks{query}", by=by)).json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return found
        query = f"?limit=2&before={page['next']}"


async def bookmarked_at_home(site: Site, by: Person) -> dict[str, bool]:
    items = (await site.ask("GET", "/api/timelines/home?limit=100", by=by)).json()["items"]
    return {item["id"]: (item["retweet_of"] or item)["viewer"]["bookmarked"] for item in items}


async def test_a_bookmark_shows_at_once_to_whoever_made_it_and_to_nobody_else(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)
    tweet = await site.post(ada)
    await site.settle()
    assert await bookmarked_at_home(site, ben) == {tweet["id"]: False}
    for _ in range(2):
        assert (await put(site, ben, tweet["id"]))["viewer"]["bookmarked"]
    assert await bookmarked_at_home(site, ben) == {tweet["id"]: True}
    assert await put_by(site, ben) == [tweet["id"]]
    await site.settle()
    seen = (await site.ask("GET", f"/api/tweets/{tweet['id']}", by=ada)).json()
    assert (seen["viewer"]["bookmarked"], seen["counts"]) == (False, {"replies": 0, "retweets": 0, "likes": 0})
    told = (await site.ask("GET", "/api/notifications", by=ada)).json()["items"]
    assert [notification["kind"] for notification in told] == ["followed"]
    assert await put_by(site, ada) == []
    for _ in range(2):
        assert not (await put(site, ben, tweet["id"], "DELETE"))["viewer"]["bookmarked"]
    assert await bookmarked_at_home(site, ben) == {tweet["id"]: False}
    assert await put_by(site, ben) == []
    assert (await site.ask("GET", "/api/me/bookmarks")).status_code == 401


async def test_the_list_is_in_the_order_of_bookmarks_and_in_every_size_of_page(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweets = [(await site.post(ada, f"number {number}"))["id"] for number in range(5)]
    order = [tweets[number] for number in (3, 0, 4, 1, 2)]
    for tweet_id in order:
        await put(site, ben, tweet_id)
    assert await put_by(site, ben) == order[::-1]
    found: list[str] = []
    address = "/api/v1/bookmarks?limit=2"
    while address:
        answer = await site.ask("GET", address, by=ben)
        found += [status["id"] for status in answer.json()]
        assert all(status["bookmarked"] for status in answer.json())
        link = answer.headers.get("link", "")
        assert not set(re.findall(r"_id=(\d+)", link)) & set(tweets), "cursors are of bookmarks"
        onward = re.search(r'<http://linnet\.test([^>]+)>; rel="next"', link)
        address = onward[1] if onward else ""
    assert found == order[::-1]


async def test_a_retweet_that_is_put_by_is_what_is_in_it(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await site.post(ada)
    retweet = (await site.ask("PUT", f"/api/tweets/{tweet['id']}/retweet", by=ada)).json()
    assert (await put(site, ben, retweet["id"]))["id"] == tweet["id"]
    by_app = await site.ask("POST", f"/api/v1/statuses/{retweet['id']}/bookmark", by=ben)
    assert (by_app.json()["id"], by_app.json()["bookmarked"]) == (tweet["id"], True)
    assert await put_by(site, ben) == [tweet["id"]]
    wrapper = (await site.ask("GET", f"/api/v1/statuses/{retweet['id']}", by=ben)).json()
    assert (wrapper["bookmarked"], wrapper["reblog"]["bookmarked"]) == (True, True)
    assert (await site.ask("POST", f"/api/v1/statuses/{tweet['id']}/unbookmark", by=ben)).json()["bookmarked"] is False


async def test_what_is_deleted_is_gone_and_leaves_nothing_behind(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    gone, stays = await site.post(ada, "gone"), await site.post(ada, "stays")
    for tweet in (gone, stays):
        await put(site, ben, tweet["id"])
    assert (await site.ask("DELETE", f"/api/tweets/{gone['id']}", by=ada)).status_code == 204
    assert await put_by(site, ben) == [stays["id"]]
    await site.settle()
    assert await site.world.db.value(_ROWS) == 1
    assert (await site.ask("PUT", f"/api/tweets/{gone['id']}/bookmark", by=ben)).status_code == 404


async def test_whatever_valkey_believes_the_event_puts_it_right(site: Site) -> None:
    """As if the drop that follows the commit had been lost."""
    ada = await site.sign_up("ada")
    tweet = await site.post(ada)
    await site.settle()
    await put(site, ada, tweet["id"])
    store, me = site.world.write.marks, UserId(int(ada.id))
    assert await store.begin(me, b"12345678")
    assert await store.finish(me, b"12345678", Marks({}))
    assert await bookmarked_at_home(site, ada) == {tweet["id"]: False}
    await site.settle()
    assert await bookmarked_at_home(site, ada) == {tweet["id"]: True}


async def test_what_lies_below_what_is_loaded_is_asked_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MARKS_LOADED", 2)
    ada = await site.sign_up("ada")
    tweets = [(await site.post(ada, f"number {number}"))["id"] for number in range(8)]
    await site.settle()
    for tweet_id in tweets[::2]:
        await put(site, ada, tweet_id)
    for _ in range(2):
        assert await bookmarked_at_home(site, ada) == {tweet_id: tweet_id in tweets[::2] for tweet_id in tweets}
