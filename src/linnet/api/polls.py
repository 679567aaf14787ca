"""Votes in the polls of tweets."""

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, json_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.errors import AlreadyVoted, CannotVoteInOwnPoll, PollIsOver, PollNotFound, TweetNotFound
from linnet.read.timelines.thread import tweet_screen
from linnet.read.views.tweets import TweetView
from linnet.write.actions import polls


class VoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``choices``: places of options, from 0 on; one, unless the poll is ``multiple``."""

    choices: list[int]


async def put_vote(call: Call) -> Answer:
    """Vote in a tweet's poll

    Once per person, and for good: the same again changes nothing, and something else is refused. Nobody votes in a poll
    of their own. Answers the tweet, in which one's own vote is counted; others' may lag for a moment.
    """
    body = await call.fields(VoteBody)
    tweet_id = await polls.vote(call.services.write, call.actor.user_id, call.tweet_id(), body.choices)
    return json_answer(await tweet_screen(call.services.read, call.actor.user_id, tweet_id))


ENDPOINTS = (
    Endpoint(
        "PUT",
        "/api/tweets/{tweet_id}/vote",
        put_vote,
        "polls",
        Success("The tweet.", TweetView, examples.VOTED),
        body=VoteBody,
        body_example=VoteBody([0]),
        problems=(TweetNotFound, PollNotFound, CannotVoteInOwnPoll, AlreadyVoted, PollIsOver),
        limit="vote",
    ),
)
