"""Pages: a warm home page as a person's browser gets it, beside the same 20 tweets as JSON.

The page shows more than the JSON: who is logged in, what is new, what trends. Compression is counted by itself, because
the JSON is not compressed.
"""

from pathlib import Path

from bench.figures import Comparison, compare
from bench.http_client import get, open_client
from bench.serving import beside, cpu_seconds, family_of, open_sessions, process_named, serving, settled
from bench.steady_load import Load, load
from bench.town import build_town
from linnet.web.asking import ITEMS_PER_PAGE
from linnet.web.sessions import COOKIE

_CONNECTIONS = 16
_WARM_ROUNDS = 2


async def measure(*, seed: int, rounds: int, seconds: float, scratch: Path) -> list[Comparison]:
    """One web process answers all three sides, in turns."""
    with serving({"LINNET_WEB_PROCESSES": "1"}) as server:
        async with beside(server) as services:
            town = await build_town(services, scratch, seed=seed)
            await settled(services)
            tokens = list((await open_sessions(services, town.readers)).values())
        asked = (
            [get_page("/", token) for token in tokens],
            [get(f"/api/timelines/home?limit={ITEMS_PER_PAGE}", token) for token in tokens],
            [get_page("/", token, encoding="gzip") for token in tokens],
        )
        sizes: list[list[int]] = [[], [], []]
        async with open_client(server.port, connections=1) as client:
            for side, requests in enumerate(asked):
                for request in requests * _WARM_ROUNDS:
                    answer = await client.send(request)
                    assert answer.status == 200, answer
                    sizes[side].append(len(answer.body))
        web_pid = process_named(server.pid, "linnet", "web")
        sides = [Load(server.port, requests, 200, _CONNECTIONS, seconds) for requests in asked]
        rates: list[tuple[float, float]] = []
        costs: list[tuple[float, float]] = []
        packed: list[tuple[float, float]] = []
        for number in range(rounds):
            found: dict[int, tuple[float, float]] = {}
            # In turns one side goes first, so that none always meets the warmer machine.
            for side in (0, 1, 2) if number % 2 else (2, 1, 0):
                family = family_of(web_pid)
                before = cpu_seconds(family)
                answered = load(sides[side], scratch)
                found[side] = (answered.rate, (cpu_seconds(family) - before) / answered.count * 1e6)
            rates.append((found[0][0], found[1][0]))
            costs.append((found[0][1], found[1][1]))
            packed.append((found[2][1], found[1][1]))
    page, json, gzipped = (sorted(lengths)[len(lengths) // 2] for lengths in sizes)
    notes = f"{page:,} bytes ({gzipped:,} compressed) beside {json:,}, {len(tokens)} readers"
    return [
        compare("home as a page, CPU of the web process", "µs/page", costs, goal="≤ 2.00", at_most=2.0, notes=notes),
        compare("home as a page, against its JSON", "pages/s", rates, goal="none"),
        compare("home as a compressed page, CPU", "µs/page", packed, goal="none"),
    ]


def get_page(path: str, token: str, *, encoding: str = "identity") -> bytes:
    """As a browser asks, that is logged in."""
    head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: {encoding}\r\nCookie: {COOKIE}={token}\r\n\r\n"
    return head.encode()
