"""Popular tweets, catching up, and whom one might follow."""

from collections.abc import Mapping

from linnet.api import examples
from linnet.api.answers import Answer, json_answer, page_answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import DEFAULT_LIMIT, LIMIT, MAX_LIMIT, PAGE, Query, parse_count
from linnet.errors import FieldError, Invalid, Unauthenticated
from linnet.read.timelines.popular import catch_up, top_tweets, top_tweets_of_followed
from linnet.read.timelines.suggestions import suggestions_screen
from linnet.read.timelines.topusers import top_users_timeline
from linnet.read.views.pages import PageView
from linnet.read.views.popular import CatchUpView, SuggestionsView, TopTweetsView, catch_up_json, top_tweets_json
from linnet.read.views.tweets import TweetView

_DEFAULT_K = 10
_MAX_K = 100
_SCOPES = ("everyone", "following")

_K = Query(
    "k",
    {"type": "integer", "minimum": 1, "maximum": _MAX_K, "default": _DEFAULT_K},
    "How many tweets.",
    _DEFAULT_K,
)
_SCOPE = Query(
    "scope",
    {"type": "string", "enum": list(_SCOPES), "default": "everyone"},
    "Whose tweets: those of everyone, or of those one follows, which asks for a token.",
    "everyone",
)


async def get_top_tweets(call: Call) -> Answer:
    """List the most popular tweets

    Tweets and replies, the most popular first: by likes and retweets, the author's followers, and age. With
    `scope=following` what those one follows wrote and one's home timeline shows. There are no further pages: ask for
    more at once.
    """
    values = call.query("k", "scope")
    errors: list[FieldError] = []
    count = _parse_k(values, errors)
    scope = values.get("scope", "everyone")
    if scope not in _SCOPES:
        errors.append(FieldError("scope", "This must be everyone or following."))
    if errors:
        raise Invalid(tuple(errors))
    read = call.services.read
    if scope == "following":
        return json_answer(top_tweets_json(await top_tweets_of_followed(read, call.actor.user_id, count)))
    return json_answer(top_tweets_json(await top_tweets(read, call.viewer_id, count)))


async def get_catch_up(call: Call) -> Answer:
    """Catch up

    The most popular of what those one follows wrote since one's last visit, as one's home timeline shows it and without
    retweets. `since` says when that visit ended: at most a week ago, and on one's first visit when one signed up. A
    visit ends when nothing is heard of somebody for half an hour.
    """
    errors: list[FieldError] = []
    count = _parse_k(call.query("k"), errors)
    if errors:
        raise Invalid(tuple(errors))
    since_ms, items = await catch_up(call.services.read, call.actor.user_id, count)
    return json_answer(catch_up_json(since_ms, items))


async def list_tweets_of_top_users(call: Call) -> Answer:
    """List the tweets of top users

    What the people at `/api/users/top` write, newest first: tweets, retweets, and what they answer each other.
    """
    return page_answer(await top_users_timeline(call.services.read, call.viewer_id, call.range()))


async def list_suggestions(call: Call) -> Answer:
    """List whom one might follow

    First those whom the people one follows follow, ranked by how many of them do; then the most followed of all, with a
    `followed_by.count` of 0. Never oneself, nor whom one follows, blocks, is blocked by or mutes.
    """
    errors: list[FieldError] = []
    limit = parse_count(call.query("limit"), "limit", errors, default=DEFAULT_LIMIT, most=MAX_LIMIT)
    if errors:
        raise Invalid(tuple(errors))
    return view_answer(await suggestions_screen(call.services.read, call.actor.user_id, limit))


def _parse_k(values: Mapping[str, str], errors: list[FieldError]) -> int:
    return parse_count(values, "k", errors, default=_DEFAULT_K, most=_MAX_K)


_TOP_TWEETS = Endpoint(
    "GET",
    "/api/tweets/top",
    get_top_tweets,
    "tweets",
    Success("The tweets.", TopTweetsView, examples.TOP_TWEETS),
    access="viewer",
    query=(_K, _SCOPE),
    problems=(Unauthenticated,),
)

ENDPOINTS: tuple[Endpoint, ...] = (
    _TOP_TWEETS,
    _TOP_TWEETS.spelled("/api/tweet/top", name="get_top_tweets_plainly"),
    Endpoint(
        "GET",
        "/api/timelines/catch-up",
        get_catch_up,
        "timelines",
        Success("The tweets, and since when.", CatchUpView, examples.CATCH_UP),
        query=(_K,),
    ),
    Endpoint(
        "GET",
        "/api/timelines/top-users",
        list_tweets_of_top_users,
        "timelines",
        Success("A page of tweets.", PageView[TweetView], examples.TWEETS),
        access="viewer",
        query=PAGE,
    ),
    Endpoint(
        "GET",
        "/api/users/suggestions",
        list_suggestions,
        "users",
        Success("The suggestions.", SuggestionsView, examples.SUGGESTIONS),
        query=(LIMIT,),
    ),
)
