"""Profiles by user id."""

from collections.abc import Sequence

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


class ProfileFacts(msgspec.Struct, frozen=True, array_like=True):
    """A profile, and its place in a tweet, encoded."""

    profile: Profile
    author_json: bytes


class ProfileLoader(Loader[UserId, ProfileFacts]):
    """``fetch(user_ids)`` gives facts by user id; users who are not there are left out."""

    def __init__(self, db: Database, cache: Cache, keys: Keys, clock: Clock, options: LoaderOptions) -> None:
        super().__init__(cache, clock, options, ProfileFacts)
        self._db = db
        self._keys = keys

    def id_of(self, ref: UserId) -> int:
        return ref

    def key_of(self, some_id: int) -> bytes:
        return self._keys.profile(some_id)

    async def load(self, refs: Sequence[UserId]) -> list[Loaded[ProfileFacts]]:
        return [
            Loaded(
                profile.id,
                profile.version,
                ProfileFacts(
                    profile,
                    author_json(
                        profile.id,
                        username=profile.username,
                        name=profile.name,
                        avatar_url=avatar_url(profile.id, profile.avatar),
                    ),
                ),
            )
            for profile in await users.fetch_profiles(self._db, refs)
        ]
