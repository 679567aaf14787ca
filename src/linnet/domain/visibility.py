"""Who sees what. Each rule stands here once; SQL that says the same is named in the rule's docstring."""

from collections.abc import Container
from typing import Literal

import msgspec

from linnet.domain.timeline import Entry
from linnet.ids import UserId

Surface = Literal[
    "home", "everyone", "user", "tweet", "thread", "tag", "search", "popular", "notifications", "people", "suggestions"
]
"""Where somebody is met. ``user``: their own page of tweets; ``tweet``: one tweet, by its id; ``people``: lists."""

HIDES_MUTED: frozenset[Surface] = frozenset(
    {"home", "everyone", "thread", "tag", "search", "popular", "notifications", "suggestions"}
)
"""Where whoever mutes somebody does not meet them. Whoever goes to look at them does: their page, a tweet, a list."""

HIDES_BLOCKED: frozenset[Surface] = HIDES_MUTED | {"user", "tweet", "people"}
"""Where the two sides of a block do not meet each other: everywhere. The profile itself stays, to unblock from."""


class Hidden(msgspec.Struct, frozen=True):
    """Whom a viewer keeps away. ``blocked``: either of the two blocks the other; ``blocking``: the viewer does."""

    blocked: frozenset[UserId] = frozenset()
    muted: frozenset[UserId] = frozenset()
    blocking: frozenset[UserId] = frozenset()

    def on(self, surface: Surface) -> frozenset[UserId]:
        """Whom the viewer is not to meet there."""
        hidden: frozenset[UserId] = frozenset()
        if surface in HIDES_BLOCKED:
            hidden |= self.blocked
        if surface in HIDES_MUTED:
            hidden |= self.muted
        return hidden


def drop_kept_away(entries: list[Entry], hidden: Container[UserId], viewer_id: UserId) -> list[Entry]:
    """Without what people in ``hidden`` (blocked or muted) wrote, replies to them, and retweets of what they wrote.

    One's own replies to them stay, as one's own words do; one's own retweets do not: the words would be theirs.

    Said again in SQL by ``home.fetch_slice`` and ``home.fetch_slice_above`` (whose authors are without these people)
    and by ``home.fetch_oracle``; ``tests/stores/postgres/test_home_slices.py`` holds them together.
    """
    return [
        entry
        for entry in entries
        if entry.author_id not in hidden
        and not (entry.related_author_id in hidden and (entry.original_id or entry.author_id != viewer_id))
    ]


def shows_reply(entry: Entry, viewer_id: UserId, followed: Container[UserId]) -> bool:
    """The reply rule: a reply to somebody else is shown to those who wrote it, are answered, or follow both.

    Said again in SQL by ``home.fetch_slice``, ``home.fetch_slice_above`` and ``home.fetch_oracle`` (read side) and by
    ``fanout.fetch_audiences`` and the two ``fanout.fetch_reply_audiences*`` (push side);
    ``tests/flows/test_reply_rule_is_one_rule.py`` holds them together.
    """
    return (
        not entry.is_reply_to_other
        or entry.author_id == viewer_id
        or entry.related_author_id == viewer_id
        or entry.related_author_id in followed
    )


def drop_hidden(entries: list[Entry], hidden: Container[UserId], viewer_id: UserId) -> list[Entry]:
    """Without what authors in ``hidden`` (unfollowed, and perhaps still being pushed) wrote, and replies to them."""
    return [
        entry
        for entry in entries
        if entry.author_id not in hidden
        and not (
            entry.is_reply_to_other
            and entry.related_author_id in hidden
            and entry.author_id != viewer_id
            and entry.related_author_id != viewer_id
        )
    ]
