"""Bookmarks: what one put by for later."""

from linnet.api import examples
from linnet.api.answers import Answer, json_answer, page_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import PAGE
from linnet.errors import TweetNotFound
from linnet.read.timelines.bookmarks import bookmarks_page
from linnet.read.timelines.thread import tweet_screen
from linnet.read.views.pages import PageView
from linnet.read.views.tweets import TweetView
from linnet.write.actions import bookmarks


async def put_bookmark(call: Call) -> Answer:
    """Put a tweet by for later

    Quiet when it is so already. Nobody else ever knows, and nothing counts it. To bookmark a retweet is to bookmark the
    original, which is answered.
    """
    bookmarked_id = await bookmarks.bookmark(call.services.write, call.actor.user_id, call.tweet_id())
    return json_answer(await tweet_screen(call.services.read, call.actor.user_id, bookmarked_id))


async def delete_bookmark(call: Call) -> Answer:
    """Let go of a bookmark

    Quiet when there is none. Answers the tweet.
    """
    bookmarked_id = await bookmarks.unbookmark(call.services.write, call.actor.user_id, call.tweet_id())
    return json_answer(await tweet_screen(call.services.read, call.actor.user_id, bookmarked_id))


async def list_bookmarks(call: Call) -> Answer:
    """List one's bookmarks

    Newest bookmark first. Cursors are of bookmarks, not of tweets.
    """
    return page_answer(await bookmarks_page(call.services.read, call.actor.user_id, call.range()))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "PUT",
        "/api/tweets/{tweet_id}/bookmark",
        put_bookmark,
        "bookmarks",
        Success("The tweet.", TweetView, examples.BOOKMARKED_TWEET),
        problems=(TweetNotFound,),
    ),
    Endpoint(
        "DELETE",
        "/api/tweets/{tweet_id}/bookmark",
        delete_bookmark,
        "bookmarks",
        Success("The tweet.", TweetView, examples.TWEET),
        problems=(TweetNotFound,),
    ),
    Endpoint(
        "GET",
        "/api/me/bookmarks",
        list_bookmarks,
        "bookmarks",
        Success("A page of tweets.", PageView[TweetView], examples.BOOKMARKS),
        query=PAGE,
    ),
)
