"""Users as clients see them. An e-mail address or a phone number is in nobody's view but one's own ``MeView``."""

from typing import Any

import msgspec

from linnet.clock import rfc3339
from linnet.domain.user import Account, Profile, Relationship, Session
from linnet.domain.visits import Activity, rounded_ms
from linnet.ids import SessionId, unix_ms_of
from linnet.read.views.avatars import avatar_url, header_url


class UserCountsView(msgspec.Struct, frozen=True):
    tweets: int
    followers: int
    following: int


class UserViewerView(msgspec.Struct, frozen=True):
    """How the viewer stands to this user. ``requested``: asked to follow them, ``requested_by``: was asked by them."""

    following: bool
    followed_by: bool
    blocking: bool
    muting: bool
    requested: bool = False
    requested_by: bool = False


class FieldView(msgspec.Struct, frozen=True):
    """A label, and what stands beside it."""

    name: str
    value: str


class UserView(msgspec.Struct, frozen=True):
    """``viewer`` is null for whoever is not logged in, and on oneself. ``locked``: followed by whom they accepted.

    ``header_url`` is the wide picture above the profile, null where there is none. ``bot``: a program writes here.
    ``discoverable``: may be suggested to people. ``indexable``: search engines may show their pages.
    """

    id: str
    username: str
    name: str
    bio: str
    location: str
    avatar_url: str
    created_at: str
    counts: UserCountsView
    viewer: UserViewerView | None
    locked: bool = False
    header_url: str | None = None
    fields: tuple[FieldView, ...] = ()
    bot: bool = False
    discoverable: bool = True
    indexable: bool = True


class ProfileView(UserView, frozen=True, kw_only=True):
    """A user on a page of their own. ``last_active_at`` is known to five minutes; null: never."""

    last_active_at: str | None


class MeView(ProfileView, frozen=True, kw_only=True):
    """The user's own account."""

    email: str
    phone: str | None


class NoteView(msgspec.Struct, frozen=True):
    """What the viewer noted of somebody; empty: nothing."""

    note: str


class SessionView(msgspec.Struct, frozen=True):
    """One log-in, or one app that was let in. ``current`` is the one that asks.

    ``scopes`` is what an app may do, and ``device`` its name; null: a log-in, which may do everything.
    """

    id: str
    device: str
    created_at: str
    last_used_at: str
    current: bool
    scopes: list[str] | None = None


def user_view(profile: Profile, relationship: Relationship | None) -> UserView:
    return UserView(
        id=str(profile.id),
        username=profile.username,
        name=profile.name,
        bio=profile.bio,
        location=profile.location,
        avatar_url=avatar_url(profile.id, profile.avatar),
        created_at=rfc3339(unix_ms_of(profile.id)),
        counts=UserCountsView(profile.tweets_count, profile.followers_count, profile.following_count),
        viewer=None
        if relationship is None
        else UserViewerView(
            following=relationship.following,
            followed_by=relationship.followed_by,
            blocking=relationship.blocking,
            muting=relationship.muting,
            requested=relationship.requested,
            requested_by=relationship.requested_by,
        ),
        locked=profile.locked,
        header_url=header_url(profile.header),
        fields=tuple(FieldView(*pair) for pair in zip(profile.fields[::2], profile.fields[1::2], strict=True)),
        bot=profile.is_bot,
        discoverable=profile.is_discoverable,
        indexable=profile.is_indexable,
    )


def profile_view(profile: Profile, relationship: Relationship | None, activity: Activity) -> ProfileView:
    return ProfileView(
        **_fields_of(user_view(profile, relationship)),
        last_active_at=None if activity.last_active_ms is None else rfc3339(rounded_ms(activity.last_active_ms)),
    )


def me_view(profile: Profile, account: Account, activity: Activity) -> MeView:
    return MeView(
        **_fields_of(profile_view(profile, None, activity)),
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
        scopes=None if session.scopes is None else session.scopes.split(),
    )


def _fields_of(view: UserView) -> dict[str, Any]:
    return {field: getattr(view, field) for field in view.__struct_fields__}
