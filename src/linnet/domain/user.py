"""Users as the truth keeps them."""

import msgspec

from linnet.ids import SessionId, UserId

NOBODY = UserId(1)
"""Whom a reply answers whose tweet went with its author's account. No user ever has this id, and nobody follows it."""


class Profile(msgspec.Struct, frozen=True):
    """What everybody may know of a user. ``version`` grows with every change, so that caches never go back.

    ``avatar`` names a picture of the media store; None: the one that is drawn from the id. ``locked``: followed only by
    whom the user accepted. ``header`` names the wide picture above the profile. ``fields`` are labels and what stands
    beside them, in turn.
    """

    id: UserId
    username: str
    name: str
    bio: str
    location: str
    avatar: str | None
    tweets_count: int
    followers_count: int
    following_count: int
    version: int
    locked: bool = False
    header: str | None = None
    fields: tuple[str, ...] = ()
    is_bot: bool = False
    is_discoverable: bool = True
    is_indexable: bool = True


class Account(msgspec.Struct, frozen=True):
    """What only the user may know, beside the profile."""

    id: UserId
    email: str
    phone: str | None
    password_hash: str


class Session(msgspec.Struct, frozen=True):
    """One log-in on one device, or one app that was let in. Times are Unix milliseconds.

    ``app_id`` and ``scopes`` are of an app; None: a log-in, which may do everything.
    """

    id: SessionId
    user_id: UserId
    device: str
    last_used_ms: int
    app_id: int | None = None
    scopes: str | None = None


class FollowEdge(msgspec.Struct, frozen=True):
    """One row of a followers or following list: ``id`` orders it, ``user_id`` is the person listed."""

    id: int
    user_id: UserId


class Relationship(msgspec.Struct, frozen=True):
    """How the viewer stands to a user."""

    following: bool
    followed_by: bool
    blocking: bool = False
    muting: bool = False
    requested: bool = False
    requested_by: bool = False
