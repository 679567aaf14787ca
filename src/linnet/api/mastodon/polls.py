"""Polls: read one, and vote. A poll goes by its tweet's id."""

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import Poll
from linnet.api.mastodon.params import Params
from linnet.api.mastodon.rendering import poll_of, read_tweet
from linnet.domain.polls import MAX_OPTIONS, PollDraft
from linnet.errors import Invalid, PollNotFound
from linnet.ids import TweetId
from linnet.read.timelines.thread import tweet_screen
from linnet.write.actions import polls


def poll_draft_of(params: Params) -> PollDraft | None:
    """What a status is to ask, as `poll[options][]`, `poll[expires_in]`, `poll[multiple]` and `poll[hide_totals]`.

    None: nothing is asked. Raises ``Invalid``.
    """
    if not any(name.startswith("poll[") for name in params.values):
        return None
    seconds = params.number("poll[expires_in]")
    if seconds is None:
        raise Invalid.field("poll.expires_in", "This must be a number of seconds.")
    return PollDraft(
        tuple(params.texts("poll[options]")),
        seconds,
        multiple=params.flag("poll[multiple]"),
        hides_votes=params.flag("poll[hide_totals]"),
    )


async def get_poll(call: Call) -> Answer:
    """As it is now."""
    return answer(await _shown(call, TweetId(call.id_of(PollNotFound))))


async def vote(call: Call) -> Answer:
    """Once. The same again changes nothing."""
    tweet_id = TweetId(call.id_of(PollNotFound))
    texts = (await call.body()).texts("choices")
    choices = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 4]
    if len(choices) < len(texts) or len(choices) > 10 * MAX_OPTIONS:
        raise Invalid.field("choices", "These must be places of options, from 0 on.")
    return answer(await _shown(call, await polls.vote(call.write, call.me, tweet_id, choices)))


async def _shown(call: Call, tweet_id: TweetId) -> Poll:
    tweet = read_tweet(await tweet_screen(call.read, call.viewer_id, tweet_id))
    poll = poll_of(call, tweet.retweet_of or tweet)
    if poll is None:
        raise PollNotFound
    return poll


ROUTES = (
    Route("GET", "/api/v1/polls/{id}", get_poll, ("read:statuses",), access="viewer"),
    Route("POST", "/api/v1/polls/{id}/votes", vote, ("write:statuses",), limit="vote"),
)
