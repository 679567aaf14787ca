"""Entities of the Mastodon API, as linnet fills them in. A field that a client needs is here, with its type.

Ids are strings of digits, times have three decimals and a Z, addresses are whole.
"""

from typing import Any

import msgspec

from linnet.domain.tweet import Visibility


class Field(msgspec.Struct, frozen=True):
    name: str
    value: str
    verified_at: str | None = None


class Source(msgspec.Struct, frozen=True):
    """What somebody wrote of themselves, as they wrote it."""

    note: str
    fields: list[Field]
    privacy: str = "public"
    sensitive: bool = False
    language: str | None = None
    follow_requests_count: int = 0
    indexable: bool = True
    discoverable: bool | None = True


class Role(msgspec.Struct, frozen=True):
    id: str = "-99"
    name: str = ""
    permissions: str = "0"
    color: str = ""
    highlighted: bool = False


class Account(msgspec.Struct, frozen=True):
    id: str
    username: str
    acct: str
    url: str
    uri: str
    display_name: str
    note: str
    avatar: str
    avatar_static: str
    header: str
    header_static: str
    created_at: str
    followers_count: int
    following_count: int
    statuses_count: int
    fields: list[Field]
    last_status_at: str | None = None
    locked: bool = False
    bot: bool = False
    group: bool = False
    discoverable: bool | None = True
    indexable: bool = True
    noindex: bool = False
    emojis: list[Any] = []
    roles: list[Any] = []


class CredentialAccount(Account, frozen=True, kw_only=True):
    """One's own."""

    source: Source
    role: Role = Role()


class Profile(msgspec.Struct, frozen=True):
    """What somebody says of themselves, as they wrote it. What linnet has no word for is as it is for everybody."""

    id: str
    display_name: str
    note: str
    fields: list[Field]
    avatar: str | None
    avatar_static: str | None
    header: str | None
    header_static: str | None
    locked: bool
    bot: bool
    discoverable: bool
    indexable: bool
    avatar_description: str = ""
    header_description: str = ""
    hide_collections: bool = False
    show_media: bool = True
    show_media_replies: bool = True
    show_featured: bool = True
    attribution_domains: list[str] = []


class MutedAccount(Account, frozen=True, kw_only=True):
    """Whom one mutes."""

    mute_expires_at: str | None


class StatusMention(msgspec.Struct, frozen=True):
    id: str
    username: str
    acct: str
    url: str


class StatusTag(msgspec.Struct, frozen=True):
    name: str
    url: str


class MediaSize(msgspec.Struct, frozen=True):
    """``size`` says both sides once more, ``aspect`` the width for a height of 1."""

    width: int
    height: int
    size: str
    aspect: float


class MediaFocus(msgspec.Struct, frozen=True):
    x: float
    y: float


class MediaMeta(msgspec.Struct, frozen=True):
    original: MediaSize
    small: MediaSize
    focus: MediaFocus


class MediaAttachment(msgspec.Struct, frozen=True):
    id: str
    url: str
    preview_url: str
    meta: MediaMeta
    description: str | None
    blurhash: str
    type: str = "image"
    remote_url: None = None


class StatusApplication(msgspec.Struct, frozen=True):
    name: str
    website: str | None = None


class FilterKeyword(msgspec.Struct, frozen=True):
    id: str
    keyword: str
    whole_word: bool


class FilterStatus(msgspec.Struct, frozen=True):
    id: str
    status_id: str


class Filter(msgspec.Struct, frozen=True):
    id: str
    title: str
    context: list[str]
    expires_at: str | None
    filter_action: str
    keywords: list[FilterKeyword] | msgspec.UnsetType = msgspec.UNSET
    statuses: list[FilterStatus] | msgspec.UnsetType = msgspec.UNSET


class FilterResult(msgspec.Struct, frozen=True):
    filter: Filter
    keyword_matches: list[str] | None
    status_matches: list[str] | None


class PollOption(msgspec.Struct, frozen=True):
    title: str
    votes_count: int | None


class Poll(msgspec.Struct, frozen=True):
    """``voted`` and ``own_votes`` are there for whoever is logged in."""

    id: str
    expires_at: str
    expired: bool
    multiple: bool
    votes_count: int
    voters_count: int
    options: list[PollOption]
    emojis: list[Any] = []
    voted: bool | msgspec.UnsetType = msgspec.UNSET
    own_votes: list[int] | msgspec.UnsetType = msgspec.UNSET


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """``account`` may be JSON already, or a place for it."""

    id: str
    uri: str
    url: str
    created_at: str
    account: Account | msgspec.Raw
    content: str
    mentions: list[StatusMention]
    tags: list[StatusTag]
    replies_count: int
    reblogs_count: int
    favourites_count: int
    in_reply_to_id: str | None
    in_reply_to_account_id: str | None
    reblog: "Status | None"
    favourited: bool = False
    reblogged: bool = False
    muted: bool = False
    bookmarked: bool = False
    pinned: bool | msgspec.UnsetType = msgspec.UNSET
    edited_at: str | None = None
    visibility: Visibility = "public"
    sensitive: bool = False
    spoiler_text: str = ""
    language: str | None = None
    media_attachments: list[MediaAttachment] = []
    emojis: list[Any] = []
    poll: Poll | None = None
    card: None = None
    application: StatusApplication | None = None
    filtered: list[FilterResult] = []
    text: str | msgspec.UnsetType = msgspec.UNSET


class StatusEdit(msgspec.Struct, frozen=True):
    """What a status said from ``created_at`` on."""

    content: str
    spoiler_text: str
    sensitive: bool
    created_at: str
    account: Account | msgspec.Raw
    media_attachments: list[MediaAttachment]
    emojis: list[Any] = []


class Context(msgspec.Struct, frozen=True):
    ancestors: list[Status]
    descendants: list[Status]


class Conversation(msgspec.Struct, frozen=True):
    """``accounts`` are the others in it; oneself, if there are none."""

    id: str
    unread: bool
    accounts: list[Account]
    last_status: Status | None


class Relationship(msgspec.Struct, frozen=True):
    """``blocked_by`` is never said here: whom one blocks is nobody's business, and least of all theirs."""

    id: str
    following: bool = False
    showing_reblogs: bool = False
    notifying: bool = False
    followed_by: bool = False
    blocking: bool = False
    blocked_by: bool = False
    muting: bool = False
    muting_notifications: bool = False
    requested: bool = False
    requested_by: bool = False
    domain_blocking: bool = False
    endorsed: bool = False
    note: str = ""
    languages: list[str] | None = None
    muting_expires_at: str | None = None


class TagDay(msgspec.Struct, frozen=True):
    day: str
    accounts: str
    uses: str


class Tag(msgspec.Struct, frozen=True):
    name: str
    url: str
    history: list[TagDay]
    following: bool = False
    id: str = ""


class Notification(msgspec.Struct, frozen=True):
    id: str
    type: str
    created_at: str
    account: Account
    group_key: str
    status: Status | msgspec.UnsetType | None = msgspec.UNSET


class NotificationGroup(msgspec.Struct, frozen=True):
    """``most_recent_notification_id`` is a number: clients read it as one."""

    group_key: str
    notifications_count: int
    type: str
    most_recent_notification_id: int
    page_min_id: str
    page_max_id: str
    latest_page_notification_at: str
    sample_account_ids: list[str]
    status_id: str | msgspec.UnsetType | None = msgspec.UNSET


class GroupedNotifications(msgspec.Struct, frozen=True):
    accounts: list[Account]
    statuses: list[Status]
    notification_groups: list[NotificationGroup]


class Marker(msgspec.Struct, frozen=True):
    last_read_id: str
    version: int
    updated_at: str


class Search(msgspec.Struct, frozen=True):
    accounts: list[Account]
    statuses: list[Status]
    hashtags: list[Tag]


class Suggestion(msgspec.Struct, frozen=True):
    """``source`` is the old word for ``sources``."""

    source: str
    sources: list[str]
    account: Account


class FeaturedTag(msgspec.Struct, frozen=True):
    """The count is text."""

    id: str
    name: str
    url: str
    statuses_count: str
    last_status_at: str | None


class KeywordFilter(msgspec.Struct, frozen=True):
    """A filter of the first version: a keyword by itself."""

    id: str
    phrase: str
    context: list[str]
    whole_word: bool
    expires_at: str | None
    irreversible: bool


class PeopleListEntity(msgspec.Struct, frozen=True):
    """A list of people, which clients call List."""

    id: str
    title: str
    replies_policy: str
    exclusive: bool


class Application(msgspec.Struct, frozen=True):
    id: str
    name: str
    website: str | None
    scopes: list[str]
    redirect_uris: list[str]
    redirect_uri: str
    vapid_key: str = ""


class CredentialApplication(Application, frozen=True, kw_only=True):
    client_id: str
    client_secret: str
    client_secret_expires_at: int = 0


class Token(msgspec.Struct, frozen=True):
    access_token: str
    scope: str
    created_at: int
    token_type: str = "Bearer"
