"""Which server of a cluster has which slots, as one of them says. Does no I/O."""

from binascii import crc_hqx
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

import msgspec

from linnet.stores.valkey.client import read_info
from linnet.stores.valkey.keys import BUCKETS, tag_of

T = TypeVar("T")

SLOTS: Final = 16384
LAYOUT_COMMANDS: Final = ((b"CLUSTER", b"NODES"), (b"CLUSTER", b"INFO"))


def slot_of(key: bytes) -> int:
    """The slot of a key, or of a sharded channel: that of what stands between its first braces, if anything does."""
    start = key.find(b"{") + 1
    if start:
        end = key.find(b"}", start)
        if end > start:
            key = key[start:end]
    return crc_hqx(key, 0) % SLOTS


def by_slot(things: Sequence[T], key_of: Callable[[T], bytes], *, most: int) -> Iterable[Sequence[T]]:
    """Things by the slot of a key of each, in portions."""
    found: dict[int, list[T]] = {}
    for thing in things:
        found.setdefault(slot_of(key_of(thing)), []).append(thing)
    for those in found.values():
        for at in range(0, len(those), most):
            yield those[at : at + most]


def slot_of_part(part: int) -> int:
    """The slot of everything that belongs to a part (see ``Keys``) of a cluster."""
    return _SLOT_OF_PART[part]


_SLOT_OF_PART: Final = tuple(slot_of(tag_of(part)) for part in range(BUCKETS))


class Primary(msgspec.Struct, frozen=True):
    """A server that takes writes. ``slots`` are (first, last) of each range; a new one has none yet."""

    node_id: str
    host: str
    port: int
    slots: tuple[tuple[int, int], ...]

    def every_slot(self) -> Iterator[int]:
        for first, last in self.slots:
            yield from range(first, last + 1)

    def parts(self) -> tuple[int, ...]:
        """Of which parts (see ``Keys``) the keys lie here."""
        return tuple(
            part for part, slot in enumerate(_SLOT_OF_PART) if any(first <= slot <= last for first, last in self.slots)
        )


class Layout(msgspec.Struct, frozen=True):
    """The cluster as one server sees it. The larger ``epoch``, the newer.

    ``is_well``: most of the cluster agrees, and every slot is served. ``is_moving``: the server gives slots away, or is
    given some.
    """

    epoch: int
    primaries: tuple[Primary, ...]
    is_well: bool
    is_moving: bool


def read_layout(nodes: bytes, info: bytes, *, asked_host: str, use_names: bool) -> Layout:
    """From what CLUSTER NODES and CLUSTER INFO say. ``use_names``: of hosts, where they are announced, for TLS."""
    primaries: list[Primary] = []
    is_moving = False
    for line in nodes.decode(errors="replace").splitlines():
        node_id, address, flag_list, _, _, _, _, link, *slots = line.split(" ")
        flags = set(flag_list.split(","))
        is_moving = is_moving or any(slot.startswith("[") for slot in slots)
        if "master" not in flags or "noaddr" in flags:
            continue
        if not slots and (link != "connected" or flags & {"fail", "fail?"}):
            # It was replaced, or nobody needs it yet.
            continue
        where, *names = address.split(",")
        host, _, port = where.partition("@")[0].rpartition(":")
        name = names[0] if names and "=" not in names[0] else ""
        ranges = [slot.partition("-") for slot in slots if not slot.startswith("[")]
        primaries.append(
            Primary(
                node_id,
                (name if use_names else "") or host.strip("[]") or name or asked_host,
                int(port),
                tuple((int(first), int(last or first)) for first, _, last in ranges),
            )
        )
    facts = read_info(info)
    return Layout(
        int(facts.get("cluster_current_epoch", 0)),
        tuple(sorted(primaries, key=lambda primary: primary.node_id)),
        is_well=facts.get("cluster_state") == "ok",
        is_moving=is_moving,
    )
