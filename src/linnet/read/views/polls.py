"""Polls as clients see them: what is asked, how often each option was chosen, and what the viewer chose."""

from collections.abc import Sequence

import msgspec

from linnet.clock import rfc3339
from linnet.domain.polls import Poll, unpack_poll
from linnet.domain.tweet import Tweet


class PollOptionView(msgspec.Struct, frozen=True):
    """``votes`` is null as long as it is not to be known."""

    text: str
    votes: int | None


class PollViewerView(msgspec.Struct, frozen=True):
    """What the viewer chose: places of options, from 0 on. None: they have not voted."""

    choices: list[int]


class PollView(msgspec.Struct, frozen=True, kw_only=True):
    """A tweet's poll, which goes by the tweet's id.

    ``multiple``: several options can be chosen. ``hides_votes``: how often each was is shown when the poll has ended.
    ``votes_count`` counts what was chosen, ``voters_count`` who chose. ``viewer`` is null for whoever is not logged in.
    """

    options: list[PollOptionView]
    ends_at: str
    ended: bool
    multiple: bool
    hides_votes: bool
    votes_count: int
    voters_count: int
    viewer: PollViewerView | None


class PollFacts(msgspec.Struct, frozen=True, array_like=True):
    """A poll between the cache and a page. ``votes``: of each option. ``version``: of the tweet that says so."""

    poll: Poll
    voters: int
    votes: tuple[int, ...]
    version: int


def poll_facts(tweet: Tweet) -> PollFacts | None:
    """None: it has no poll."""
    if tweet.poll is None or tweet.poll_votes is None:
        return None
    poll = unpack_poll(tweet.poll)
    return PollFacts(poll, tweet.poll_voters or 0, tuple(tweet.poll_votes[: len(poll.options)]), tweet.version)


def poll_view(facts: PollFacts, now_ms: int, *, choices: Sequence[int] | None, uncounted: bool = False) -> PollView:
    """As it is at a moment. ``choices``: the viewer's; None: nobody looks whose they could be.

    ``uncounted``: the facts do not count them yet, and whoever chose sees them counted.
    """
    poll = facts.poll
    ended = now_ms >= poll.ends_ms
    added = frozenset(choices or ()) if uncounted else frozenset()
    votes = [count + (at in added) for at, count in enumerate(facts.votes)]
    shows = ended or not poll.hides_votes
    return PollView(
        options=[
            PollOptionView(text, count if shows else None) for text, count in zip(poll.options, votes, strict=True)
        ],
        ends_at=rfc3339(poll.ends_ms),
        ended=ended,
        multiple=poll.multiple,
        hides_votes=poll.hides_votes,
        votes_count=sum(votes),
        voters_count=facts.voters + bool(added),
        viewer=None if choices is None else PollViewerView(list(choices)),
    )
