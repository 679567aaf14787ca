"""The stream as clients meet it: a real web process, a real event worker, and HTTP between.

Nobody sleeps: each test waits for the event that must come, and for nothing longer than a deadline.
"""

import asyncio
import re
import resource
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from linnet.ids import random_bytes
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from tests.flows._linnet_process import Family, Linnet, family, free_port, url_of
from tests.support.event_stream import Heard, Pages, parse_events
from tests.support.servers import Servers

PATIENCE_SECONDS = 60.0
PASSWORD = "a feather for a pen"
SETTINGS = {
    "LINNET_RATE_LIMITS_ENABLED": "false",
    "LINNET_TOP_USER_FOLLOWERS": "3",
    "LINNET_STREAM_HEARTBEAT_SECONDS": "1",
    "LINNET_STREAM_SEND_SECONDS": "2",
    "LINNET_STREAMS_PER_USER": "6",
    "LINNET_TWEET_MAX_CHARS": "10000",
}


class Person:
    """Somebody with an account, and a client."""

    def __init__(self, client: httpx.AsyncClient, answer: Any) -> None:
        self._client = client
        self.id: str = answer["user"]["id"]
        self.token: str = answer["token"]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        answer = await self._client.request(method, path, headers=self.headers, **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def post(self, text: str = "a tweet", *, reply_to: str | None = None) -> str:
        tweet = await self.ask("POST", "/api/tweets", json={"text": text, "reply_to": reply_to})
        return str(tweet["id"])

    async def follow(self, other: "Person") -> None:
        await self.ask("PUT", f"/api/users/{other.id}/follow")

    async def home(self, limit: int = 15) -> list[Any]:
        page = await self.ask("GET", f"/api/timelines/home?limit={limit}")
        return list(page["items"])

    @asynccontextmanager
    async def hear(self, last_event_id: str | None = None, **query: str) -> AsyncIterator["Ear"]:
        headers = self.headers if last_event_id is None else {**self.headers, "Last-Event-ID": last_event_id}
        async with self._client.stream("GET", "/api/stream", headers=headers, params=query) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.headers["cache-control"] == "no-store"
            yield Ear(answer)


class Ear:
    """Hears events in order."""

    def __init__(self, answer: httpx.Response) -> None:
        self.pages = Pages()
        self.heard: list[Heard] = []
        self.raw = b""
        self.chunks = answer.aiter_raw()
        self._rest = b""
        self._waiting: list[Heard] = []

    async def next(self) -> Heard:
        """The next event. Raises ``StopAsyncIteration`` at the stream's end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._waiting:
                chunk = await anext(self.chunks)
                self.raw += chunk
                whole, _, self._rest = (self._rest + chunk).rpartition(b"\n\n")
                self._waiting += parse_events(whole)
        event = self._waiting.pop(0)
        self.heard.append(event)
        self.pages.apply(event)
        return event

    async def next_of(self, name: str) -> Any:
        """The data of the next event of that name; what comes before it is noted and passed over."""
        while (event := await self.next()).name != name:
            pass
        return event.data

    async def next_ids(self) -> list[str]:
        return [item["id"] for item in (await self.next_of("tweets"))["items"]]

    async def until_end(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for chunk in self.chunks:
                self.raw += chunk


class Place:
    """One installation of one web process and one worker."""

    def __init__(self, linnets: Family, web: Linnet, settings: dict[str, str]) -> None:
        self.web = web
        self.settings = settings
        self._linnets = linnets

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self.web.url, timeout=PATIENCE_SECONDS) as client:
            yield client

    @contextmanager
    def another_web(self) -> Iterator[Linnet]:
        port = free_port()
        web = self._linnets.start("web", "--port", str(port), **self.settings)
        web.wait_ready(port)
        try:
            yield web
        finally:
            web.process.kill()

    def pids(self) -> list[int]:
        """Of the web process and those below it."""
        return self._linnets.find("linnet", "web")


@pytest.fixture(scope="module")
def place(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with servers.fresh_database() as database_url, family(tmp_path_factory.mktemp("streams")) as linnets:
        settings = {
            "LINNET_DATABASE_URL": url_of(database_url),
            "LINNET_VALKEY_URL": servers.valkey_url,
            "LINNET_VALKEY_PREFIX": f"stream{random_bytes(4).hex()}:",
            **SETTINGS,
        }
        port, metrics_port = free_port(), free_port()
        web = linnets.start("web", "--port", str(port), **settings)
        worker = linnets.start("worker", "--jobs", "--metrics-port", str(metrics_port), **settings)
        web.wait_ready(port)
        worker.wait_ready(metrics_port)
        yield Place(linnets, web, settings)


@pytest.fixture
async def client(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    async with place.client() as client:
        yield client


async def people(client: httpx.AsyncClient, count: int) -> list[Person]:
    """Nobody had their names before."""
    found = []
    for _ in range(count):
        name = f"n{random_bytes(6).hex()}"
        body = {"username": name, "name": name, "email": f"{name}@example.org", "password": PASSWORD}
        answer = await client.post("/api/users", json=body)
        assert answer.status_code == 201, answer.text
        found.append(Person(client, answer.json()))
    return found


async def test_a_follower_hears_tweets_in_their_order_and_their_counts(client: httpx.AsyncClient) -> None:
    ada, ben, cleo = await people(client, 3)
    await ben.follow(ada)
    async with ben.hear() as ear:
        assert (await ear.next()).data == {"unread": 0, "newest": None}
        ear.pages.load(await ben.home())
        first, second = await ada.post("first"), await ada.post("second")
        ids = await ear.next_ids()
        while len(ids) < 2:
            ids = await ear.next_ids() + ids
        assert ids == [second, first]
        await cleo.ask("PUT", f"/api/tweets/{first}/like")
        while (counted := (await ear.next_of("counts"))["items"])[0]["id"] != first:
            pass
        assert counted[0]["counts"] == {"replies": 0, "retweets": 0, "likes": 1}
        assert ear.pages.newest(15) == await ben.home()


async def test_a_deleted_tweet_is_gone_with_its_retweets(client: httpx.AsyncClient) -> None:
    ada, ben = await people(client, 2)
    await ben.follow(ada)
    async with ben.hear() as ear:
        tweet = await ada.post()
        assert await ear.next_ids() == [tweet]
        retweet = (await ben.ask("PUT", f"/api/tweets/{tweet}/retweet"))["id"]
        assert await ear.next_ids() == [retweet]
        await ada.ask("DELETE", f"/api/tweets/{tweet}")
        gone: set[str] = set()
        while gone != {tweet, retweet}:
            gone |= set((await ear.next_of("gone"))["ids"])


async def test_replies_are_heard_by_those_who_follow_both(client: httpx.AsyncClient) -> None:
    ada, ben, cleo = await people(client, 3)
    await cleo.follow(ada)
    tweet = await ben.post()
    async with cleo.hear() as ear:
        await ada.post("to somebody cleo does not follow", reply_to=tweet)
        plain = await ada.post("to all")
        assert await ear.next_ids() == [plain]
        await cleo.follow(ben)
        # Now it belongs to the page, with what ben wrote before.
        assert len(await ear.next_ids()) == 2
        reply = await ada.post("to both", reply_to=tweet)
        assert await ear.next_ids() == [reply]


async def test_follows_blocks_and_mutes_apply_to_an_open_stream_at_once(client: httpx.AsyncClient) -> None:
    ada, ben = await people(client, 2)
    tweet = await ada.post()
    async with ben.hear() as ear:
        await ben.follow(ada)
        assert await ear.next_ids() == [tweet]
        await ben.ask("DELETE", f"/api/users/{ada.id}/follow")
        assert (await ear.next_of("gone"))["ids"] == [tweet]
        await ben.follow(ada)
        assert await ear.next_ids() == [tweet]
        await ben.ask("PUT", f"/api/users/{ada.id}/mute")
        assert (await ear.next_of("gone"))["ids"] == [tweet]
        await ben.ask("DELETE", f"/api/users/{ada.id}/mute")
        assert await ear.next_ids() == [tweet]
        await ben.ask("PUT", f"/api/users/{ada.id}/block")
        assert (await ear.next_of("gone"))["ids"] == [tweet]
        await ben.ask("DELETE", f"/api/users/{ada.id}/block")
        await ben.follow(ada)
        assert await ear.next_ids() == [tweet], "the block had ended the follow"
        await ada.ask("PUT", f"/api/users/{ben.id}/block")
        assert (await ear.next_of("gone"))["ids"] == [tweet], "also when somebody else blocks"


async def test_the_number_of_unread_notifications_is_heard_and_the_newest(client: httpx.AsyncClient) -> None:
    ada, ben, cleo = await people(client, 3)
    tweet = await ada.post()

    async def hear(unread: int, *, above: int = 0) -> int:
        """What is newest when so many are unread. The two are read one after the other, so one may be told first."""
        while True:
            heard = await ear.next_of("notifications")
            newest = int(heard["newest"] or 0)
            if heard["unread"] == unread and newest > above:
                return newest

    async with ada.hear() as ear:
        assert await ear.next_of("notifications") == {"unread": 0, "newest": None}
        await ben.ask("PUT", f"/api/tweets/{tweet}/like")
        liked = await hear(1)
        await ben.follow(ada)
        followed = await hear(2, above=liked)
        # Somebody joins what is unread already: that is news, too.
        await cleo.ask("PUT", f"/api/tweets/{tweet}/like")
        joined = await hear(2, above=followed)
        page = await ada.ask("GET", "/api/notifications")
        assert [int(item["id"]) for item in page["items"]] == [joined, followed]
        await ada.ask("POST", "/api/notifications/read", json={})
        assert await hear(0) == joined


async def test_top_users_are_heard_though_they_are_pulled(client: httpx.AsyncClient) -> None:
    ada, *followers = await people(client, 5)
    for follower in followers:
        await follower.follow(ada)
    async with followers[0].hear() as ear:
        # Pushed or pulled: with a fourth follower ada becomes a top user, at some moment between these.
        for number in range(6):
            tweet = await ada.post(f"tweet {number}")
            while tweet not in await ear.next_ids():
                pass
    async with asyncio.timeout(PATIENCE_SECONDS):
        top: list[str] = []
        while ada.id not in top:
            answer = await client.get("/api/users/top?limit=100")
            top = [user["id"] for user in answer.json()["items"]]


async def test_what_carries_a_followed_tag_is_heard_though_nobody_says_it(client: httpx.AsyncClient) -> None:
    ada, ben = await people(client, 2)
    await ben.ask("PUT", "/api/tags/reeds/follow")
    async with ben.hear() as ear:
        for text in ("in the #reeds", "#Reeds again"):
            tweet = await ada.post(text)
            assert await ear.next_ids() == [tweet]
        # A tag that is followed while one listens, too.
        await ben.ask("PUT", "/api/tags/weir/follow")
        tweet = await ada.post("by the #weir")
        assert await ear.next_ids() == [tweet]


async def test_a_cut_stream_goes_on_with_what_was_missed(client: httpx.AsyncClient) -> None:
    ada, ben = await people(client, 2)
    await ben.follow(ada)
    async with ben.hear() as ear:
        first = await ada.post("first")
        assert await ear.next_ids() == [first]
        last = ear.heard[-1].id
    missed = [await ada.post("second"), await ada.post("third")]
    async with ben.hear() as other:
        # One that is open meanwhile tells when both have arrived.
        arrived = {item["id"] for item in await ben.home()}
        while not arrived >= set(missed):
            arrived.update(await other.next_ids())
    async with ben.hear(last) as ear:
        assert await ear.next_ids() == missed[::-1]
        last = ear.heard[-1].id
    async with ben.hear(last) as ear:
        assert (await ear.next()).name == "counts", "everything was there"
    async with ben.hear(first) as ear:
        assert await ear.next_ids() == missed[::-1], "what is newer than some tweet"
    async with ben.hear() as other:
        await other.next()
        await ada.ask("DELETE", f"/api/tweets/{first}")
        await other.next_of("gone")
    async with ben.hear(last) as ear:
        assert (await ear.next()).name == "gap", "what is gone cannot be told from what never was"
        assert [item["id"] for item in await ben.home()] == missed[::-1]


async def test_a_lost_valkey_leaves_no_gap(client: httpx.AsyncClient, place: Place) -> None:
    ada, ben = await people(client, 2)
    await ben.follow(ada)
    async with ben.hear() as ear:
        first = await ada.post()
        assert await ear.next_ids() == [first]
        last = ear.heard[-1].id
        await _flush(place)
        second = await ada.post("after the flood")
        assert await ear.next_ids() == [second]
    await _flush(place)
    async with ben.hear(last) as ear:
        assert await ear.next_ids() == [second]


async def test_tweets_that_a_page_shows_elsewhere_can_be_watched(client: httpx.AsyncClient) -> None:
    ada, ben, cleo = await people(client, 3)
    tweet, other, kept_away = await ada.post(), await ada.post(), await cleo.post()
    await cleo.ask("PUT", f"/api/users/{ben.id}/block")
    async with ben.hear(watched=f"{tweet},{other},{kept_away},4711") as ear:
        gone = {*(await ear.next_of("gone"))["ids"]}
        assert gone == {kept_away, "4711"}, "what one may not see is as good as gone"
        counted = {item["id"] for item in (await ear.next_of("counts"))["items"]}
        assert counted == {tweet, other}
        await ben.ask("PUT", f"/api/tweets/{tweet}/like")
        counts = (await ear.next_of("counts"))["items"]
        assert counts == [{"id": tweet, "counts": {"replies": 0, "retweets": 0, "likes": 1}}]
        await ada.ask("DELETE", f"/api/tweets/{other}")
        assert (await ear.next_of("gone"))["ids"] == [other]


async def test_a_stream_ends_with_its_session(client: httpx.AsyncClient) -> None:
    [ada] = await people(client, 1)
    name = (await ada.ask("GET", "/api/me"))["username"]
    log_in = {"login": name, "password": PASSWORD}
    phone, desk = [Person(client, (await client.post("/api/sessions", json=log_in)).json()) for _ in range(2)]
    async with AsyncExitStack() as stack:
        ears = [await stack.enter_async_context(who.hear()) for who in (ada, phone, desk)]
        await phone.ask("DELETE", "/api/sessions/current")
        await ears[1].until_end()
        passwords = {"old_password": PASSWORD, "new_password": "another feather"}
        await ada.ask("POST", "/api/me/password", json=passwords)
        await ears[2].until_end()
        await ada.post("still there")
        assert len(await ears[0].next_ids()) == 1
        await ada.ask("DELETE", "/api/me", json={"password": "another feather"})
        await ears[0].until_end()
    answer = await client.get("/api/stream", headers=ada.headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


async def test_a_user_has_so_many_streams_and_no_more(client: httpx.AsyncClient) -> None:
    ada, ben = await people(client, 2)
    async with AsyncExitStack() as stack:
        for _ in range(6):
            await stack.enter_async_context(ada.hear())
        answer = await client.get("/api/stream", headers=ada.headers)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_streams")
        assert int(answer.headers["retry-after"]) > 0
        async with ben.hear() as ear:
            await ear.next()


async def test_what_cannot_be_asked_for_is_refused(client: httpx.AsyncClient) -> None:
    [ada] = await people(client, 1)
    for path, headers in (
        ("/api/stream", {"Last-Event-ID": "yesterday"}),
        ("/api/stream?last_event_id=0", {}),
        ("/api/stream?limit=101", {}),
        ("/api/stream?watched=" + ",".join(["1"] * 101), {}),
        ("/api/stream?watched=one", {}),
        ("/api/stream?since=1", {}),
    ):
        answer = await client.get(path, headers={**ada.headers, **headers})
        assert answer.status_code == 422, path
    assert (await client.get("/api/stream")).status_code == 401
    head = await client.head("/api/stream", headers=ada.headers)
    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream")


async def test_a_silent_stream_says_that_it_lives(client: httpx.AsyncClient) -> None:
    [ada] = await people(client, 1)
    async with ada.hear() as ear:
        await ear.next()
        assert ear.raw.startswith(b"retry: ")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not ear.raw.endswith(b":\n\n"):
                ear.raw += await anext(ear.chunks)


async def test_a_client_that_leaves_is_forgotten_at_once(place: Place, client: httpx.AsyncClient) -> None:
    people_there = await people(client, 5)
    async with AsyncExitStack() as stack:
        for person in people_there:
            await stack.enter_async_context(person.hear())
        # Those of earlier tests may still be on their way out.
        await until_streams(client, 5)
    await until_streams(client, 0)


async def test_a_client_that_does_not_read_is_dropped(place: Place, client: httpx.AsyncClient) -> None:
    ada, ben = await people(client, 2)
    await ben.follow(ada)
    oldest = await ada.post()
    # More than the kernel takes for a client that does not read, which may be some megabytes.
    for _ in range(100):
        await ada.post("\N{BIRD}" * 10_000)
    port = int(place.web.url.rpartition(":")[2])
    before = resident_bytes(place)
    with socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect(("127.0.0.1", port))
        request = f"GET /api/stream?limit=100&last_event_id={oldest} HTTP/1.1\r\nHost: test\r\n"
        idle.sendall(f"{request}Authorization: Bearer {ben.token}\r\n\r\n".encode())
        await until_streams(client, 1)
        # The first chunk gets stuck on the way; the comments that follow cannot be sent.
        await until_streams(client, 0)
        assert resident_bytes(place) - before < 64 << 20


def resident_bytes(place: Place) -> int:
    """Of the web process and its children."""
    pages = 0
    for pid in place.pids():
        pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def streams_open(client: httpx.AsyncClient) -> int:
    text = (await client.get("/metrics")).text
    found = re.search(r"^linnet_streams(?:{.*})? (\d+)", text, re.MULTILINE)
    assert found, text
    return int(found[1])


async def until_streams(client: httpx.AsyncClient, count: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await streams_open(client) != count:  # noqa: ASYNC110  # it is asked over HTTP
            await asyncio.sleep(0)


async def test_a_process_that_is_told_to_end_ends_its_streams_first(place: Place) -> None:
    with place.another_web() as web:
        async with httpx.AsyncClient(base_url=web.url, timeout=PATIENCE_SECONDS) as client:
            [ada] = await people(client, 1)
            async with ada.hear() as ear:
                await ear.next()
                web.process.send_signal(signal.SIGTERM)
                await ear.until_end()
                assert re.search(rb"retry: \d+\n\n$", ear.raw), "and says when to come back"
        outcome = await asyncio.to_thread(web.outcome)
        assert (outcome.code, "Traceback" in outcome.err) == (0, False), outcome.err
        assert "refused to gracefully stop" not in outcome.err


async def _flush(place: Place) -> None:
    valkey = Valkey(ValkeyOptions(place.settings["LINNET_VALKEY_URL"]))
    await valkey.open()
    cursor = b"0"
    while True:
        pattern = place.settings["LINNET_VALKEY_PREFIX"].encode() + b"*"
        cursor, keys = await valkey.call(b"SCAN", cursor, b"MATCH", pattern, b"COUNT", 1000)
        if keys:
            await valkey.call(b"UNLINK", *keys)
        if cursor == b"0":
            break
    await valkey.close()
