"""Filters: what one would rather not read."""

from typing import Annotated

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, no_content, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.domain.filters import MAX_EXPIRES_SECONDS, KeywordWish, check_action, check_contexts
from linnet.errors import FilterNotFound, Invalid, TooManyFilters, TweetNotFound
from linnet.read.timelines.filters import filters_screen
from linnet.read.timelines.thread import tweet_screen
from linnet.read.views.filters import FiltersView, FilterView, filter_view
from linnet.write.actions import filters
from linnet.write.actions.filters import FilterWish

Seconds = Annotated[int, msgspec.Meta(ge=0, le=MAX_EXPIRES_SECONDS)]


class KeywordBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``whole_word``: not inside of another word."""

    keyword: str
    whole_word: bool = True


class FilterBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``contexts``: some of `home` (and lists), `notifications`, `public`, `thread`, `account`.

    ``action``: `warn` or `hide`. ``expires_in``: seconds from now; null: never.
    """

    title: str
    contexts: list[str]
    action: str = "warn"
    expires_in: Seconds | None = None
    keywords: list[KeywordBody] = []


class FilterPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out or null stays as it is. ``keywords`` are all there will be. ``expires_in`` 0: never."""

    title: str | None = None
    contexts: list[str] | None = None
    action: str | None = None
    expires_in: Seconds | None = None
    keywords: list[KeywordBody] | None = None


async def list_filters(call: Call) -> Answer:
    """List one's filters

    The oldest first, also those whose time is over.
    """
    found = await filters_screen(call.services.read, call.actor.user_id)
    return view_answer(FiltersView([filter_view(one, list(found.tweets)) for one in found.filters]))


async def post_filter(call: Call) -> Answer:
    """Make a filter

    It takes nothing away: a tweet that matches says so in `filtered`, with the contexts in which the filter holds, for
    whoever shows it to fold it (`warn`) or leave it out (`hide`). Words are compared whatever their case and form.
    One's own tweets match nothing.
    """
    body = await call.fields(FilterBody)
    made = await filters.create_filter(
        call.services.write,
        call.actor.user_id,
        title=body.title,
        contexts=check_contexts(body.contexts, field="contexts"),
        action=check_action(body.action, field="action"),
        expires_in_seconds=body.expires_in,
        keywords=_wishes(body.keywords),
    )
    return view_answer(filter_view(made, []), 201)


async def get_filter(call: Call) -> Answer:
    """Read a filter

    One's own, with its keywords and the tweets that it names.
    """
    return await _answer(call)


async def patch_filter(call: Call) -> Answer:
    """Change a filter

    What is left out stays as it is.
    """
    body = await call.fields(FilterPatch)
    wish = FilterWish(
        title=msgspec.UNSET if body.title is None else body.title,
        contexts=msgspec.UNSET if body.contexts is None else check_contexts(body.contexts, field="contexts"),
        action=msgspec.UNSET if body.action is None else check_action(body.action, field="action"),
        expires_in_seconds=msgspec.UNSET if body.expires_in is None else body.expires_in or None,
    )
    keywords = None if body.keywords is None else _wishes(body.keywords)
    await filters.change_filter(
        call.services.write,
        call.actor.user_id,
        call.filter_id(),
        wish,
        keywords=None if keywords is None else lambda _: keywords,
    )
    return await _answer(call)


async def delete_filter(call: Call) -> Answer:
    """Delete a filter

    With all that is in it.
    """
    await filters.delete_filter(call.services.write, call.actor.user_id, call.filter_id())
    return no_content()


async def put_filter_tweet(call: Call) -> Answer:
    """Name a tweet in a filter

    It matches from now on, whatever it says; of a retweet, the original. Quiet when it is named already.
    """
    await filters.name_tweet(call.services.write, call.actor.user_id, call.filter_id(), call.tweet_id())
    return await _answer(call)


async def delete_filter_tweet(call: Call) -> Answer:
    """Name a tweet no more

    Quiet when it is not named.
    """
    user_id, filter_id, tweet_id = call.actor.user_id, call.filter_id(), call.tweet_id()
    await tweet_screen(call.services.read, user_id, tweet_id)
    found = await filters_screen(call.services.read, user_id)
    for named in found.tweets:
        if (named.filter_id, named.tweet_id) == (filter_id, tweet_id):
            await filters.unname_tweet(call.services.write, user_id, named.id)
    return await _answer(call)


async def _answer(call: Call) -> Answer:
    found = await filters_screen(call.services.read, call.actor.user_id)
    for one in found.filters:
        if one.id == call.filter_id():
            return view_answer(filter_view(one, list(found.tweets)))
    raise FilterNotFound


def _wishes(keywords: list[KeywordBody]) -> list[KeywordWish]:
    return [KeywordWish(each.keyword, each.whole_word) for each in keywords]


_ONE = "/api/filters/{filter_id}"
_GONE = (FilterNotFound,)
_ALL = Success("Filters, the oldest first.", FiltersView, examples.FILTERS)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/api/filters",
        list_filters,
        "filters",
        Success("Filters, the oldest first.", FiltersView, examples.FILTERS),
    ),
    Endpoint(
        "POST",
        "/api/filters",
        post_filter,
        "filters",
        Success("The filter.", FilterView, examples.FILTER, status=201),
        body=FilterBody,
        body_example=FilterBody("Cats", ["home", "public"], "warn", None, [KeywordBody("cat")]),
        problems=(Invalid, TooManyFilters),
    ),
    Endpoint("GET", _ONE, get_filter, "filters", Success("The filter.", FilterView, examples.FILTER), problems=_GONE),
    Endpoint(
        "PATCH",
        _ONE,
        patch_filter,
        "filters",
        Success("The filter.", FilterView, examples.FILTER_HIDING),
        body=FilterPatch,
        body_example=FilterPatch(action="hide"),
        problems=(Invalid, TooManyFilters, *_GONE),
    ),
    Endpoint("DELETE", _ONE, delete_filter, "filters", Success("The filter is gone.", status=204), problems=_GONE),
    Endpoint(
        "PUT",
        f"{_ONE}/tweets/{{tweet_id}}",
        put_filter_tweet,
        "filters",
        Success("The filter.", FilterView, examples.FILTER_NAMING),
        problems=(*_GONE, TweetNotFound, TooManyFilters),
    ),
    Endpoint(
        "DELETE",
        f"{_ONE}/tweets/{{tweet_id}}",
        delete_filter_tweet,
        "filters",
        Success("The filter.", FilterView, examples.FILTER),
        problems=(*_GONE, TweetNotFound),
    ),
)
