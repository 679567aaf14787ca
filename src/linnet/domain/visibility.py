"""Who sees what. Each rule stands here once; SQL that says the same is named in the rule's docstring."""

from collections.abc import Container
from typing import Literal

import msgspec

from linnet.domain.timeline import Entry
from linnet.domain.tweet import Narrowed, Tweet
from linnet.ids import UserId

Surface = Literal[
    "home",
    "list",
    "everyone",
    "user",
    "tweet",
    "thread",
    "tag",
    "search",
    "popular",
    "notifications",
    "people",
    "suggestions",
    "messages",
]
"""Where somebody is met. ``user``: their own page of tweets; ``tweet``: one tweet, by its id; ``people``: lists;
``messages``: direct tweets and conversations."""

HIDES_MUTED: frozenset[Surface] = frozenset(
    {"home", "list", "everyone", "thread", "tag", "search", "popular", "notifications", "suggestions", "messages"}
)
"""Where whoever mutes somebody does not meet them. Whoever goes to look at them does: their page, a tweet, a list."""

HIDES_BLOCKED: frozenset[Surface] = HIDES_MUTED | {"user", "tweet", "people"}
"""Where the two sides of a block do not meet each other: everywhere. The profile itself stays, to unblock from."""


HOLDS_PUBLIC_ALONE: frozenset[Surface] = frozenset({"everyone", "tag", "search", "popular", "suggestions"})
"""Where one comes upon what strangers say. Whatever is not public is in none of these, for nobody."""

HOLDS_NO_DIRECT: frozenset[Surface] = HOLDS_PUBLIC_ALONE | {"home", "list"}
"""Where what people say to many is read. Direct tweets are in none of these, not even for who wrote them."""


class Audience(msgspec.Struct, frozen=True, array_like=True):
    """Whom a tweet is for that is not public. ``people`` are whom it mentions, and whom it answers."""

    visibility: Narrowed
    people: tuple[UserId, ...] = ()


class _Mention(msgspec.Struct, frozen=True):
    user_id: str


class _Entities(msgspec.Struct, frozen=True):
    mentions: tuple[_Mention, ...] = ()


def audience_of(tweet: Tweet) -> Audience | None:
    """None: everybody, everywhere."""
    if tweet.visibility is None:
        return None
    people = [] if tweet.reply_to_author_id is None else [tweet.reply_to_author_id]
    if tweet.entities is not None:
        people += [UserId(int(each.user_id)) for each in msgspec.json.decode(tweet.entities, type=_Entities).mentions]
    return Audience(tweet.visibility, tuple(dict.fromkeys(people)))


def is_for(
    audience: Audience | None,
    author_id: UserId,
    viewer_id: UserId | None,
    *,
    follows: Container[UserId],
    surface: Surface,
) -> bool:
    """THE rule of who may see a tweet where; blocks and mutes come on top. ``follows``: whom the viewer follows.

    A private tweet is for its author, for whom it mentions or answers, and for whoever follows the author at the moment
    of looking: who begins to follow sees the older ones, who ceases to sees none. A direct tweet is for its author, and
    for whom it mentions or answers, whoever follows whom.

    The home timeline need not ask: all that it holds is by people whom one follows, or carries a tag, and is public;
    nobody but its author retweets a private tweet, and ``home.fetch_slice`` and ``plan_pushes`` leave direct ones out.
    What holds public tweets alone holds no others from the start: search, tags and popular tweets by
    ``search.fetch_texts``, ``post_tweet`` and ``popular.fetch_rankable``, everybody's by ``tweets.fetch_newest``. Said
    again in SQL by ``tweets.fetch_by_author``, for a person's own page, which shows nobody a direct tweet, and by
    ``conversations.fetch_oracle``.
    ``tests/http/test_visibility_everywhere.py`` asks every surface.
    """
    if audience is None:
        return True
    if surface in HOLDS_PUBLIC_ALONE:
        return False
    if audience.visibility == "direct":
        return surface not in HOLDS_NO_DIRECT and (viewer_id == author_id or viewer_id in audience.people)
    if audience.visibility == "unlisted" or surface == "home":
        return True
    return viewer_id is not None and (viewer_id == author_id or viewer_id in audience.people or author_id in follows)


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


def drop_aside(entries: list[Entry], aside: Container[UserId]) -> list[Entry]:
    """A home timeline without what those wrote or retweeted whom its reader has on an exclusive list.

    They are followed all the same: others' replies to them stay, and retweets of what they wrote. Said again in SQL by
    ``home.sources_at_home``, which leaves them out of the authors, and by ``home.fetch_oracle``.
    """
    return [entry for entry in entries if entry.author_id not in aside]


def shows_reply(entry: Entry, viewer_id: UserId, followed: Container[UserId]) -> bool:
    """The reply rule: a reply to somebody else is shown to those who wrote it, are answered, or follow both.

    It is about what people bring home. What a followed tag brings (``read/timelines/tagged.py``) is shown whomever it
    answers.

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
