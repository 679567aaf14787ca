"""Profiles by user id, and of them what stands beside a tweet.

Two caches of one row, since they grow old at different times. Counters change with every tweet and every follower, so a
``Profile`` is seldom kept for long where people are busy. Beside tweets stand a name and a picture, which change once a
year: a timeline reads them without asking the truth after each tweet of their owner.
"""

from collections.abc import Iterable, Sequence

import msgspec

from linnet.clock import Clock
from linnet.domain.user import Profile
from linnet.ids import UserId
from linnet.read.hydration.loading import Loaded, Loader, LoaderOptions
from linnet.read.views.avatars import avatar_url
from linnet.read.views.tweets import author_json
from linnet.stores.postgres import users
from linnet.stores.postgres.pool import Database
from linnet.stores.valkey.cache import Cache
from linnet.stores.valkey.keys import Keys


class ProfileLoader(Loader[UserId, Profile]):
    """``fetch(user_ids)`` gives profiles by user id; users who are not there are left out."""

    def __init__(self, db: Database, cache: Cache, keys: Keys, clock: Clock, options: LoaderOptions) -> None:
        super().__init__(cache, clock, options, Profile)
        self._db = db
        self._keys = keys

    def id_of(self, ref: UserId) -> int:
        return ref

    def keys_of(self, ids: Iterable[int]) -> list[bytes]:
        return self._keys.profiles(ids)

    async def load(self, refs: Sequence[UserId]) -> list[Loaded[Profile]]:
        return [Loaded(profile.id, profile.version, profile) for profile in await users.fetch_profiles(self._db, refs)]


class AuthorFacts(msgspec.Struct, frozen=True, array_like=True):
    """Who wrote something: the username, and the author's place in a view, encoded."""

    username: str
    json: bytes


class AuthorLoader(Loader[UserId, AuthorFacts]):
    """``fetch(user_ids)`` gives facts by user id; users who are not there are left out.

    The version is the row's as well. Of counters nothing is kept here, so what changed only these need not be told.
    """

    def __init__(self, db: Database, cache: Cache, keys: Keys, clock: Clock, options: LoaderOptions) -> None:
        super().__init__(cache, clock, options, AuthorFacts)
        self._db = db
        self._keys = keys

    def id_of(self, ref: UserId) -> int:
        return ref

    def keys_of(self, ids: Iterable[int]) -> list[bytes]:
        return self._keys.authors(ids)

    async def load(self, refs: Sequence[UserId]) -> list[Loaded[AuthorFacts]]:
        return [
            Loaded(profile.id, profile.version, _facts_of(profile))
            for profile in await users.fetch_profiles(self._db, refs)
        ]


def _facts_of(profile: Profile) -> AuthorFacts:
    shown = author_json(
        profile.id,
        username=profile.username,
        name=profile.name,
        avatar_url=avatar_url(profile.id, profile.avatar),
    )
    return AuthorFacts(profile.username, shown)
