"""Users as clients see them. An e-mail address or a phone number is in nobody's view but one's own ``MeView``."""

import msgspec

from linnet.clock import rfc3339
from linnet.domain.user import Account, Profile, Relationship, Session
from linnet.ids import SessionId, unix_ms_of


class UserCountsView(msgspec.Struct, frozen=True):
    tweets: int
    followers: int
    following: int


class UserViewerView(msgspec.Struct, frozen=True):
    """How the viewer stands to this user."""

    following: bool
    followed_by: bool
    blocking: bool
    muting: bool


class UserView(msgspec.Struct, frozen=True):
    """``viewer`` is null for whoever is not logged in, and on oneself."""

    id: str
    username: str
    name: str
    bio: str
    location: str
    avatar_url: str | None
    created_at: str
    counts: UserCountsView
    viewer: UserViewerView | None


class MeView(UserView, frozen=True):
    """The user's own account."""

    email: str
    phone: str | None


class SessionView(msgspec.Struct, frozen=True):
    """One log-in. ``current`` is the one that asks."""

    id: str
    device: str
    created_at: str
    last_used_at: str
    current: bool


def user_view(profile: Profile, relationship: Relationship | None) -> UserView:
    return UserView(
        id=str(profile.id),
        username=profile.username,
        name=profile.name,
        bio=profile.bio,
        location=profile.location,
        avatar_url=profile.avatar,
        created_at=rfc3339(unix_ms_of(profile.id)),
        counts=UserCountsView(profile.tweets_count, profile.followers_count, profile.following_count),
        viewer=None
        if relationship is None
        else UserViewerView(
            following=relationship.following,
            followed_by=relationship.followed_by,
            blocking=relationship.blocking,
            muting=relationship.muting,
        ),
    )


def me_view(profile: Profile, account: Account) -> MeView:
    public = user_view(profile, None)
    return MeView(
        **{field: getattr(public, field) for field in UserView.__struct_fields__},
        email=account.email,
        phone=account.phone,
    )


def session_view(session: Session, *, current_id: SessionId) -> SessionView:
    return SessionView(
        id=str(session.id),
        device=session.device,
        created_at=rfc3339(unix_ms_of(session.id)),
        last_used_at=rfc3339(session.last_used_ms),
        current=session.id == current_id,
    )
