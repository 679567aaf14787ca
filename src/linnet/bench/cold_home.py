"""Coming back: a home page whose window is gone, and is built again inside the read; beside the definition's own time.

The definition of a home timeline (``fetch_oracle``) is one query, asked in the same round for as many entries as a
window has. A rebuild reads them another way, writes the window, and then answers the page over HTTP.
"""

import time
from collections.abc import Mapping, Sequence

from linnet.bench.figures import Goal, Measured, compare
from linnet.bench.http_client import get
from linnet.bench.scenario import Effort, Scenario, Turn, in_turns, side_of, since, take_load
from linnet.bench.serving import Site, open_sessions, settled
from linnet.bench.steady_load import Load, all_asked
from linnet.bench.town import build_town
from linnet.cli.failures import Failure
from linnet.ids import MAX_ID, UserId
from linnet.stores.postgres import home
from linnet.stores.valkey.keys import pack_id

_FOLLOWED = 300
_READERS = 50
_TWEETS_EACH = 4
# As many as are read in one turn, whatever its length: each must come back once.
_PATIENCE_SECONDS = 30.0
_REBUILD, _ORACLE = "rebuild and page", "the definition"


async def run(site: Site, effort: Effort) -> Measured:
    town = await build_town(
        site.services,
        effort.scratch,
        seed=effort.seed,
        authors=_FOLLOWED + 20,
        readers=_READERS,
        tweets_each=_TWEETS_EACH,
        followed_each=_FOLLOWED,
    )
    await settled(site.services)
    return await measure(site, await open_sessions(site.services, town.readers), effort)


async def measure(site: Site, readers: Mapping[UserId, str], effort: Effort) -> Measured:
    """In each round everybody's window is dropped, and everybody reads once, one after the other."""
    services, max_entries = site.services, site.services.read.windows.options.max_entries
    requests = all_asked([get("/api/timelines/home", token) for token in readers.values()])

    async def rebuild(seconds: float) -> Turn:
        await _drop(site, list(readers))
        load = Load(site.server.port, requests, 1, max(seconds, _PATIENCE_SECONDS), once=True)
        turn = await take_load(load, site.watched, effort.scratch)
        if turn.count < len(readers) or len(await services.read.windows.fetch_live(list(readers))) < len(readers):
            raise Failure("not everybody's window was built again.")
        return turn

    async def define(seconds: float) -> Turn:
        times, before, start = [], site.watched.cpu_seconds(), time.perf_counter()
        for reader in readers:
            sent = time.perf_counter()
            await home.fetch_oracle(services.db, reader, before_id=MAX_ID, page_size=max_entries)
            times.append(time.perf_counter() - sent)
        taken, used = time.perf_counter() - start, since(before, site.watched.cpu_seconds())
        return Turn({"": times}, len(times), taken, used, site.watched.memory_mb())

    turns = await in_turns({_REBUILD: rebuild, _ORACLE: define}, effort)
    sides = [side_of("cold", name, turns[name]) for name in turns]
    async with services.db.session() as session:
        followed = sorted([len((await home.fetch_followed(session, reader)).user_ids) for reader in readers])
    return Measured(
        "cold",
        [
            compare(
                *("cold", "home page, cold, p99", "ms", [(sides[0].p99_ms, sides[1].p50_ms)]),
                beside="defining query, median",
                goal=Goal("≤ 5.00", ratio_at_most=5.0),
            ),
            compare(
                *("cold", "home page, cold, median", "ms", [(sides[0].p50_ms, sides[1].p50_ms)]),
                beside="defining query, median",
            ),
        ],
        sides,
        f"{len(readers)} readers, one after the other, who follow {followed[len(followed) // 2]} people (median),"
        f" windows of up to {max_entries} entries",
    )


async def _drop(site: Site, readers: Sequence[UserId]) -> None:
    for call in site.services.read.windows.drop(b"".join(map(pack_id, readers))):
        await call


SCENARIO = Scenario(
    "cold",
    "a home page whose window is built again; beside the query that defines it",
    run,
    {"LINNET_WEB_PROCESSES": "1"},
)
