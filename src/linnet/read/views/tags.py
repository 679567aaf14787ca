"""What a client sees of a tag."""

import msgspec

from linnet.domain.tag import Tag


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


def tag_view(tag: Tag) -> TagView:
    return TagView(tag.display, tag.tag, tag.tweets_count, tag.people_count, tag.is_pinned)
