"""Delivering: entries pushed to windows, beside pipelined LPUSHX on the same Valkey."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable

import msgspec

from linnet.bench.figures import Goal, Measured, compare
from linnet.bench.processes import cpu_seconds
from linnet.bench.scenario import Effort, Scenario
from linnet.bench.serving import Site
from linnet.cli.failures import Failure
from linnet.domain.timeline import Entry, pack_entry
from linnet.ids import TweetId, UserId
from linnet.stores.valkey.address import parse_address
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import pack_id
from linnet.stores.valkey.windows import Windows

_READERS = 5000
_PIPELINED = 1000
_AUTHOR = UserId(1)
_FIRST_TWEET = 1 << 40
_TWEETS_PER_SECOND = 20


async def run(site: Site, effort: Effort) -> Measured:
    """Readers who are nobody: windows need no people."""
    # Ids as far apart as those of people who came one after the other.
    readers = [UserId((1_700_000_000_000 + number) << 16) for number in range(_READERS)]
    return await measure(site, readers, effort)


async def measure(site: Site, readers: list[UserId], effort: Effort) -> Measured:
    """As many tweets to the same readers on all sides. Their windows, in which nothing is true, are gone afterwards."""
    services = site.services
    tweets = max(5, round(_TWEETS_PER_SECOND * effort.seconds))
    lists = [services.keys.prefix + b"bench:%b" % pack_id(reader) for reader in readers]
    by_client: list[tuple[_Side, _Side]] = []
    by_machine: list[tuple[_Side, _Side]] = []
    valkey = services.valkey
    # The processor of a Valkey elsewhere cannot be read from here.
    processes = [os.getpid(), *([await _process_id(valkey)] if site.is_embedded else [])]
    await _build(services.read.windows, readers)
    # Encoded commands are sent over a connection of their own, which knows nothing of passwords or TLS.
    sides = ["ours", "client", *(["machine"] if site.is_embedded else [])]
    next_id = _FIRST_TWEET + 1
    try:
        for number in range(effort.rounds + 1):
            effort.tell(f"fan-out: round {number} of {effort.rounds}" if number else "fan-out: warming up")
            entries = [Entry(TweetId(next_id + offset), _AUTHOR) for offset in range(tweets)]
            next_id += tweets
            found: dict[str, _Side] = {}
            for side in sides if number % 2 else sides[::-1]:
                if side == "ours":
                    found[side] = await _timed(processes, _push(services.read.windows, entries, readers))
                    continue
                await _empty(valkey, lists)
                if side == "client":
                    found[side] = await _timed(processes, _lpushx_by_client(valkey, entries, lists))
                else:
                    batches = _encode(entries, lists)
                    encoded = asyncio.to_thread(_lpushx_encoded, services.settings.valkey.url, batches, lists)
                    found[side] = await _timed(processes, encoded)
            if number:
                by_client.append((found["ours"], found["client"]))
                if site.is_embedded:
                    by_machine.append((found["ours"], found["machine"]))
    finally:
        await _remove(valkey, lists)
        await _drop(services.read.windows, readers)
    notes = f"{len(readers):,} readers with windows, {tweets} tweets a round"
    return Measured(
        "fanout",
        [
            compare(
                *("fanout", "fan-out into windows", "windows/s"),
                [(ours.rate, theirs.rate) for ours, theirs in by_client],
                beside="pipelined LPUSHX",
                goal=Goal("≥ 0.80", ratio_at_least=0.8),
            ),
            compare(
                *("fanout", "fan-out, CPU + Valkey's", "µs/window"),
                [(ours.cpu_microseconds, theirs.cpu_microseconds) for ours, theirs in by_client],
                beside="pipelined LPUSHX",
                goal=Goal("≤ 1.25", ratio_at_most=1.25) if site.is_embedded else Goal(),
            ),
            *(
                [
                    compare(
                        *("fanout", "fan-out, Valkey's limit", "windows/s"),
                        [(ours.rate, theirs.rate) for ours, theirs in by_machine],
                        beside="LPUSHX encoded before",
                    )
                ]
                if by_machine
                else []
            ),
        ],
        notes=notes,
    )


class _Side(msgspec.Struct, frozen=True):
    """One side of a round. The CPU is that of this process and of Valkey, if that runs here."""

    rate: float
    cpu_microseconds: float


async def _timed(processes: list[int], work: Awaitable[int]) -> _Side:
    """How fast ``work`` is, and what it costs; it returns how many deliveries it made."""
    cpu, start = cpu_seconds(processes), time.perf_counter()
    deliveries = await work
    seconds = time.perf_counter() - start
    return _Side(deliveries / seconds, (cpu_seconds(processes) - cpu) / deliveries * 1e6)


async def _process_id(valkey: Valkey) -> int:
    info: bytes = await valkey.call(b"INFO", b"server")
    return int(info.partition(b"process_id:")[2].split()[0])


async def _build(windows: Windows, readers: list[UserId]) -> None:
    """A window with one entry for each."""
    await _drop(windows, readers)
    for reader in readers:
        await windows.begin(reader, b"bench")
        entry = Entry(TweetId(_FIRST_TWEET), _AUTHOR)
        await windows.merge(reader, b"bench", [entry], complete=True, pulled=frozenset())


async def _drop(windows: Windows, readers: list[UserId]) -> None:
    for call in windows.drop(b"".join(map(pack_id, readers))):
        await call


async def _push(windows: Windows, entries: list[Entry], readers: list[UserId]) -> int:
    """As the event worker does it: all calls of a batch at once, then the answers."""
    packed = b"".join(map(pack_id, readers))
    deliveries = 0
    for entry in entries:
        for call in windows.push(entry, packed):
            deliveries += await call
    if deliveries != len(entries) * len(readers):
        raise Failure(f"{deliveries} deliveries were made instead of {len(entries) * len(readers)}.")
    return deliveries


async def _empty(valkey: Valkey, lists: list[bytes]) -> None:
    for key in lists:
        valkey.call(b"UNLINK", key)
        last = valkey.call(b"RPUSH", key, b"the first one")
        if key is lists[-1] or key[-1] == 0:
            await last


async def _remove(valkey: Valkey, lists: list[bytes]) -> None:
    for at in range(0, len(lists), _PIPELINED):
        for call in [valkey.call(b"UNLINK", key) for key in lists[at : at + _PIPELINED]]:
            await call


async def _lpushx_by_client(valkey: Valkey, entries: list[Entry], lists: list[bytes]) -> int:
    """What a worker does that knows its readers one by one."""
    for entry in entries:
        packed = pack_entry(entry)
        for at in range(0, len(lists), _PIPELINED):
            for call in [valkey.call(b"LPUSHX", key, packed) for key in lists[at : at + _PIPELINED]]:
                await call
    return len(entries) * len(lists)


def _encode(entries: list[Entry], lists: list[bytes]) -> list[bytes]:
    return [b"".join(_command(b"LPUSHX", key, pack_entry(entry)) for key in lists) for entry in entries]


def _lpushx_encoded(url: str, batches: list[bytes], lists: list[bytes]) -> int:
    """On one connection all commands of a tweet, then all their answers."""
    address = parse_address(url)
    with socket.socket(socket.AF_UNIX if address.socket_path else socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.connect(address.socket_path or (address.host, address.port))
        for batch in batches:
            connection.sendall(batch)
            answers = 0
            while answers < len(lists):
                received = connection.recv(1 << 20)
                if not received:
                    raise ConnectionError("Valkey closed the connection")
                answers += received.count(b"\n")
    return len(batches) * len(lists)


def _command(*parts: bytes) -> bytes:
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


SCENARIO = Scenario(
    "fanout", "entries pushed into windows; beside pipelined LPUSHX", run, {"LINNET_WEB_PROCESSES": "1"}
)
