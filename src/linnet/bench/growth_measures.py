"""What is measured of a place of some size, each thing as it would be of any other size."""

import asyncio
import json
import math
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import quote

import msgspec

from linnet.bench.figures import bucket_quantile, quantile
from linnet.bench.growth_figures import Applied, Page, Sample, Size
from linnet.bench.growth_places import KeptPlace
from linnet.bench.home_page import reference_server
from linnet.bench.http_client import Client, get, open_client, post
from linnet.bench.place.texts import make_words
from linnet.bench.scenario import Effort, Take, Turn, asking, in_turns, since
from linnet.bench.serving import Site, histogram_since, open_sessions, read_metrics, settled
from linnet.bench.steady_load import all_asked
from linnet.cli.failures import Failure
from linnet.ids import MAX_ID, UserId
from linnet.stores.postgres import home
from linnet.stores.postgres.pool import TooSlow
from linnet.stores.postgres.queries import Query

_HOME = "/api/timelines/home"
_BODY = b'{"text": "A tweet of this run, as long as people write them on most days. #bench"}'
_REBUILDS_AT_ONCE = 3
# So that each is delivered before the next comes: lag is that of a worker that keeps up.
_FAN_PAUSE_SECONDS = 0.2

# Of those who follow many, so that their timelines are long enough.
_SCROLLING = Query(
    "bench.scrolling",
    ("page_size",),
    "many",
    "select id from users order by abs(following_count - 350), id limit %(page_size)s",
)
_LARGEST_PUSHED = Query(
    "bench.largest_pushed", (), "one", "select id from users where not is_top order by followers_count desc limit 1"
)
_FOLLOWERS = Query(
    "bench.followers",
    ("user_id", "page_size"),
    "many",
    "select follower_id from followers where user_id = %(user_id)s order by 1 limit %(page_size)s",
)
_SIZES = Query(
    "bench.sizes",
    (),
    "many",
    "select relname::text, pg_total_relation_size(oid) from pg_class"
    " where relkind = 'r' and relnamespace = 'public'::regnamespace",
)


async def measure_place(place: KeptPlace, site: Site, effort: Effort, sample: Sample) -> Size:
    """Everything, in an order in which nothing warms what is to be cold."""
    chance = random.Random(effort.seed)
    people = chance.sample(range(place.shape.people), min(sample.readers + sample.authors, place.shape.people))
    user_ids = [UserId(place.shape.user_id(number)) for number in people]
    readers = await open_sessions(site.services, user_ids[: sample.readers])
    authors = await open_sessions(site.services, user_ids[sample.readers :])
    effort.tell("home pages of people who come for the first time")
    cold, oracle = await _cold(site, readers, sample)
    effort.tell("home pages of people who come back")
    home_turns, constant_turns = await _warm(site, readers, effort)
    ratios = [
        ours.cpu_us("web") / theirs.cpu_us("web") if theirs.cpu_us("web") else math.nan
        for ours, theirs in zip(home_turns, constant_turns, strict=True)
    ]
    constant_us = _median(constant_turns, "web")
    effort.tell("scrolling")
    first_page, deep_page, deep_pages = await _scroll(site, sample)
    effort.tell("posting")
    posting, alone = await _post(site, authors, effort, sample)
    effort.tell("fan-out")
    fans = await _fan_out(site, sample)
    effort.tell("searching")
    search = await _search(site, place, readers, chance, sample)
    return Size(
        people=place.report.people,
        follows=place.report.follows,
        tweets=place.report.tweets,
        top_users=place.report.top_users,
        load_seconds=place.report.total_seconds,
        load_stages={str(stage): spent for stage, spent in place.report.seconds.items()},
        disk_bytes=dict(await site.services.db.fetch(lambda name, size: (name, size), _SIZES)),
        home_us=_median(home_turns, "web"),
        constant_us=constant_us,
        home_ratio=statistics.median(ratios),
        home={role: _median(home_turns, role) for role in home_turns[0].cpu_seconds},
        memory_mb=dict(home_turns[-1].memory_mb),
        cold=cold,
        oracle=oracle,
        first_page=first_page,
        deep_page=deep_page,
        deep_pages=deep_pages,
        posting=posting,
        posting_alone=alone,
        fanout=fans.applied,
        fanout_windows=fans.windows,
        search=search,
        window_bytes=fans.window_bytes,
        window_entries=fans.window_entries,
    )


def _median(turns: Sequence[Turn], role: str) -> float:
    return statistics.median(turn.cpu_us(role) for turn in turns)


def _page(times: Sequence[float], cpu: Mapping[str, float]) -> Page:
    p50, p95, p99 = (quantile(times, share) * 1000 for share in (0.5, 0.95, 0.99))
    return Page(p50, p95, p99, {role: spent / len(times) * 1e6 for role, spent in cpu.items()}, len(times))


async def _timed(client: Client, request: bytes) -> tuple[float, bytes]:
    start = time.perf_counter()
    answer = await client.send(request)
    taken = time.perf_counter() - start
    if answer.status not in (200, 201):
        raise Failure(f"a request of the measurement was answered {answer.status}.")
    return taken, answer.body


async def _cold(site: Site, readers: Mapping[UserId, str], sample: Sample) -> tuple[Page, Page]:
    """One after the other; beside some what they are to be shown by definition, so that each side is cold once."""
    pages: list[float] = []
    oracles: list[float] = []
    spent: dict[str, float] = {}
    async with open_client(site.server.port, connections=1) as client:
        for number, (reader, token) in enumerate(list(readers.items())[: sample.cold]):
            if number % 2 and number < sample.oracles:
                oracles.append(await _oracle(site, reader))
            before = site.watched.cpu_seconds()
            pages.append((await _timed(client, get(_HOME, token)))[0])
            for role, seconds in since(before, site.watched.cpu_seconds()).items():
                spent[role] = spent.get(role, 0.0) + seconds
            if not number % 2 and number < sample.oracles:
                oracles.append(await _oracle(site, reader))
    return _page(pages, spent), _page(oracles, {})


async def _oracle(site: Site, reader: UserId) -> float:
    """The query that says what a timeline is; no longer than a statement of linnet's may take, if it takes longer."""
    start = time.perf_counter()
    with suppress(TooSlow):
        await home.fetch_oracle(site.services.db, reader, before_id=MAX_ID, page_size=800)
    return time.perf_counter() - start


async def _warm(site: Site, readers: Mapping[UserId, str], effort: Effort) -> tuple[list[Turn], list[Turn]]:
    turns = await _homes_and_constant({"home": (site, readers)}, effort)
    return turns["home"], turns["constant"]


async def measure_homes(places: Sequence[tuple[KeptPlace, Site]], effort: Effort, sample: Sample) -> list[list[float]]:
    """Warm home pages of all sizes in turns: of each round the CPU of a page at each size, in microseconds."""
    sides: dict[str, tuple[Site, Mapping[UserId, str]]] = {}
    for place, site in places:
        chance = random.Random(effort.seed)
        people = chance.sample(range(place.shape.people), min(sample.readers, place.shape.people))
        user_ids = [UserId(place.shape.user_id(number)) for number in people]
        sides[f"{place.shape.people:,} people"] = (site, await open_sessions(site.services, user_ids))
    turns = await _homes_and_constant(sides, effort)
    return [[turns[name][number].cpu_us("web") for name in sides] for number in range(effort.rounds)]


async def _homes_and_constant(
    sides: Mapping[str, tuple[Site, Mapping[UserId, str]]], effort: Effort
) -> dict[str, list[Turn]]:
    """Of each side its readers' pages, once they are warm, and a constant answer as long as the last side's."""
    takes: dict[str, Take] = {}
    bodies: list[bytes] = []
    for name, (site, readers) in sides.items():
        requests = [get(_HOME, token) for token in readers.values()]
        async with open_client(site.server.port, connections=1) as client:
            for _ in range(2):
                bodies = [(await _timed(client, request))[1] for request in requests]
        takes[name] = asking(site.server.port, all_asked(requests), site.watched, effort)
    constant = effort.scratch / "constant.json"
    constant.write_bytes(sorted(bodies, key=len)[len(bodies) // 2])
    with reference_server("constant_server", str(constant), scratch=effort.scratch) as (port, program):
        return await in_turns({**takes, "constant": asking(port, all_asked([get("/")]), program, effort)}, effort)


async def _scroll(site: Site, sample: Sample) -> tuple[Page, Page, int]:
    """Down to page 100, or as far as it goes: the first page beside the last ten."""
    scrollers = await site.services.db.fetch(UserId, _SCROLLING, page_size=sample.scrollers)
    tokens = await open_sessions(site.services, scrollers)
    first: list[float] = []
    deep: list[float] = []
    cpu_first: dict[str, float] = {}
    cpu_deep: dict[str, float] = {}
    depths: list[int] = []
    async with open_client(site.server.port, connections=1) as client:
        for token in tokens.values():
            await _timed(client, get(_HOME, token))
            path, depth = f"{_HOME}?popular=0", 0
            times: list[tuple[float, dict[str, float]]] = []
            while depth < sample.deep_page:
                before = site.watched.cpu_seconds()
                taken, body = await _timed(client, get(path, token))
                times.append((taken, since(before, site.watched.cpu_seconds())))
                depth += 1
                following = json.loads(body)["next"]
                if following is None:
                    break
                path = f"{_HOME}?popular=0&before={following}"
            depths.append(depth)
            for kept, spent, part in ((first, cpu_first, times[:1]), (deep, cpu_deep, times[-11:-1])):
                for taken, roles in part:
                    kept.append(taken)
                    for role, seconds in roles.items():
                        spent[role] = spent.get(role, 0.0) + seconds
    return _page(first, cpu_first), _page(deep, cpu_deep), round(statistics.median(depths))


class _Watch:
    """Everything between ``begin`` and ``end``, of tweets that are posted meanwhile."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._metrics: dict[str, float] = {}
        self._spent: dict[str, float] = {}
        self._start = 0.0

    async def begin(self) -> None:
        await settled(self._site.services)
        self._metrics, self._spent = read_metrics(self._site.server.port), self._site.watched.cpu_seconds()
        self._start = time.monotonic()

    async def end(self, count: int, seconds: float | None = None) -> Applied:
        """``seconds``: how long they were posted for, unless until now."""
        await settled(self._site.services)
        taken = seconds or time.monotonic() - self._start
        spent, after = self._site.watched.cpu_seconds(), read_metrics(self._site.server.port)
        lag = histogram_since(self._metrics, after, "linnet_delivery_lag_seconds")
        name = "linnet_deliveries_total"
        return Applied(
            count,
            count / taken,
            after.get(name, 0.0) - self._metrics.get(name, 0.0),
            {role: part / count * 1e6 for role, part in since(self._spent, spent).items()},
            bucket_quantile(lag, 0.5) * 1000,
            bucket_quantile(lag, 0.99) * 1000,
        )


async def _post(site: Site, authors: Mapping[UserId, str], effort: Effort, sample: Sample) -> tuple[Applied, Applied]:
    """By many at once, and one after the other."""
    requests = [post("/api/tweets", token, _BODY) for token in authors.values()]
    take = asking(site.server.port, all_asked(requests, 201), site.watched, effort)
    await take(0.5)
    watch = _Watch(site)
    await watch.begin()
    turn = await take(2 * effort.seconds)
    many = await watch.end(turn.count, turn.seconds)
    await watch.begin()
    async with open_client(site.server.port, connections=1) as client:
        for request in requests[: sample.alone]:
            await _timed(client, request)
            await settled(site.services)
    return many, await watch.end(len(requests[: sample.alone]))


class _FannedOut(msgspec.Struct, frozen=True):
    windows: int
    applied: Applied
    window_bytes: list[int]
    window_entries: list[int]


async def _fan_out(site: Site, sample: Sample) -> _FannedOut:
    """Somebody with many followers, all of whom have windows, posts one tweet after the other."""
    services = site.services
    author = await services.db.find(UserId, _LARGEST_PUSHED)
    fans = await services.db.fetch(UserId, _FOLLOWERS, user_id=author, page_size=sample.fans)
    waiting = iter(fans)

    async def build() -> None:
        for fan in waiting:
            await services.read.rebuilder.rebuild(fan)

    await asyncio.gather(*[build() for _ in range(_REBUILDS_AT_ONCE)])
    windows = await services.read.windows.fetch_live(fans)
    held = [await _window_size(site, fan) for fan in windows[: sample.weighed]]
    token = (await open_sessions(services, [UserId(author or 0)]))[UserId(author or 0)]
    watch = _Watch(site)
    async with open_client(site.server.port, connections=1) as client:
        request = post("/api/tweets", token, _BODY)
        await _timed(client, request)
        await watch.begin()
        start = time.monotonic()
        for number in range(sample.fan_tweets):
            await asyncio.sleep(max(0.0, start + number * _FAN_PAUSE_SECONDS - time.monotonic()))
            await _timed(client, request)
        applied = await watch.end(sample.fan_tweets)
    return _FannedOut(len(windows), applied, [size for size, _ in held], [entries for _, entries in held])


async def _window_size(site: Site, reader: UserId) -> tuple[int, int]:
    """Bytes of all that Valkey holds for it, and entries."""
    services = site.services
    keys = [services.keys.home(reader), services.keys.pull(reader), services.keys.hide(reader)]
    sizes = [await services.valkey.call(b"MEMORY", b"USAGE", key, b"SAMPLES", 0) or 0 for key in keys]
    return sum(sizes), max(0, await services.valkey.call(b"LLEN", keys[0]) - 1)


async def _search(
    site: Site, place: KeptPlace, readers: Mapping[UserId, str], chance: random.Random, sample: Sample
) -> dict[str, Page]:
    words = make_words(place.shape.seed)
    token = next(iter(readers.values()))

    def one(low: int, high: int) -> str:
        return words[chance.randrange(low, high)]

    # From which to which place in the order of how common words are, and how many of them.
    kinds = {
        "a common word": (0, 10, 1),
        "a word of 0.1 %": (800, 1_200, 1),
        "a rare word": (5_000, 50_000, 1),
        "two words of 1 %": (80, 120, 2),
    }
    found: dict[str, Page] = {}
    async with open_client(site.server.port, connections=1) as client:
        for name, (low, high, count) in kinds.items():
            times: list[float] = []
            before = site.watched.cpu_seconds()
            for _ in range(sample.searches):
                query = " ".join(one(low, high) for _ in range(count))
                taken, _ = await _timed(client, get(f"/api/search?type=tweets&q={quote(query)}", token))
                times.append(taken)
            found[name] = _page(times, since(before, site.watched.cpu_seconds()))
    return found
