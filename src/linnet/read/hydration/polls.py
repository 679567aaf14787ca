"""The polls of a page, as they are for its viewer at this moment.

What a poll asks and counts is in its tweet's facts, the same for everybody. Whether it has ended, and what the viewer
chose, is joined to it here, and kept nowhere: one query more for a page with polls, and nothing for one without.
"""

from collections.abc import Sequence
from operator import attrgetter

import msgspec

from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.views.polls import poll_view
from linnet.read.views.tweets import TweetFacts
from linnet.stores.postgres import votes

_POLL = attrgetter("poll")
_encoder = msgspec.json.Encoder()


def has_polls(shown: Sequence[TweetFacts | None]) -> bool:
    """Whether any of these tweets has a poll."""
    try:
        return any(map(_POLL, shown))
    except AttributeError:
        # Some are gone.
        return any(facts is not None and facts.poll is not None for facts in shown)


async def with_polls(
    deps: ReadDeps,
    viewer_id: UserId | None,
    shown_ids: Sequence[int],
    shown: Sequence[TweetFacts | None],
    viewers: Sequence[bytes],
    *,
    asks: bool = True,
) -> list[bytes]:
    """The viewer's places in tweets, with their polls behind them. Not ``asks``: nobody can have voted yet."""
    wanted = {some_id for some_id, facts in zip(shown_ids, shown, strict=True) if facts is not None and facts.poll}
    chosen = {}
    if viewer_id is not None and asks:
        chosen = {vote.tweet_id: vote for vote in await votes.fetch_by_user(deps.db, viewer_id, wanted)}
    now_ms = deps.clock.now_ms()
    found = list(viewers)
    for at, (some_id, facts) in enumerate(zip(shown_ids, shown, strict=True)):
        if facts is None or facts.poll is None:
            continue
        vote = chosen.get(TweetId(some_id))
        choices = None if viewer_id is None else () if vote is None else vote.choices
        uncounted = vote is not None and not vote.is_counted_in(facts.poll.version)
        view = poll_view(facts.poll, now_ms, choices=choices, uncounted=uncounted)
        found[at] = b'%b,"poll":%b' % (found[at], _encoder.encode(view))
    return found
