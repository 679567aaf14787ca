"""Reading: a warm home page over HTTP, beside a constant answer of as many bytes and beside the plain SQL.

The constant answer comes from the same kind of server with nothing behind it: what is left of its rate is what a page
costs. The plain query is what one would write first: three tables joined, on the same PostgreSQL, with the same driver
and framework. It is asked by nobody in particular: it need not look up who asks.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from linnet.bench import naive_server
from linnet.bench.figures import Goal, Measured
from linnet.bench.http_client import get, open_client
from linnet.bench.processes import Program, Together
from linnet.bench.scenario import CONNECTIONS, Effort, Scenario, asking, compare_turns, in_turns, side_of
from linnet.bench.serving import Site, free_port, open_sessions, settled, started
from linnet.bench.steady_load import all_asked
from linnet.bench.town import build_town
from linnet.cli.failures import Failure
from linnet.ids import UserId

_HOME = "/api/timelines/home"
_PLAIN = f"{_HOME}?popular=0"
_WARM_ROUNDS = 2
_OURS, _CONSTANT, _NAIVE, _WITHOUT = "home page", "constant answer", "plain query", "without popular"


async def run(site: Site, effort: Effort) -> Measured:
    town = await build_town(site.services, effort.scratch, seed=effort.seed)
    await settled(site.services)
    return await measure(site, await open_sessions(site.services, town.readers), effort)


async def measure(site: Site, readers: Mapping[UserId, str], effort: Effort) -> Measured:
    """For these readers with their tokens. On both sides there should be one web process, which is what is compared."""
    body = await middle_body(site.server.port, readers, _HOME)
    pages, plain = (all_asked([get(path, token) for token in readers.values()]) for path in (_HOME, _PLAIN))
    naive = all_asked([get(f"/{reader}") for reader in readers])
    constant_file = effort.scratch / "constant.json"
    constant_file.write_bytes(body)
    url = site.services.settings.postgres.url
    with (
        reference_server("constant_server", str(constant_file), scratch=effort.scratch) as (constant_port, constant),
        reference_server("naive_server", scratch=effort.scratch, environment={naive_server.DATABASE_VARIABLE: url}) as (
            naive_port,
            naive_program,
        ),
    ):
        turns = await in_turns(
            {
                _OURS: asking(site.server.port, pages, site.watched, effort),
                _CONSTANT: asking(constant_port, all_asked([get("/")]), constant, effort),
                # Its share of PostgreSQL is counted with that of the place, which is asked nothing meanwhile.
                _NAIVE: asking(naive_port, naive, Together([naive_program, site.watched]), effort),
                _WITHOUT: asking(site.server.port, plain, site.watched, effort),
            },
            effort,
        )
    ours, nothing, joined, less = (turns[name] for name in (_OURS, _CONSTANT, _NAIVE, _WITHOUT))
    return Measured(
        "home",
        [
            compare_turns(
                *("home", "home page, warm", "pages/s", lambda turn: turn.rate, ours, nothing),
                beside="constant answer",
                goal=Goal("≥ 0.50", ratio_at_least=0.5),
            ),
            compare_turns(
                *("home", "home page, CPU of web", "µs/page", lambda turn: turn.cpu_us("web"), ours, nothing),
                beside="constant answer",
                goal=Goal("≤ 2.00", ratio_at_most=2.0),
            ),
            compare_turns(
                *("home", "home page, CPU of web", "µs/page", lambda turn: turn.cpu_us("web"), ours, less),
                beside="it without popular",
            ),
            compare_turns(
                *("home", "home page, warm", "pages/s", lambda turn: turn.rate, ours, joined),
                beside="plain query, joins",
            ),
        ],
        [side_of("home", name, turns[name]) for name in (_OURS, _CONSTANT, _NAIVE)],
        f"{len(body):,} bytes, {len(readers)} readers, {CONNECTIONS} connections",
    )


async def middle_body(port: int, readers: Mapping[UserId, str], path: str) -> bytes:
    """Every reader's page is read until it is warm. The page of middle length stands for all."""
    bodies = []
    async with open_client(port, connections=1) as client:
        for token in list(readers.values()) * _WARM_ROUNDS:
            answer = await client.send(get(path, token))
            if answer.status != 200:
                raise Failure(f"a home page was answered {answer.status}.")
            bodies.append(answer.body)
    return sorted(bodies, key=len)[len(bodies) // 2]


@contextmanager
def reference_server(
    module: str, *arguments: str, scratch: Path, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[int, Program]]:
    """Runs one of the servers of this package that linnet is compared with: its port, and what it uses."""
    port = free_port()
    command = [sys.executable, "-m", f"linnet.bench.{module}", str(port), *arguments]
    with started(command, environment or {}, port=port, path="/", log=scratch / f"{module}.log") as pid:
        yield port, Program(pid, "web")


SCENARIO = Scenario(
    "home",
    "a warm home page; beside a constant answer, and beside the plain query with joins",
    run,
    {"LINNET_WEB_PROCESSES": "1"},
)
