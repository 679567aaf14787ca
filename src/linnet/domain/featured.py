"""Tags that somebody shows on their page, with how often they use them."""

from typing import Final

import msgspec

from linnet.domain.hashtags import Hashtag
from linnet.domain.tag import read_tag
from linnet.errors import Invalid
from linnet.ids import TweetId

MAX_FEATURED: Final = 10


class FeaturedTag(msgspec.Struct, frozen=True):
    """``tag`` is folded, ``display`` as whoever shows it writes it. ``last_id``: their newest tweet with it."""

    id: int
    tag: str
    display: str
    tweets_count: int = 0
    last_id: TweetId | None = None


def check_tag(named: str, *, field: str = "name") -> Hashtag:
    """Raises ``Invalid`` for what no tweet can carry."""
    found = read_tag(named)
    if found is None:
        raise Invalid.field(field, "This is no tag that a tweet can carry.")
    return found
