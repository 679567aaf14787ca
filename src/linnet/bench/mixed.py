"""A day in town: of a hundred requests 90 read, 4 post, 4 like or take it back, 2 follow or stop; beside reading only.

What reading costs beside a constant answer is said by ``home``. This says what is left of it while others write: each
tweet is delivered, each follow drops a window that the next read builds again. Of those who read most read their home
timelines.
"""

import random
from collections.abc import Mapping, Sequence

import msgspec

from linnet.bench.figures import Measured, quantile
from linnet.bench.http_client import empty, get, open_client, post
from linnet.bench.scenario import CONNECTIONS, Effort, Scenario, Turn, asking, compare_turns, in_turns, side_of
from linnet.bench.serving import Site, open_sessions, settled
from linnet.bench.steady_load import Asked
from linnet.bench.town import build_town
from linnet.cli.failures import Failure
from linnet.ids import UserId

_REQUESTS = 5_000
# Of a hundred requests.
_READS = {"home": 70, "profile": 8, "tweet": 6, "notifications": 6}
_POSTS, _LIKES, _FOLLOWS = 4, 4, 2
_MIXED, _ONLY_READS = "mixed", "only reads"


class _Shown(msgspec.Struct, frozen=True):
    id: str


class _Page(msgspec.Struct, frozen=True):
    items: list[_Shown]


async def run(site: Site, effort: Effort) -> Measured:
    town = await build_town(site.services, effort.scratch, seed=effort.seed)
    await settled(site.services)
    authors = await open_sessions(site.services, town.authors)
    readers = await open_sessions(site.services, town.readers)
    return await measure(site, authors, readers, effort)


async def measure(site: Site, authors: Mapping[UserId, str], readers: Mapping[UserId, str], effort: Effort) -> Measured:
    """Readers read, like and follow authors; authors post. What was liked and followed is taken back again."""
    tweets = await _find_tweets(site, list(readers.values())[:20])
    chance = random.Random(effort.seed)
    requests = _day(chance, authors, readers, tweets)
    reads = [asked for asked in requests if asked.kind in _READS]
    everything = asking(site.server.port, requests, site.watched, effort)

    async def mixed(seconds: float) -> Turn:
        turn = await everything(seconds)
        await settled(site.services)
        return turn

    turns = await in_turns({_MIXED: mixed, _ONLY_READS: asking(site.server.port, reads, site.watched, effort)}, effort)
    ours, theirs = turns[_MIXED], turns[_ONLY_READS]
    return Measured(
        "mixed",
        [
            compare_turns(
                *("mixed", "a mixed town", "requests/s", lambda turn: turn.rate, ours, theirs),
                beside="its reads alone",
            ),
            compare_turns(
                *("mixed", "home page in it, p99", "ms", _p99_of_home, ours, theirs),
                beside="its reads alone",
            ),
        ],
        [
            side_of("mixed", _MIXED, ours),
            side_of("mixed", "home page in it", ours, kind="home"),
            side_of("mixed", "post in it", ours, kind="post"),
            side_of("mixed", _ONLY_READS, theirs),
        ],
        f"{len(authors)} authors, {len(readers)} readers, {CONNECTIONS} connections; of 100 requests"
        f" {sum(_READS.values())} read, {_POSTS} post, {_LIKES} like or unlike, {_FOLLOWS} follow or unfollow",
    )


def _p99_of_home(turn: Turn) -> float:
    return quantile(turn.times.get("home", []), 0.99) * 1000


def _day(
    chance: random.Random, authors: Mapping[UserId, str], readers: Mapping[UserId, str], tweets: Sequence[str]
) -> list[Asked]:
    """Requests in the order of the day, which may begin again at its end: whatever is done in it is undone in it."""
    share = _REQUESTS // 100
    reading, writing = list(readers.items()), list(authors.items())
    day: list[Asked] = []
    for kind, percent in _READS.items():
        for _ in range(percent * share):
            author, token = chance.choice(writing)[0], chance.choice(reading)[1]
            path = {
                "home": "/api/timelines/home",
                "profile": f"/api/users/{author}/tweets",
                "tweet": f"/api/tweets/{chance.choice(tweets)}",
                "notifications": "/api/notifications",
            }[kind]
            day.append(Asked(get(path, token), 200, kind))
    for number in range(_POSTS * share):
        text = msgspec.json.encode({"text": f"Tweet {number} of this day, as long as people write them. #bench"})
        day.append(Asked(post("/api/tweets", chance.choice(writing)[1], text), 201, "post"))
    likes = [
        (chance.choice(reading)[1], f"/api/tweets/{chance.choice(tweets)}/like") for _ in range(_LIKES * share // 2)
    ]
    follows = [
        (chance.choice(reading)[1], f"/api/users/{chance.choice(writing)[0]}/follow")
        for _ in range(_FOLLOWS * share // 2)
    ]
    chance.shuffle(day)
    return _strewn(chance, _strewn(chance, day, likes, "like"), follows, "follow")


def _strewn(chance: random.Random, day: Sequence[Asked], pairs: Sequence[tuple[str, str]], kind: str) -> list[Asked]:
    """The day with each of these done once, anywhere, and undone once, later."""
    places: dict[int, list[Asked]] = {}
    for token, path in pairs:
        first, second = sorted(chance.sample(range(len(day)), 2))
        places.setdefault(first, []).append(Asked(empty("PUT", path, token), 200, kind))
        places.setdefault(second, []).append(Asked(empty("DELETE", path, token), 200, kind))
    return [asked for at, plain in enumerate(day) for asked in (*places.get(at, []), plain)]


async def _find_tweets(site: Site, tokens: Sequence[str]) -> list[str]:
    """Tweets that these readers have on their first pages."""
    found: dict[str, None] = {}
    async with open_client(site.server.port, connections=1) as client:
        for token in tokens:
            answer = await client.send(get("/api/timelines/home", token))
            if answer.status != 200:
                raise Failure(f"a home page was answered {answer.status}.")
            found |= dict.fromkeys(item.id for item in msgspec.json.decode(answer.body, type=_Page).items)
    if not found:
        raise Failure("nobody of these has a tweet to read.")
    return list(found)


SCENARIO = Scenario("mixed", "90 % reads, 4 % posts, 4 % likes, 2 % follows; beside the reads alone", run)
