"""Reading with an app: a warm home page of the Mastodon API beside our own, and beside a constant answer.

A status says five times as much as a tweet of ours, its author's whole account in it, so that pages of both are
compared by the byte.
"""

from collections.abc import Mapping, Sequence

from linnet.bench.figures import Goal, Measured, compare
from linnet.bench.home_page import middle_body, reference_server
from linnet.bench.http_client import get
from linnet.bench.scenario import CONNECTIONS, Effort, Scenario, Turn, asking, compare_turns, in_turns, side_of
from linnet.bench.serving import Site, open_sessions, settled
from linnet.bench.steady_load import all_asked
from linnet.bench.town import build_town
from linnet.ids import UserId

_STATUSES = "/api/v1/timelines/home?limit=20"
_TWEETS = "/api/timelines/home?limit=20&popular=0"
_APP, _OURS, _CONSTANT = "home page of an app", "our home page", "constant answer"


async def run(site: Site, effort: Effort) -> Measured:
    town = await build_town(site.services, effort.scratch, seed=effort.seed)
    await settled(site.services)
    return await measure(site, await open_sessions(site.services, town.readers), effort)


async def measure(site: Site, readers: Mapping[UserId, str], effort: Effort) -> Measured:
    """For these readers with their tokens: a log-in's opens both."""
    statuses = await middle_body(site.server.port, readers, _STATUSES)
    tweets = await middle_body(site.server.port, readers, _TWEETS)
    by_app, ours = (all_asked([get(path, token) for token in readers.values()]) for path in (_STATUSES, _TWEETS))
    constant_file = effort.scratch / "constant.json"
    constant_file.write_bytes(statuses)
    with reference_server("constant_server", str(constant_file), scratch=effort.scratch) as (port, constant):
        turns = await in_turns(
            {
                _APP: asking(site.server.port, by_app, site.watched, effort),
                _OURS: asking(site.server.port, ours, site.watched, effort),
                _CONSTANT: asking(port, all_asked([get("/")]), constant, effort),
            },
            effort,
        )
    rounds = zip(_per_kb(turns[_APP], len(statuses)), _per_kb(turns[_OURS], len(tweets)), strict=True)
    return Measured(
        "mastodon",
        [
            compare(
                *("mastodon", "home page of an app, CPU of web", "µs/KB", list(rounds)),
                beside="our home page",
                goal=Goal("≤ 1.30", ratio_at_most=1.3),
            ),
            compare_turns(
                *("mastodon", "home page of an app", "pages/s", lambda turn: turn.rate, turns[_APP], turns[_OURS]),
                beside="our home page",
            ),
            compare_turns(
                *("mastodon", "home page of an app", "pages/s", lambda turn: turn.rate, turns[_APP], turns[_CONSTANT]),
                beside="constant answer",
            ),
        ],
        [side_of("mastodon", name, turns[name]) for name in (_APP, _OURS, _CONSTANT)],
        f"{len(statuses):,} and {len(tweets):,} bytes, {len(readers)} readers, {CONNECTIONS} connections",
    )


def _per_kb(turns: Sequence[Turn], page_bytes: int) -> list[float]:
    return [turn.cpu_us("web") * 1000 / page_bytes for turn in turns]


SCENARIO = Scenario(
    "mastodon",
    "a warm home page of the Mastodon API; beside ours by the byte, and beside a constant answer",
    run,
    {"LINNET_WEB_PROCESSES": "1"},
)
