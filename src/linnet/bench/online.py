"""``linnet bench online``: as many live windows in one Valkey as people are online, and how fast it is then.

Some hundred windows are built as reading builds them; the others are copies of these, made by Valkey itself, so that
each takes the memory that it would take. Lengths are those of the windows of a place (``--lengths`` with the JSON of
``linnet bench growth``), or else as uneven as people are. Then tweets are pushed to readers drawn by lot, and
pages read, in turns with the same on few windows, which the processor's caches hold.
"""

import asyncio
import json
import math
import os
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from linnet.bench.growth_report import Machine, this_machine
from linnet.bench.place.shape import bounded_pareto
from linnet.bench.processes import cpu_seconds
from linnet.bench.report import write_json
from linnet.bench.serving import scratch_directory
from linnet.cli.failures import Failure
from linnet.domain.timeline import Entry, Range
from linnet.embedded import EmbeddedError, EmbeddedOptions, EmbeddedServers
from linnet.ids import TweetId, UserId
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.keys import Keys, pack_id
from linnet.stores.valkey.windows import WindowOptions, Windows

_FEW = 5_000
_READERS_PER_TWEET = 3_000
_AT_ONCE = 2_000
_FIRST_MS = 1_780_000_000_000
_MEAN_ENTRIES = 300.0
_LOOKED_AT_SECONDS = 0.5


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Windows that others are copies of, and what is done with windows in a round."""

    prototypes: int = 500
    pages: int = 20_000
    tweets: int = 40


_QUICK = Sample(prototypes=20, pages=200, tweets=2)


class Kind(msgspec.Struct, frozen=True):
    """Windows of one kind. Bytes are all that Valkey holds, divided by windows: keys, sets of pulled people, tables."""

    windows: int
    mean_entries: float
    bytes_each: float
    resident_bytes_each: float
    build_seconds: float


class Speed(msgspec.Struct, frozen=True):
    """How fast, on all windows and on a few of them in turns; CPU of Valkey and of the client for each, in µs."""

    rate: float
    valkey_us: float
    client_us: float
    rate_on_few: float
    valkey_us_on_few: float
    ratio: float


class Online(msgspec.Struct, frozen=True):
    """What came out. ``push`` is per delivery, ``read`` per page of 15."""

    machine: Machine
    real: Kind
    full: Kind | None
    push: Speed
    read: Speed


@click.command()
@click.option("--windows", type=click.IntRange(_FEW), default=1_000_000, show_default=True, help="How many windows.")
@click.option("--full", type=click.IntRange(0), default=200_000, show_default=True, help="How many full ones, after.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Rounds of each side.")
@click.option("--seed", type=int, default=1, show_default=True, help="What the windows are made from.")
@click.option("--quick", is_flag=True, help="See that all of it runs; the figures mean nothing.")
@click.option(
    "--lengths",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Take the lengths of windows from this JSON of `linnet bench growth`.",
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), metavar="FILE", help="Write all figures to FILE.")
def online(
    *, windows: int, full: int, rounds: int, seed: int, quick: bool, lengths: Path | None, json_path: Path | None
) -> None:
    """Measure a Valkey that holds the windows of a million people."""
    with scratch_directory() as scratch:
        draw = lengths_of(lengths) if lengths is not None else _uneven
        try:
            found = asyncio.run(_measure(scratch, windows, full, rounds, seed, draw, _QUICK if quick else Sample()))
        except EmbeddedError as error:
            raise Failure(str(error)) from error
        show(Console(width=130), found)
        write_json(json_path, found)


def lengths_of(path: Path) -> Callable[[random.Random], int]:
    """Draws from the windows of the largest place of a growth run. Raises ``Failure`` for a file of another kind."""
    try:
        entries = [int(count) for count in json.loads(path.read_bytes())["sizes"][-1]["window_entries"]]
    except (ValueError, LookupError, TypeError) as error:
        raise Failure(f"{path} is not what `linnet bench growth --json` writes.") from error
    if not entries:
        raise Failure(f"{path} holds no windows.")
    return lambda chance: chance.choice(entries)


def _uneven(chance: random.Random) -> int:
    return min(800, round(bounded_pareto(1.5, _MEAN_ENTRIES, 2_000)(chance.random())))


async def _measure(
    scratch: Path,
    count: int,
    full: int,
    rounds: int,
    seed: int,
    draw: Callable[[random.Random], int],
    sample: Sample,
) -> Online:
    machine = this_machine()
    chance = random.Random(seed)
    async with _opened(scratch / "real") as place:
        real, readers = await _fill(place, count, [draw(chance) for _ in range(sample.prototypes)], seed, "Windows")
        push = await _compare(place, rounds, lambda few: _push(place, _some(readers, few=few), chance, sample.tweets))
        read = await _compare(place, rounds, lambda few: _read(place, _some(readers, few=few), chance, sample.pages))
    filled = None
    if full:
        async with _opened(scratch / "full") as place:
            filled, _ = await _fill(
                place, full, [place.windows.options.max_entries] * sample.prototypes, seed, "Full windows"
            )
    return Online(machine, real, filled, push, read)


class _Place(msgspec.Struct, frozen=True):
    """A Valkey of its own, and what writes to it."""

    valkey: Valkey
    keys: Keys
    windows: Windows
    pid: int


@asynccontextmanager
async def _opened(directory: Path) -> AsyncIterator[_Place]:
    async with EmbeddedServers(directory, EmbeddedOptions(durable=False)) as servers:
        # Nobody waits for an answer here: time-outs would only say that the machine is busy.
        valkey = Valkey(ValkeyOptions(servers.valkey_url, timeout_seconds=60.0))
        try:
            info: bytes = await valkey.call(b"INFO", b"server")
            pid = int(info.partition(b"process_id:")[2].split()[0])
            keys = Keys.of_installation(b"")
            yield _Place(valkey, keys, Windows(valkey, keys, WindowOptions()), pid)
        finally:
            await valkey.close()


def _some(readers: Sequence[UserId], *, few: bool) -> Sequence[UserId]:
    return readers[:_FEW] if few else readers


async def _fill(place: _Place, count: int, lengths: list[int], seed: int, title: str) -> tuple[Kind, list[UserId]]:
    """Prototypes by the way of a read, the others as copies of them."""
    chance = random.Random(seed)
    readers = [UserId((1_700_000_000_000 + number) << 16) for number in range(count)]
    before = await _memory(place)
    start = time.monotonic()
    for reader, length in zip(readers, lengths, strict=False):
        await place.windows.begin(reader, b"bench")
        entries = _entries(chance, length)
        await place.windows.merge(reader, b"bench", entries, complete=False, pulled=frozenset([UserId(7)]))
    with Progress(
        TextColumn("{task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as bars:
        task = bars.add_task(title, total=count, completed=len(lengths))
        for first in range(len(lengths), count, _AT_ONCE):
            chunk = readers[first : first + _AT_ONCE]
            copies = [
                place.valkey.call(b"COPY", key(readers[(first + at) % len(lengths)]), key(reader))
                for at, reader in enumerate(chunk)
                for key in (place.keys.home, place.keys.pull)
            ]
            for copy in copies:
                await copy
            bars.update(task, advance=len(chunk))
    after = await _memory(place)
    used, resident = ((later - earlier) / count for earlier, later in zip(before, after, strict=True))
    return Kind(count, statistics.fmean(lengths), used, resident, time.monotonic() - start), readers


async def _memory(place: _Place) -> tuple[int, int]:
    # It looks at what is resident ten times a second.
    await asyncio.sleep(_LOOKED_AT_SECONDS)
    info: bytes = await place.valkey.call(b"INFO", b"memory")
    return int(info.partition(b"used_memory:")[2].split()[0]), int(info.partition(b"used_memory_rss:")[2].split()[0])


def _entries(chance: random.Random, count: int) -> list[Entry]:
    """Newest first, of a few hundred authors, minutes apart; of ten seven are tweets, two replies and one a retweet."""
    entries, ms = [], _FIRST_MS
    for number in range(count):
        ms -= chance.randint(1, 600_000)
        tweet_id = TweetId(ms << 16 | chance.randint(0, 1023) << 6)
        author, other = (UserId((1_700_000_000_000 + chance.randint(0, 300)) << 16) for _ in range(2))
        if number % 10 < 7:
            entries.append(Entry(tweet_id, author))
        elif number % 10 < 9:
            entries.append(Entry(tweet_id, author, other))
        else:
            entries.append(Entry(tweet_id, author, other, TweetId(tweet_id - (1 << 32))))
    return entries


async def _push(place: _Place, readers: Sequence[UserId], chance: random.Random, tweets: int) -> int:
    """Tweets, each to other readers; all calls of one at once, as the event worker makes them."""
    deliveries = 0
    for _ in range(tweets):
        # Later than all that was pushed before, in the order in which followers are read.
        drawn = sorted(chance.sample(readers, min(_READERS_PER_TWEET, len(readers))))
        entry = Entry(TweetId((_FIRST_MS + time.monotonic_ns() // 1_000_000) << 16), UserId(7 << 16))
        for call in place.windows.push(entry, b"".join(map(pack_id, drawn))):
            deliveries += await call
    return deliveries


async def _read(place: _Place, readers: Sequence[UserId], chance: random.Random, pages: int) -> int:
    """Newest pages of readers drawn by lot, many at once."""
    for _ in range(pages // 100):
        await asyncio.gather(*[place.windows.read(reader, Range(15)) for reader in chance.choices(readers, k=100)])
    return pages // 100 * 100


class _Turn(msgspec.Struct, frozen=True):
    rate: float
    valkey_us: float
    client_us: float


async def _compare(place: _Place, rounds: int, work: Callable[[bool], Awaitable[int]]) -> Speed:
    taken: dict[bool, list[_Turn]] = {False: [], True: []}
    for number in range(rounds + 1):
        for few in (False, True) if number % 2 else (True, False):
            turn = await _timed(place, work(few))
            if number:
                taken[few].append(turn)

    def median(turns: Sequence[float]) -> float:
        return statistics.median(turns)

    many, some = taken[False], taken[True]
    return Speed(
        median([turn.rate for turn in many]),
        median([turn.valkey_us for turn in many]),
        median([turn.client_us for turn in many]),
        median([turn.rate for turn in some]),
        median([turn.valkey_us for turn in some]),
        median([_ratio(ours.valkey_us, theirs.valkey_us) for ours, theirs in zip(many, some, strict=True)]),
    )


def _ratio(ours: float, theirs: float) -> float:
    """Of next to nothing, as in a round that is too short to be measured, there is none."""
    return ours / theirs if theirs else math.nan


async def _timed(place: _Place, work: Awaitable[int]) -> _Turn:
    valkey, client, start = cpu_seconds([place.pid]), cpu_seconds([os.getpid()]), time.perf_counter()
    done = await work
    seconds = time.perf_counter() - start
    return _Turn(
        done / seconds,
        (cpu_seconds([place.pid]) - valkey) / done * 1e6,
        (cpu_seconds([os.getpid()]) - client) / done * 1e6,
    )


def show(console: Console, found: Online) -> None:
    """Two small tables."""
    table = Table("", "windows", "entries each", "bytes each", "resident bytes each")
    for name, kind in (("of real length", found.real), ("full", found.full)):
        if kind is not None:
            table.add_row(
                name,
                f"{kind.windows:,}",
                f"{kind.mean_entries:,.0f}",
                f"{kind.bytes_each:,.0f}",
                f"{kind.resident_bytes_each:,.0f}",
            )
    console.print(table)
    table = Table("on all windows of real length", "a second", "µs of Valkey", "µs of client", "beside few windows")
    for name, speed in (("deliveries", found.push), ("pages read", found.read)):
        table.add_row(
            name,
            f"{speed.rate:,.0f}",
            f"{speed.valkey_us:.2f}",
            f"{speed.client_us:.2f}",
            f"{speed.ratio:.2f} × the CPU",
        )
    console.print(table)
