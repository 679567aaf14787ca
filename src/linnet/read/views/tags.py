"""What a client sees of a tag."""

import msgspec

from linnet.clock import rfc3339
from linnet.domain.featured import FeaturedTag
from linnet.domain.followedtags import FollowedTag
from linnet.domain.tag import Tag
from linnet.ids import unix_ms_of


class TagView(msgspec.Struct, frozen=True):
    """``tag`` is how it is written, ``name`` what is the same for all who write it. Neither has a sign before it.

    ``tweets_count`` is of all tweets that carry it, ``people_count`` of people who used it lately.
    """

    tag: str
    name: str
    tweets_count: int
    people_count: int
    pinned: bool


class TagsView(msgspec.Struct, frozen=True):
    """Some tags, the first one first."""

    items: list[TagView]


class FeaturedTagView(msgspec.Struct, frozen=True):
    """A tag on somebody's page. ``tweets_count``: of their tweets with it; ``last_tweet_at``: of the newest."""

    id: str
    tag: str
    name: str
    tweets_count: int
    last_tweet_at: str | None


class FeaturedTagsView(msgspec.Struct, frozen=True):
    """In the order in which they were chosen."""

    items: list[FeaturedTagView]


class FollowedTagView(msgspec.Struct, frozen=True):
    """A tag that one follows. ``tag`` is how one wrote it, ``name`` what is the same for all who write it."""

    tag: str
    name: str
    followed_at: str


class TagNamesView(msgspec.Struct, frozen=True):
    """Tags, without a sign before them."""

    items: list[str]


def featured_tag_view(one: FeaturedTag) -> FeaturedTagView:
    last_at = None if one.last_id is None else rfc3339(unix_ms_of(one.last_id))
    return FeaturedTagView(str(one.id), one.display, one.tag, one.tweets_count, last_at)


def followed_tag_view(one: FollowedTag) -> FollowedTagView:
    return FollowedTagView(one.display, one.tag, rfc3339(unix_ms_of(one.id)))


def tag_view(tag: Tag) -> TagView:
    return TagView(tag.display, tag.tag, tag.tweets_count, tag.people_count, tag.is_pinned)
