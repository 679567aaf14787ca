"""Tags that somebody follows: their public tweets stand in the follower's home timeline."""

from typing import Final

import msgspec

# Each is one more range that a page of home is read from.
MAX_FOLLOWED_TAGS: Final = 100


class FollowedTag(msgspec.Struct, frozen=True):
    """``tag`` is folded, ``display`` as whoever follows it wrote it. ``id``: of the follow, newer is larger."""

    id: int
    tag: str
    display: str
