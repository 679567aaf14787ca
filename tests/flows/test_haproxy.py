"""The HAProxy configuration that is shipped: what is asked twice, what never is, and what people are told.

Real HAProxy in front of two small servers that do what a web process does in its worst moments.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bench.chaos.ports import free_ports
from bench.chaos.proxy import start_haproxy
from bench.chaos.waiting import until

KEYED = {"Idempotency-Key": "once"}


class Webs:
    """Two servers. ``bad`` paths are answered badly the first time, by whichever server is asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.forwarded_for: list[str] = []
        self.are_ready = True
        self.servers: list[asyncio.Server] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
                await reader.readexactly(int(headers.get("content-length", "0")))
                path = lines[0].split()[1]
                if path == "/health/ready":
                    writer.write(_answer(200 if self.are_ready else 503))
                    continue
                self.asked[path] += 1
                self.forwarded_for.append(headers.get("x-forwarded-for", ""))
                if path == "/closes" and self.asked[path] == 1:
                    return
                is_busy = path == "/busy" and self.asked[path] == 1
                writer.write(_answer(503 if is_busy else 200, "retry-after: 7\r\n" if is_busy else ""))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass
        finally:
            writer.close()


def _answer(status: int, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\n{headers}content-length: 2\r\n\r\nok".encode()


class Front(httpx.AsyncClient):
    """A client of HAProxy; ``webs`` stand behind it."""

    webs: Webs


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    async with _opened(tmp_path) as front:
        yield front


@asynccontextmanager
async def _opened(directory: Path) -> AsyncIterator[Front]:
    webs = Webs()
    port, *web_ports = free_ports(3)
    async with AsyncExitStack() as stack:
        for web_port in web_ports:
            server = await asyncio.start_server(webs.answer, "127.0.0.1", web_port)
            stack.callback(server.close)
            webs.servers.append(server)
        await start_haproxy(stack, port=port, web_ports=web_ports, logs=directory)
        front = await stack.enter_async_context(Front(base_url=f"http://127.0.0.1:{port}", timeout=60.0))
        front.webs = webs

        async def answers() -> bool:
            try:
                return (await front.get("/")).status_code == 200
            except httpx.TransportError:
                return False

        await until(answers, what="HAProxy answers")
        yield front


@pytest.mark.parametrize(("method", "headers"), [("GET", {}), ("PUT", {}), ("DELETE", {}), ("POST", KEYED)])
async def test_what_does_no_harm_twice_is_asked_again_when_the_connection_ends(
    front: Front, method: str, headers: dict[str, str]
) -> None:
    answer = await front.request(method, "/closes", headers=headers)
    assert (answer.status_code, front.webs.asked["/closes"]) == (200, 2)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_what_may_do_harm_twice_is_sent_once(front: Front, method: str) -> None:
    # The first request of its connection: on a kept one HAProxy only ends the connection, as the server did.
    async with httpx.AsyncClient(base_url=front.base_url, timeout=60.0) as stranger:
        answer = await stranger.request(method, "/closes", json={})
    assert (answer.status_code, front.webs.asked["/closes"]) == (502, 1)
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "unavailable"


async def test_a_process_that_cannot_serve_now_is_made_up_for_by_the_other(front: Front) -> None:
    assert (await front.get("/busy")).status_code == 200
    # Nobody asks in the place of somebody who did not say that it is safe.
    front.webs.asked.clear()
    answer = await front.post("/busy", json={})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


async def test_a_dead_process_is_noticed_by_nobody(front: Front) -> None:
    front.webs.servers[0].close()
    answers = [await front.request(method, "/page") for method in ("GET", "POST", "PUT") for _ in range(10)]
    assert {answer.status_code for answer in answers} == {200}


async def test_who_asks_is_said_by_the_proxy_alone(front: Front) -> None:
    front.webs.forwarded_for.clear()
    await front.get("/page", headers={"X-Forwarded-For": "203.0.113.7"})
    assert front.webs.forwarded_for == ["127.0.0.1"]


async def test_metrics_are_for_those_who_watch(front: Front) -> None:
    assert (await front.get("/metrics")).status_code == 404
    assert front.webs.asked["/metrics"] == 0


async def test_when_all_are_away_people_and_programs_are_told_to_come_again(front: Front) -> None:
    front.webs.are_ready = False

    async def all_away() -> bool:
        return (await front.get("/")).status_code == 503

    await until(all_away, what="HAProxy has noticed")
    answer = await front.get("/api/timelines/home")
    assert (answer.headers["retry-after"], answer.headers["content-type"]) == ("1", "application/problem+json")
    assert answer.json()["status"] == 503
    page = await front.get("/home", headers={"Accept": "text/html,application/xhtml+xml"})
    assert (page.status_code, page.headers["retry-after"]) == (503, "2")
    assert "Away for a moment" in page.text
