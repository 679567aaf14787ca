"""Scrolling: the hundredth page of a home timeline, which lies far below the window, beside the first.

Without the popular tweets that stand beside the first page alone: they would make it slower, and the goal easier.
"""

from collections.abc import Mapping

import msgspec

from linnet.bench.figures import Goal, Measured, quantile
from linnet.bench.http_client import get, open_client
from linnet.bench.scenario import Effort, Scenario, Turn, asking, compare_turns, in_turns, side_of
from linnet.bench.serving import Site, open_sessions, settled
from linnet.bench.steady_load import all_asked
from linnet.bench.town import build_town
from linnet.cli.failures import Failure
from linnet.ids import UserId

PAGES = 100
_READERS = 10
_AUTHORS = 100
_TWEETS_EACH = 16
_HOME = "/api/timelines/home?popular=0"
_DEEP, _FIRST = "the deepest page", "first page"


class _Page(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw]
    next: str | None


async def run(site: Site, effort: Effort) -> Measured:
    town = await build_town(
        site.services,
        effort.scratch,
        seed=effort.seed,
        authors=_AUTHORS,
        readers=_READERS,
        tweets_each=_TWEETS_EACH,
        followed_each=_AUTHORS,
        # What lies on the hundredth page is never of this minute, and what is of this minute may still change.
        hours_ago=1,
    )
    await settled(site.services)
    return await measure(site, await open_sessions(site.services, town.readers), effort)


async def measure(site: Site, readers: Mapping[UserId, str], effort: Effort, *, pages: int = PAGES) -> Measured:
    """Each reader scrolls down once, page by page; then the first and the last page found are asked for, in turns.

    One request at a time. Of a timeline that has fewer pages the last full one is taken.
    """
    deep: list[bytes] = []
    depths: list[int] = []
    async with open_client(site.server.port, connections=1) as client:
        for number, token in enumerate(readers.values()):
            effort.tell(f"scroll: reader {number + 1} of {len(readers)} scrolls down")
            cursor, depth = "", 0
            while depth < pages:
                path = f"{_HOME}&before={cursor}" if cursor else _HOME
                answer = await client.send(get(path, token))
                if answer.status != 200:
                    raise Failure(f"a home page was answered {answer.status}.")
                page = msgspec.json.decode(answer.body, type=_Page)
                if depth and page.next is None:
                    break
                request, depth = get(path, token), depth + 1
                cursor = page.next or ""
                if not cursor:
                    break
            deep.append(request)
            depths.append(depth)
    first = all_asked([get(_HOME, token) for token in readers.values()])
    turns = await in_turns(
        {
            _DEEP: asking(site.server.port, all_asked(deep), site.watched, effort, connections=1),
            _FIRST: asking(site.server.port, first, site.watched, effort, connections=1),
        },
        effort,
    )
    depth = sorted(depths)[len(depths) // 2]
    return Measured(
        "scroll",
        [
            compare_turns(
                *("scroll", f"home, page {depth}, median", "ms", _median_ms, turns[_DEEP], turns[_FIRST]),
                beside="page 1, median",
                goal=Goal("≤ 2.00", ratio_at_most=2.0) if depth >= PAGES else Goal(),
            )
        ],
        [side_of("scroll", f"page {depth if name == _DEEP else 1}", turns[name]) for name in turns],
        f"{len(readers)} readers, one request at a time, pages of 15",
    )


def _median_ms(turn: Turn) -> float:
    return quantile(turn.all_times(), 0.5) * 1000


SCENARIO = Scenario("scroll", "page 100 of a home timeline; beside page 1", run, {"LINNET_WEB_PROCESSES": "1"})
