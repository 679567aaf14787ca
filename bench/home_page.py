"""Reading: a warm home page of 15 tweets over HTTP, beside a constant answer of as many bytes from such a server.

And beside itself without the popular tweets that stand next to the newest page.
"""

import sys
from pathlib import Path

from bench.figures import Comparison, compare
from bench.http_client import get, open_client
from bench.serving import (
    beside,
    cpu_seconds,
    family_of,
    free_port,
    open_sessions,
    process_named,
    serving,
    settled,
    started,
)
from bench.steady_load import Load, load
from bench.town import build_town

_CONNECTIONS = 16
_HOME = "/api/timelines/home"
_PLAIN = f"{_HOME}?popular=0"
# A body alone is not all that goes over the wire, and both sides have nearly the same head.
_WARM_ROUNDS = 2


async def measure(*, seed: int, rounds: int, seconds: float, scratch: Path) -> list[Comparison]:
    """One web process on each side."""
    with serving({"LINNET_WEB_PROCESSES": "1"}) as server:
        async with beside(server) as services:
            town = await build_town(services, scratch, seed=seed)
            await settled(services)
            tokens = await open_sessions(services, town.readers)
        requests = [get(_HOME, token) for token in tokens.values()]
        plain = [get(_PLAIN, token) for token in tokens.values()]
        bodies = []
        async with open_client(server.port, connections=1) as client:
            for request in requests * _WARM_ROUNDS:
                bodies.append((await client.send(request)).body)
        # The page of middle length stands for all.
        body = sorted(bodies, key=len)[len(bodies) // 2]
        constant = scratch / "constant.json"
        constant.write_bytes(body)
        port = free_port()
        command = [sys.executable, "-m", "bench.constant_server", str(port), str(constant)]
        with started(command, {}, port=port, path="/", log=scratch / "constant.log") as constant_pid:
            web_pid = process_named(server.pid, "linnet", "web")
            sides = (
                (Load(server.port, requests, 200, _CONNECTIONS, seconds), web_pid),
                (Load(port, [get("/")], 200, _CONNECTIONS, seconds), constant_pid),
                (Load(server.port, plain, 200, _CONNECTIONS, seconds), web_pid),
            )
            rates: list[tuple[float, float]] = []
            costs: list[tuple[float, float]] = []
            plain_costs: list[tuple[float, float]] = []
            for number in range(rounds):
                found: dict[int, tuple[float, float]] = {}
                # In turns one side goes first, so that none always meets the warmer machine.
                for side in (0, 1, 2) if number % 2 else (2, 1, 0):
                    plan, pid = sides[side]
                    family = family_of(pid)
                    before = cpu_seconds(family)
                    answered = load(plan, scratch)
                    found[side] = (answered.rate, (cpu_seconds(family) - before) / answered.count * 1e6)
                rates.append((found[0][0], found[1][0]))
                costs.append((found[0][1], found[1][1]))
                plain_costs.append((found[0][1], found[2][1]))
    notes = f"{len(body):,} bytes, {len(requests)} readers, {_CONNECTIONS} connections"
    return [
        compare("home page, warm", "pages/s", rates, goal="≥ 0.50", at_least=0.5, notes=notes),
        compare("home page, CPU of the web process", "µs/page", costs, goal="≤ 2.00", at_most=2.0),
        compare("home page, the same without popular tweets", "µs/page", plain_costs, goal="none"),
    ]
