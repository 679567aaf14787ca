"""Likes, pins, and who liked what."""

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, json_answer, page_answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import PAGE, IdText, require_id
from linnet.errors import TweetNotFound, UserNotFound
from linnet.ids import TweetId
from linnet.read.timelines.likes import liked_page, likers_page
from linnet.read.timelines.thread import changed_screen, tweet_screen
from linnet.read.views.pages import PageView
from linnet.read.views.tweets import TweetView
from linnet.read.views.users import UserView
from linnet.write.actions import likes, pins
from linnet.write.actions.pins import PinChange


class LikeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``like`` false: take it back."""

    tweet_id: IdText
    like: bool


async def put_like(call: Call) -> Answer:
    """Like a tweet

    Once per person: the second time changes nothing. Liking a retweet is liking the original, which is answered.
    `viewer.liked` is right at once. `counts.likes` is what everybody sees: exact, but it may lag for a moment, so that
    one's own like may not be counted in this answer yet.
    """
    return await _like(call, call.tweet_id(), wanted=True)


async def delete_like(call: Call) -> Answer:
    """Take a like back

    Quiet when there is none. Answers the tweet, whose `counts.likes` may lag behind for a moment.
    """
    return await _like(call, call.tweet_id(), wanted=False)


async def post_like(call: Call) -> Answer:
    """Like a tweet, or take the like back

    Another spelling of `PUT` and `DELETE /api/tweets/{tweet_id}/like`.
    """
    body = await call.fields(LikeBody)
    return await _like(call, TweetId(require_id("tweet_id", body.tweet_id)), wanted=body.like)


async def _like(call: Call, tweet_id: TweetId, *, wanted: bool) -> Answer:
    act = likes.like if wanted else likes.unlike
    liked_id = await act(call.services.write, call.actor.user_id, tweet_id)
    return json_answer(await tweet_screen(call.services.read, call.actor.user_id, liked_id))


async def list_likers(call: Call) -> Answer:
    """List who likes a tweet

    Newest like first. The exact total is in the tweet's `counts`.
    """
    return view_answer(await likers_page(call.services.read, call.viewer_id, call.tweet_id(), call.range()))


async def list_likes(call: Call) -> Answer:
    """List what a person likes

    Tweets and replies, newest like first. Cursors are of likes, not of tweets.
    """
    return page_answer(await liked_page(call.services.read, call.viewer_id, call.user_id(), call.range()))


async def put_pin(call: Call) -> Answer:
    """Pin a tweet

    One's own tweet or reply: it stands first on one's page, and is `pinned` wherever it is shown. Another one that was
    pinned is so no more.
    """
    return await _pinned(call, await pins.pin(call.services.write, call.actor.user_id, call.tweet_id()))


async def delete_pin(call: Call) -> Answer:
    """Take a pin back

    Quiet when the tweet is not pinned.
    """
    return await _pinned(call, await pins.unpin(call.services.write, call.actor.user_id, call.tweet_id()))


async def _pinned(call: Call, change: PinChange) -> Answer:
    changed_ids = change.changed_ids
    shown = await changed_screen(call.services.read, call.actor.user_id, change.tweet_id, changed_ids=changed_ids)
    return json_answer(shown)


_LIKED = Success("The tweet.", TweetView, examples.LIKED_TWEET)
_PROBLEMS = (TweetNotFound,)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("PUT", "/api/tweets/{tweet_id}/like", put_like, "likes", _LIKED, problems=_PROBLEMS, limit="like"),
    Endpoint(
        "DELETE",
        "/api/tweets/{tweet_id}/like",
        delete_like,
        "likes",
        Success("The tweet.", TweetView, examples.UNLIKED_TWEET),
        problems=_PROBLEMS,
    ),
    Endpoint(
        "GET",
        "/api/tweets/{tweet_id}/likes",
        list_likers,
        "likes",
        Success("A page of users.", PageView[UserView], examples.LIKERS),
        access="viewer",
        query=PAGE,
        problems=_PROBLEMS,
    ),
    Endpoint(
        "GET",
        "/api/users/{user_id}/likes",
        list_likes,
        "likes",
        Success("A page of tweets.", PageView[TweetView], examples.LIKES),
        access="viewer",
        query=PAGE,
        problems=(UserNotFound,),
    ),
    Endpoint(
        "PUT",
        "/api/tweets/{tweet_id}/pin",
        put_pin,
        "likes",
        Success("The tweet.", TweetView, examples.PINNED_TWEET),
        problems=_PROBLEMS,
        limit="pin",
    ),
    Endpoint(
        "DELETE",
        "/api/tweets/{tweet_id}/pin",
        delete_pin,
        "likes",
        Success("The tweet.", TweetView, examples.UNPINNED_TWEET),
        problems=_PROBLEMS,
    ),
    Endpoint(
        "POST",
        "/api/like",
        post_like,
        "other spellings",
        _LIKED,
        body=LikeBody,
        body_example=LikeBody(examples.TWEET_ID, like=True),
        problems=_PROBLEMS,
        limit="like",
    ),
)
