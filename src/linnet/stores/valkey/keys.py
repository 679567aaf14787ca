"""Every key that linnet has in Valkey. Nothing else builds one.

Every key carries a bucket as hash tag, ``{b42}``: that of the reader it belongs to, or of the row it holds. So the keys
of a reader share a slot of a cluster and a call on them stays on one node, and an installation lies in 512 slots at the
most. What is about nobody in particular is one key on a server of its own, and on a cluster one for each bucket. Ids
stand in keys as 8 raw bytes: short, and Lua, whose numbers hold 53 bits, can pass them on without reading them.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

BUCKETS = 512


FORMAT = b"2:"
"""Begins every key of an installation, behind its prefix. Another number for every release that keeps something else
under a name: what lies there from before is then not read as what it is not, but made anew."""


def pack_id(some_id: int) -> bytes:
    """8 bytes, most significant first: byte order is the order of ids."""
    return some_id.to_bytes(8, "big")


def bucket_of(user_id: int) -> int:
    """Which bucket a user's keys lie in. ``lua/window.lua`` computes the same."""
    return (user_id ^ user_id >> 6 ^ user_id >> 16) & (BUCKETS - 1)


_KEPT = re.compile(rb"(?:\{b\d+\}:(?:(?:home|pull|hide|limit|places):|live$|history$)|live$|history$)")
_BUCKET = re.compile(rb"\{b(\d+)\}:")
_READERS = re.compile(rb"\{b\d+\}:(?:home|pull|hide):(.{8})", re.DOTALL)


def escape(raw: bytes) -> bytes:
    """As a pattern that matches just this."""
    return b"".join(b"\\" + bytes([char]) if char in b"\\*?[]" else bytes([char]) for char in raw)


_TAGS = [b"{b%d}" % bucket for bucket in range(BUCKETS)]


@lru_cache(maxsize=64)
def _heads(prefix: bytes, noun: bytes) -> list[bytes]:
    """What keys begin with, by bucket."""
    return [prefix + tag + noun for tag in _TAGS]


def tag_of(part: int) -> bytes:
    """What the keys of a part of a cluster have in common: their slot is that of this."""
    return _TAGS[part]


class Keys(msgspec.Struct, frozen=True):
    """``prefix`` sets installations (and tests) apart that share a Valkey.

    ``on_cluster``: what one call touches lies in one bucket. Everything of a *part* shares what is about nobody in
    particular: there is one part, 0, or on a cluster one for each bucket.
    """

    prefix: bytes = b""
    on_cluster: bool = False

    @classmethod
    def of_installation(cls, prefix: bytes, *, on_cluster: bool = False) -> "Keys":
        """The keys of this release under an installation's own prefix."""
        return cls(prefix + FORMAT, on_cluster)

    @property
    def parts(self) -> range:
        """All there are."""
        return range(BUCKETS if self.on_cluster else 1)

    def part_of(self, user_id: int) -> int:
        """Which part a user's keys belong to."""
        return bucket_of(user_id) if self.on_cluster else 0

    def parted(self, packed_ids: bytes, most: int) -> Iterator[tuple[int, bytes]]:
        """Packed user ids in portions that one call may be about, of ``most`` ids: the part, and the ids."""
        portions: Iterable[tuple[int, bytes | bytearray]] = [(0, packed_ids)]
        if self.on_cluster:
            by_bucket: dict[int, bytearray] = {}
            for at, user_id in enumerate(struct.unpack(f">{len(packed_ids) // 8}q", packed_ids)):
                portion = by_bucket.setdefault(bucket_of(user_id), bytearray())
                portion += packed_ids[8 * at : 8 * at + 8]
            portions = by_bucket.items()
        for part, ids in portions:
            for at in range(0, len(ids), 8 * most):
                yield part, bytes(ids[at : at + 8 * most])

    def find_part(self, key: bytes) -> int:
        """Which part a key of the installation belongs to."""
        found = _BUCKET.match(key, len(self.prefix)) if self.on_cluster else None
        return 0 if found is None else int(found[1])

    def _of_part(self, part: int, noun: bytes) -> bytes:
        return self.prefix + (_TAGS[part] + b":" if self.on_cluster else b"") + noun

    def earlier_patterns(self) -> list[bytes]:
        """Match what the installation's earlier releases wrote, and nothing of this one's."""
        if not self.prefix.endswith(FORMAT):
            return []
        prefix = escape(self.prefix.removesuffix(FORMAT))
        # Those of 0.1, which had no number in them.
        return [prefix + rest for rest in (b"{b*}:*", b"tweet:*", b"profile:*")]

    def _of_user(self, noun: bytes, user_id: int) -> bytes:
        return b"%b{b%d}:%b:%b" % (self.prefix, bucket_of(user_id), noun, pack_id(user_id))

    def _of_row(self, noun: bytes, some_id: int) -> bytes:
        return self.prefix + _TAGS[bucket_of(some_id)] + noun + pack_id(some_id)

    def _of_rows(self, noun: bytes, ids: Iterable[int]) -> list[bytes]:
        # A page asks for dozens at a time, so all that they have in common is put together once.
        heads, last = _heads(self.prefix, noun), BUCKETS - 1
        return [heads[(some_id ^ some_id >> 6 ^ some_id >> 16) & last] + some_id.to_bytes(8, "big") for some_id in ids]

    def home(self, user_id: int) -> bytes:
        """List: a reader's window."""
        return self._of_user(b"home", user_id)

    def pull(self, user_id: int) -> bytes:
        """String: the top users a reader pulls, and whom they keep away, packed. Lives and dies with the window."""
        return self._of_user(b"pull", user_id)

    def of_page(self, user_id: int) -> tuple[bytes, bytes, bytes, bytes]:
        """What a page of a reader's window is read from: ``home``, ``pull``, ``hide`` and ``marks``."""
        # Built for every page, and twice as fast together.
        bucket, packed = self.prefix + _TAGS[bucket_of(user_id)], pack_id(user_id)
        return (
            bucket + b":home:" + packed,
            bucket + b":pull:" + packed,
            bucket + b":hide:" + packed,
            bucket + b":marks:" + packed,
        )

    def pull_pattern(self) -> bytes:
        """Matches every pull set, and so every reader who has a window."""
        return escape(self.prefix) + b"{b*}:pull:*"

    def reader_pattern(self) -> bytes:
        """Matches windows, pull sets and hide notes of all readers; ``find_reader`` says whose, and skips what else."""
        return escape(self.prefix) + b"{b*}:[hp]*"

    def find_reader(self, key: bytes) -> int | None:
        """Whose window, pull set or hide notes a key is; None for any other key."""
        found = _READERS.fullmatch(key[len(self.prefix) :]) if key.startswith(self.prefix) else None
        return None if found is None else int.from_bytes(found[1], "big")

    def user_pattern(self, user_id: int) -> bytes:
        """Matches everything that belongs to one user: what lies in the user's bucket and names the user."""
        return escape(b"%b{b%d}:" % (self.prefix, bucket_of(user_id))) + b"*" + escape(pack_id(user_id)) + b"*"

    def hide(self, user_id: int) -> bytes:
        """Hash: author → why a reader's window must not show them. Outlives the window."""
        return self._of_user(b"hide", user_id)

    def older(self, user_id: int) -> bytes:
        """String: what lies below a reader's window, as far as it was read. Dies with the window."""
        return self._of_user(b"older", user_id)

    def marks(self, user_id: int) -> bytes:
        """Hash: tweet → what a viewer did with it."""
        return self._of_user(b"marks", user_id)

    def badge(self, user_id: int) -> bytes:
        """String: how much of a user's notifications is new."""
        return self._of_user(b"badge", user_id)

    def session(self, user_id: int, token_hash: bytes) -> bytes:
        """String: the session of a token, or that it ended."""
        return self._of_user(b"session", user_id) + b":" + token_hash

    def limit(self, subject: bytes, rule: bytes) -> bytes:
        """String: what was counted under a rate limit. A subject is a packed user id, an address or a login's digest.

        All limits of a subject share a slot, those of a user with everything else of that user.
        """
        # Built by every request, and twice as fast put together as formatted.
        return self.prefix + _TAGS[bucket_of(int.from_bytes(subject, "big"))] + b":limit:" + rule + b":" + subject

    def places(self, login: bytes) -> bytes:
        """Sorted set: addresses from which somebody logged in lately, by the digest of the login."""
        return b"%b{b%d}:places:%b" % (self.prefix, bucket_of(int.from_bytes(login, "big")), login)

    def tweet(self, tweet_id: int) -> bytes:
        """String: a tweet as the views need it, or that it is gone."""
        return self._of_row(b":tweet:", tweet_id)

    def tweets(self, tweet_ids: Iterable[int]) -> list[bytes]:
        """``tweet`` of each."""
        return self._of_rows(b":tweet:", tweet_ids)

    def profile(self, user_id: int) -> bytes:
        """String: a profile as the views need it."""
        return self._of_row(b":profile:", user_id)

    def profiles(self, user_ids: Iterable[int]) -> list[bytes]:
        """``profile`` of each."""
        return self._of_rows(b":profile:", user_ids)

    def author(self, user_id: int) -> bytes:
        """String: who stands beside a tweet."""
        return self._of_row(b":author:", user_id)

    def authors(self, user_ids: Iterable[int]) -> list[bytes]:
        """``author`` of each."""
        return self._of_rows(b":author:", user_ids)

    def of_profile(self, user_id: int) -> list[bytes]:
        """All that is cached of a profile: what is to be told when more of it changes than counters."""
        return [self.profile(user_id), self.author(user_id)]

    def all_pattern(self) -> bytes:
        """Matches everything of the installation."""
        return escape(self.prefix) + b"*"

    def is_cached(self, key: bytes) -> bool:
        """Whether a key of the installation holds what may be asked for anew: all but windows, and what was counted."""
        return _KEPT.match(key, len(self.prefix)) is None

    def history(self, part: int = 0) -> bytes:
        """String: up to where this Valkey certainly holds what was done in it."""
        return self._of_part(part, b"history")

    def nothing(self, part: int) -> bytes:
        """Never there. A call that names it beside another key is refused by a node that gives its slot away."""
        return self._of_part(part, b"nothing")

    def live(self, part: int = 0) -> bytes:
        """Hash: reader → the processes that hold open streams of theirs."""
        return self._of_part(part, b"live")

    def live_channel(self, process: bytes, part: int = 0) -> bytes:
        """Channel: what changed for the readers whose streams one process holds."""
        return self._of_part(part, b"live:") + process

    def changes(self) -> bytes:
        """Channel: what processes must forget."""
        return self.prefix + b"changes"

    def wake(self) -> bytes:
        """Channel: lanes that have work."""
        return self.prefix + b"wake"
