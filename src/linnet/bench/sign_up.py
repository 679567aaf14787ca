"""Arriving: people sign up over HTTP, beside the argon2 hash that each of them costs anyway.

The hash is made in this process by what makes it in the server, with as many threads: what a sign-up takes beyond it is
linnet's.
"""

import asyncio
import time

import msgspec

from linnet.bench.figures import Measured
from linnet.bench.http_client import post
from linnet.bench.scenario import Effort, Scenario, Turn, compare_turns, in_turns, side_of, take_load
from linnet.bench.serving import Site, settled
from linnet.bench.steady_load import Load, all_asked

_AT_ONCE = 4
# More than a machine could hash, so that nobody runs out of names to take.
_PEOPLE_PER_SECOND = 400
_PASSWORD = "long enough to be one"
_OURS, _HASH = "sign-up", "hash alone"


async def measure(site: Site, effort: Effort) -> Measured:
    """One web process. Everybody is new: those of the place are left as they are."""
    signed_up = 0
    beginning = f"{site.services.clock.now_ms():x}"[-7:]

    async def ours(seconds: float) -> Turn:
        nonlocal signed_up
        bodies = []
        for _ in range(round(seconds * _PEOPLE_PER_SECOND)):
            signed_up += 1
            username = f"b{beginning}_{signed_up}"
            account = {"username": username, "name": "Bench", "email": f"{username}@bench.invalid"}
            bodies.append(msgspec.json.encode({**account, "password": _PASSWORD}))
        requests = all_asked([post("/api/users", None, body) for body in bodies], 201)
        turn = await take_load(
            Load(site.server.port, requests, _AT_ONCE, seconds, once=True), site.watched, effort.scratch
        )
        await settled(site.services)
        return turn

    turns = await in_turns({_OURS: ours, _HASH: lambda seconds: _hash(site, seconds)}, effort)
    return Measured(
        "sign-up",
        [
            compare_turns(
                *("sign-up", "sign-up over HTTP", "people/s", lambda turn: turn.rate, turns[_OURS], turns[_HASH]),
                beside="argon2 hash alone",
            ),
            compare_turns(
                *("sign-up", "sign-up, CPU of web", "µs/person", lambda turn: turn.cpu_us("web")),
                *(turns[_OURS], turns[_HASH]),
                beside="argon2 hash alone",
            ),
        ],
        [side_of("sign-up", name, turns[name]) for name in turns],
        f"{_AT_ONCE} people at once",
    )


async def _hash(site: Site, seconds: float) -> Turn:
    """CPU is that of this process, under the name of the role that hashes in a server."""
    times: list[float] = []
    own = time.process_time()
    start = time.perf_counter()

    async def hash_again() -> None:
        now = time.perf_counter()
        while now < start + seconds:
            await site.services.passwords.hash(_PASSWORD)
            then, now = now, time.perf_counter()
            times.append(now - then)

    await asyncio.gather(*(hash_again() for _ in range(_AT_ONCE)))
    taken = time.perf_counter() - start
    return Turn({"": times}, len(times), taken, {"web": time.process_time() - own}, {})


SCENARIO = Scenario("sign-up", "people sign up; beside the argon2 hash alone", measure, {"LINNET_WEB_PROCESSES": "1"})
