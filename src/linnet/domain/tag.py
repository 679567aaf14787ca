"""Tags as the truth keeps them, and what people mean who name one."""

import unicodedata

import msgspec

from linnet.domain.hashtags import Hashtag, find_hashtags

# Before any other work: no tweet is so long, and a path may be.
_MAX_CHARS = 2_000


class Tag(msgspec.Struct, frozen=True):
    """``tag`` is folded, ``display`` is how a tweet writes it. ``people_count`` is of those who used it lately."""

    tag: str
    display: str
    tweets_count: int
    people_count: int
    is_hidden: bool
    is_pinned: bool

    def with_people(self, people_count: int) -> "Tag":
        return msgspec.structs.replace(self, people_count=people_count)


def read_tag(text: str) -> Hashtag | None:
    """The tag that somebody names, with or without its sign; None when no tweet can carry it."""
    if len(text) > _MAX_CHARS:
        return None
    name = unicodedata.normalize("NFC", text.strip())
    hashtag = name if name.startswith(("#", "＃")) else f"#{name}"
    found = find_hashtags(hashtag)
    return found[0] if len(found) == 1 and (found[0].start, found[0].end) == (0, len(hashtag)) else None
