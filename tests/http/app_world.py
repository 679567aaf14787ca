"""The whole interface over a world: real stores, real routes, no sockets between."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
from prometheus_client import generate_latest

from linnet.api.app import create_app
from linnet.api.services import ApiOptions, ApiServices, Check, Readiness
from linnet.clock import Clock
from linnet.read.hydration.viewers import ViewerOptions, Viewers
from linnet.read.streams import StreamOptions, Streams
from linnet.write.actions.passwords import PasswordOptions, Passwords
from tests.http.mastodon_published import look_at
from tests.support.world import World, WorldOptions, open_world

PASSWORD = "a feather for a pen"
USER_AGENT = "test client"


class Person(msgspec.Struct, frozen=True):
    """Somebody with an account and a token."""

    id: str
    username: str
    token: str


class Site:
    """One process that answers requests, and the world behind it."""

    def __init__(self, world: World, services: ApiServices, client: httpx.AsyncClient) -> None:
        self.world = world
        self.services = services
        self.client = client

    async def ask(
        self, method: str, path: str, json: Any = None, *, by: Person | None = None, **more: Any
    ) -> httpx.Response:
        """One request. ``by`` sends a token; ``more`` goes to httpx as it is."""
        headers = dict(more.pop("headers", {}))
        if by is not None:
            headers["Authorization"] = f"Bearer {by.token}"
        if json is not None:
            more["content"] = msgspec.json.encode(json)
            headers.setdefault("Content-Type", "application/json")
        return await self.client.request(method, path, headers=headers, **more)

    async def sign_up(self, username: str, name: str | None = None) -> Person:
        body = {
            "username": username,
            "name": name or username.title(),
            "email": f"{username}@example.com",
            "password": PASSWORD,
        }
        answer = await self.ask("POST", "/api/users", body)
        assert answer.status_code == 201, answer.text
        return Person(answer.json()["user"]["id"], username, answer.json()["token"])

    async def newcomer(self) -> Person:
        """Somebody with a name that nobody had before."""
        return await self.sign_up(f"n{self.world.write.ids.mint()}")

    async def post(self, by: Person, text: str = "a tweet", *, reply_to: str | None = None) -> dict[str, Any]:
        answer = await self.ask("POST", "/api/tweets", {"text": text, "reply_to": reply_to}, by=by)
        assert answer.status_code == 201, answer.text
        tweet: dict[str, Any] = answer.json()
        return tweet

    async def settle(self) -> None:
        await self.world.settle()


@asynccontextmanager
async def open_site(
    database_url: str,
    valkey_url: str,
    *,
    clock: Clock | None = None,
    options: WorldOptions | None = None,
    api_options: ApiOptions | None = None,
    change: Callable[[ApiServices], ApiServices] = lambda services: services,
) -> AsyncIterator[Site]:
    """``change`` may put something else in the place of a service before the application is made."""
    async with open_world(database_url, valkey_url, clock=clock, options=options) as world:
        passwords = Passwords(PasswordOptions(memory_kib=8, passes=1))

        async def readiness() -> Readiness:
            return Readiness(
                ready=True, checks=[Check("postgresql", ok=True), Check("valkey", ok=True), Check("ids", ok=True)]
            )

        async def render_metrics() -> tuple[bytes, str]:
            return generate_latest(), "text/plain; version=0.0.4; charset=utf-8"

        services = change(
            ApiServices(
                read=world.read,
                write=world.write,
                viewers=Viewers(world.db, world.write.valkey, world.write.keys, world.write.clock, ViewerOptions()),
                streams=Streams(world.read, world.write.live, StreamOptions()),
                passwords=passwords,
                readiness=readiness,
                render_metrics=render_metrics,
                options=api_options or ApiOptions(version="0.1.0"),
            )
        )
        app = create_app(services)
        try:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=ending_streams(app)),
                base_url="http://linnet.test",
                headers={"User-Agent": USER_AGENT},
                event_hooks={"response": [look_at]},
            ) as client:
                yield Site(world, services, client)
        finally:
            passwords.close()


def ending_streams(app: Any) -> Any:
    """A client that has enough of a stream after its first chunk: this one waits for whole answers."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        is_stream = has_ended = False

        async def send_first(message: Any) -> None:
            nonlocal is_stream, has_ended
            if message["type"] == "http.response.start":
                is_stream = (b"content-type", b"text/event-stream") in message["headers"]
            elif is_stream:
                message = {**message, "more_body": False}
            if not has_ended:
                await send(message)
            has_ended = is_stream and message["type"] == "http.response.body"

        await app(scope, receive, send_first)

    return application


def problem_fields(answer: httpx.Response) -> list[str]:
    """The fields that a 422 names."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return [error["field"] for error in answer.json().get("errors", [])]


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    """The answer is problem JSON, and whole."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"] == f"/api/docs#problem-{code}"
    assert problem["title"]
    assert problem["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
