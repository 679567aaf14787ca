"""Pages: a warm home page as a person's browser gets it, beside the same 20 tweets as JSON.

The page shows more than the JSON: who is logged in, what is new, what trends. Compression is counted by itself, because
the JSON is not compressed.
"""

from collections.abc import Mapping

from linnet.bench.figures import Goal, Measured
from linnet.bench.http_client import get, open_client
from linnet.bench.scenario import Effort, Scenario, asking, compare_turns, in_turns, side_of
from linnet.bench.serving import Site, open_sessions, settled
from linnet.bench.steady_load import all_asked
from linnet.bench.town import build_town
from linnet.cli.failures import Failure
from linnet.ids import UserId
from linnet.web.asking import ITEMS_PER_PAGE
from linnet.web.sessions import COOKIE

_WARM_ROUNDS = 2
_PAGE, _JSON, _GZIP = "page", "its JSON", "compressed page"


async def run(site: Site, effort: Effort) -> Measured:
    town = await build_town(site.services, effort.scratch, seed=effort.seed)
    await settled(site.services)
    return await measure(site, await open_sessions(site.services, town.readers), effort)


async def measure(site: Site, readers: Mapping[UserId, str], effort: Effort) -> Measured:
    """One web process answers all three sides."""
    tokens = list(readers.values())
    asked = {
        _PAGE: [get_page("/", token) for token in tokens],
        _JSON: [get(f"/api/timelines/home?limit={ITEMS_PER_PAGE}", token) for token in tokens],
        _GZIP: [get_page("/", token, encoding="gzip") for token in tokens],
    }
    sizes: dict[str, int] = {}
    async with open_client(site.server.port, connections=1) as client:
        for side, requests in asked.items():
            lengths = []
            for request in requests * _WARM_ROUNDS:
                answer = await client.send(request)
                if answer.status != 200:
                    raise Failure(f"a home page was answered {answer.status}.")
                lengths.append(len(answer.body))
            sizes[side] = sorted(lengths)[len(lengths) // 2]
    sides = {
        side: asking(site.server.port, all_asked(requests), site.watched, effort) for side, requests in asked.items()
    }
    turns = await in_turns(sides, effort)
    page, json, gzipped = turns[_PAGE], turns[_JSON], turns[_GZIP]
    return Measured(
        "pages",
        [
            compare_turns(
                *("pages", "home as HTML, CPU of web", "µs/page", lambda turn: turn.cpu_us("web"), page, json),
                beside="same tweets as JSON",
                goal=Goal("≤ 2.00", ratio_at_most=2.0),
            ),
            compare_turns(
                *("pages", "home as HTML", "pages/s", lambda turn: turn.rate, page, json),
                beside="same tweets as JSON",
            ),
            compare_turns(
                *("pages", "compressed, CPU of web", "µs/page", lambda turn: turn.cpu_us("web"), gzipped, json),
                beside="same tweets as JSON",
            ),
        ],
        [side_of("pages", name, turns[name]) for name in turns],
        f"{sizes[_PAGE]:,} bytes ({sizes[_GZIP]:,} compressed) beside {sizes[_JSON]:,}, {len(tokens)} readers",
    )


def get_page(path: str, token: str, *, encoding: str = "identity") -> bytes:
    """As a browser asks, that is logged in."""
    head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: {encoding}\r\nCookie: {COOKIE}={token}\r\n\r\n"
    return head.encode()


SCENARIO = Scenario("pages", "the home page as HTML, beside its JSON", run, {"LINNET_WEB_PROCESSES": "1"})
