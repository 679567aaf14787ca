"""Home timelines, and other interfaces' spellings of them."""

from collections.abc import Mapping

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, json_answer
from linnet.api.endpoints import Call, Endpoint, OneOf, Success
from linnet.api.params import (
    CURSOR,
    PAGE,
    Query,
    parse_count,
    parse_id,
    parse_query,
    range_of,
    remembered,
    require_id,
)
from linnet.api.users import LIST_USER_TWEETS
from linnet.domain.timeline import Range
from linnet.errors import FieldError, Forbidden, Invalid, TweetNotFound
from linnet.ids import TweetId
from linnet.read.timelines.home import home_page
from linnet.read.timelines.thread import tweet_screen
from linnet.read.views.popular import HomeView, home_json
from linnet.read.views.tweets import TweetView

_DEFAULT_POPULAR = 3
_MAX_POPULAR = 10

_ID = Query("id", CURSOR, "Only this tweet, instead of a page.")
_POPULAR = Query(
    "popular",
    {"type": "integer", "minimum": 0, "maximum": _MAX_POPULAR, "default": _DEFAULT_POPULAR},
    "How many popular tweets stand beside the newest page at most.",
    _DEFAULT_POPULAR,
)
_HOME_QUERY = (*PAGE, _POPULAR)
_HOME_NAMES = tuple(param.name for param in _HOME_QUERY)


async def home_timeline(call: Call) -> Answer:
    """Read one's home timeline

    Tweets and retweets of oneself and of those one follows, newest first, down to the very first. A reply to somebody
    else is shown when one follows both, or is either of them. The newest page has beside it, in `popular`, the most
    popular tweets of others that are not on it.
    """
    return await _answer_home(call, _wish(call.query_string))


async def get_tweet_or_home(call: Call) -> Answer:
    """Read a tweet, or one's home timeline

    With `id` another spelling of `GET /api/tweets/{tweet_id}`, without it of `GET /api/timelines/home`.
    """
    values = call.query("id", *_HOME_NAMES)
    text = values.pop("id", None)
    if text is None:
        return await _answer_home(call, _read_wish(values))
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


class _Wish(msgspec.Struct, frozen=True):
    """What is asked of a home timeline."""

    range: Range
    popular: int


async def _answer_home(call: Call, wish: _Wish) -> Answer:
    page = await home_page(call.services.read, call.actor.user_id, wish.range, popular=wish.popular)
    return json_answer(home_json(page))


def _read_wish(values: Mapping[str, str]) -> _Wish:
    errors: list[FieldError] = []
    popular = parse_count(values, _POPULAR.name, errors, default=_DEFAULT_POPULAR, least=0, most=_MAX_POPULAR)
    try:
        wanted = range_of(values)
    except Invalid as error:
        raise Invalid((*error.errors, *errors)) from error
    if errors:
        raise Invalid(tuple(errors))
    return _Wish(wanted, popular)


def _parse_wish(query: bytes) -> _Wish:
    return _read_wish(parse_query(query, _HOME_NAMES))


_wish = remembered(_parse_wish)


_HOME = Success("A page of tweets, and popular ones beside it.", HomeView, examples.HOME)
_FOLLOWED = Success("A page of tweets, and popular ones beside it.", HomeView, examples.HOME_OF_LINUS)

ENDPOINTS = (
    Endpoint("GET", "/api/timelines/home", home_timeline, "timelines", _HOME, query=_HOME_QUERY),
    Endpoint(
        "GET",
        "/api/tweet",
        get_tweet_or_home,
        "other spellings",
        Success("The tweet, or a page of tweets.", OneOf((TweetView, HomeView)), examples.TWEET),
        access="viewer",
        query=(_ID, *_HOME_QUERY),
        problems=(TweetNotFound,),
    ),
    LIST_USER_TWEETS.spelled("/api/tweets/user/{user_id}", name="list_user_tweets_plainly"),
    Endpoint(
        "GET",
        "/api/tweets/followed/{user_id}",
        followed_timeline,
        "other spellings",
        _FOLLOWED,
        query=_HOME_QUERY,
        problems=(Forbidden,),
    ),
)
