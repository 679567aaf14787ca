"""Home timelines, and other interfaces' spellings of them."""

from linnet.api import examples
from linnet.api.answers import Answer, json_answer, page_answer
from linnet.api.endpoints import Call, Endpoint, OneOf, Success
from linnet.api.params import CURSOR, PAGE, Query, parse_id, range_of, require_id
from linnet.api.users import LIST_USER_TWEETS
from linnet.errors import FieldError, Forbidden, Invalid, TweetNotFound
from linnet.ids import TweetId
from linnet.read.timelines.home import home_page
from linnet.read.timelines.thread import tweet_screen
from linnet.read.views.pages import PageView
from linnet.read.views.tweets import TweetView

_ID = Query("id", CURSOR, "Only this tweet, instead of a page.")


async def home_timeline(call: Call) -> Answer:
    """Read one's home timeline

    Tweets and retweets of oneself and of those one follows, newest first, down to the very first. A reply to somebody
    else is shown when one follows both, or is either of them.
    """
    return page_answer(await home_page(call.services.read, call.actor.user_id, call.range()))


async def get_tweet_or_home(call: Call) -> Answer:
    """Read a tweet, or one's home timeline

    With `id` another spelling of `GET /api/tweets/{tweet_id}`, without it of `GET /api/timelines/home`.
    """
    values = call.query("id", *(param.name for param in PAGE))
    text = values.pop("id", None)
    if text is None:
        return page_answer(await home_page(call.services.read, call.actor.user_id, range_of(values)))
    if values:
        raise Invalid(tuple(FieldError(name, "This does not go with an id.") for name in values))
    return json_answer(await tweet_screen(call.services.read, call.viewer_id, TweetId(require_id("id", text))))


async def followed_timeline(call: Call) -> Answer:
    """Read one's home timeline

    Another spelling of `GET /api/timelines/home`. Nobody reads another's.
    """
    if parse_id(call.path("user_id")) != call.actor.user_id:
        raise Forbidden("A home timeline is shown to its owner only.")
    return await home_timeline(call)


_HOME = Success("A page of tweets.", PageView[TweetView], examples.HOME)

ENDPOINTS = (
    Endpoint("GET", "/api/timelines/home", home_timeline, "timelines", _HOME, query=PAGE),
    Endpoint(
        "GET",
        "/api/tweet",
        get_tweet_or_home,
        "other spellings",
        Success("The tweet, or a page of tweets.", OneOf((TweetView, PageView[TweetView])), examples.TWEET),
        access="viewer",
        query=(_ID, *PAGE),
        problems=(TweetNotFound,),
    ),
    LIST_USER_TWEETS.spelled("/api/tweets/user/{user_id}", name="list_user_tweets_plainly"),
    Endpoint(
        "GET",
        "/api/tweets/followed/{user_id}",
        followed_timeline,
        "other spellings",
        _HOME,
        query=PAGE,
        problems=(Forbidden,),
    ),
)
