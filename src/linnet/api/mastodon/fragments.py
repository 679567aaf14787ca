"""Statuses as JSON that is made once and used again, as our own pages are: a page is joined, and not encoded.

A tweet comes from a screen as JSON that holds all that its status says, what the viewer did with it included; only its
authors' accounts (how many follow them) change without it. So what a status comes to is kept by that JSON, in pieces
between which accounts are set, and an account by the version of its row.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

import msgspec

from linnet.api.mastodon.endpoints import Call
from linnet.api.mastodon.rendering import account_of, entity_of, read_tweet
from linnet.domain.user import Profile
from linnet.ids import UserId, random_bytes
from linnet.read.views.users import user_view

K = TypeVar("K")
V = TypeVar("V")

_KEPT: Final = 4000
# Nobody can know it, so nothing that people write can be one.
_PLACE: Final = msgspec.Raw(b'"%b"' % random_bytes(16).hex().encode())


class _Outline(msgspec.Struct, frozen=True):
    """``parts`` around the accounts of these people, in their order."""

    parts: tuple[bytes, ...]
    user_ids: tuple[UserId, ...]


class _Kept(Generic[K, V]):
    """What was made, by what it was made of. Two generations: what is used goes from the old one to the young one."""

    def __init__(self) -> None:
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is None:
                value = make()
            if len(self._young) >= _KEPT:
                self._old, self._young = self._young, {}
            self._young[key] = value
        return value


_outlines: _Kept[tuple[bytes, str, str], _Outline] = _Kept()
_accounts: _Kept[tuple[int, int, str], bytes] = _Kept()


async def statuses_json(call: Call, items: Sequence[bytes]) -> list[bytes]:
    """As ``rendering.statuses_of``, encoded: in the order of a page, without those whose authors went."""
    base = call.base
    me = "" if call.viewer_id is None else str(call.viewer_id)
    mine = b'"id":"%b"' % me.encode()
    outlines = []
    for item in items:
        # One's own says whether it is pinned.
        key = (item, base, me if me and mine in item else "")
        outlines.append(_outlines.get(key, partial(_outline_of, call, item)))
    wanted = {user_id for outline in outlines for user_id in outline.user_ids}
    profiles = await call.read.profiles.fetch(list(wanted)) if wanted else {}
    accounts = {user_id: _account_json(call, base, profile) for user_id, profile in profiles.items()}
    found = []
    for outline in outlines:
        pieces = [accounts.get(user_id) for user_id in outline.user_ids]
        if None not in pieces:
            parts = outline.parts
            filled = [parts[0]]
            for piece, part in zip(pieces, parts[1:], strict=True):
                filled += (piece or b"", part)
            found.append(b"".join(filled))
    return found


def _account_json(call: Call, base: str, profile: Profile) -> bytes:
    key = (profile.id, profile.version, base)
    return _accounts.get(key, lambda: msgspec.json.encode(account_of(call, user_view(profile, None))))


def _outline_of(call: Call, item: bytes) -> _Outline:
    tweet = read_tweet(item)
    people = [tweet.author.id] + ([] if tweet.retweet_of is None else [tweet.retweet_of.author.id])
    status = entity_of(call, tweet, dict.fromkeys(people, _PLACE))
    parts = msgspec.json.encode(status).split(bytes(_PLACE))
    # A retweet's own author comes before that of what is in it.
    return _Outline(tuple(parts), tuple(UserId(int(user_id)) for user_id in people))


def has_pictures(item: bytes) -> bool:
    """Whether a tweet that is JSON has pictures. No text can say so: it would have its quotes escaped."""
    return b'"attachments":[{' in item


# What every tweet's JSON begins with, see ``read.views.tweets``.
_ID_STARTS: Final = len(b'{"id":"')


def id_of(item: bytes) -> int:
    """The id of a tweet that is JSON."""
    return int(item[_ID_STARTS : item.index(b'"', _ID_STARTS)])
