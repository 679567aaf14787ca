"""Tags as the truth keeps them, and what people mean who name one."""

import unicodedata
from zlib import crc32

import msgspec

from linnet.domain.hashtags import Hashtag, find_hashtags, fold_tag

# Before any other work: no tweet is so long, and a path may be.
_MAX_CHARS = 2_000
_MAX_COUNT = (1 << 30) - 1


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


def beginning_typed(query: str) -> str:
    """What tags are to begin with, folded, where somebody typed this into the search field. Blanks do not count."""
    return fold_tag(unicodedata.normalize("NFC", query.lstrip("#＃")))


def score(tag: Tag, beginning: str) -> int:
    """Orders tags that begin so, the largest first. Two may share theirs: ``matching.distinct`` tells them apart."""
    is_whole = tag.tag == beginning
    return is_whole << 62 | min(tag.tweets_count, _MAX_COUNT) << 32 | crc32(tag.tag.encode())
