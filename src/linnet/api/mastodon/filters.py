"""Filters of the second version, and those of the first: there each keyword is one by itself."""

from collections.abc import Sequence

import msgspec

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import Filter, FilterKeyword, FilterStatus, KeywordFilter
from linnet.api.mastodon.params import Params
from linnet.api.params import parse_id
from linnet.clock import rfc3339
from linnet.domain import filters as domain
from linnet.domain.filters import Filters, Keyword, KeywordWish, check_action, check_contexts
from linnet.errors import FilterNotFound, Invalid, TweetNotFound
from linnet.ids import TweetId
from linnet.read.timelines.filters import filters_screen
from linnet.write.actions import filters
from linnet.write.actions.filters import FilterWish


async def get_filters(call: Call) -> Answer:
    """All of one's, the oldest first."""
    found = await filters_screen(call.read, call.me)
    return answer([_entity(found, one) for one in found.filters])


async def get_filter(call: Call) -> Answer:
    """One of them."""
    return await _answer_one(call, _id(call, "id"))


async def post_filter(call: Call) -> Answer:
    """With its keywords, if there are any."""
    params = await call.body()
    made = await filters.create_filter(
        call.write,
        call.me,
        title=params.text("title"),
        contexts=check_contexts(params.texts("context"), field="context"),
        action=check_action(params.text("filter_action") or "warn", field="filter_action"),
        expires_in_seconds=params.number("expires_in"),
        keywords=[_wish(one) for one in params.records("keywords_attributes")],
    )
    return await _answer_one(call, made.id)


async def put_filter(call: Call) -> Answer:
    """What is not said stays as it is; of keywords, those that are named."""
    params, filter_id = await call.body(), _id(call, "id")
    wish = FilterWish(
        title=params.text("title") if params.has("title") else msgspec.UNSET,
        contexts=check_contexts(params.texts("context"), field="context") if params.has("context") else msgspec.UNSET,
        action=check_action(params.text("filter_action"), field="filter_action")
        if params.has("filter_action")
        else msgspec.UNSET,
        # Said, and empty: it never ends.
        expires_in_seconds=params.number("expires_in") if params.has("expires_in") else msgspec.UNSET,
    )
    records = params.records("keywords_attributes")

    def changed(there: tuple[Keyword, ...]) -> Sequence[KeywordWish]:
        wanted = {keyword.id: _same(keyword) for keyword in there}
        new: list[KeywordWish] = []
        for record in records:
            keyword_id = parse_id(record.text("id")) if record.text("id") else None
            if keyword_id is None:
                new.append(_wish(record))
            elif keyword_id not in wanted:
                raise FilterNotFound
            elif record.flag("_destroy"):
                del wanted[keyword_id]
            else:
                wanted[keyword_id] = _changed(wanted[keyword_id], record)
        return [*wanted.values(), *new]

    await filters.change_filter(call.write, call.me, filter_id, wish, keywords=changed if records else None)
    return await _answer_one(call, filter_id)


async def delete_filter(call: Call) -> Answer:
    """With all that is in it."""
    await filters.delete_filter(call.write, call.me, _id(call, "id"))
    return answer({})


async def get_keywords(call: Call) -> Answer:
    """Of one filter."""
    one = _find(await filters_screen(call.read, call.me), _id(call, "filter_id"))
    return answer([_keyword(keyword) for keyword in one.keywords])


async def post_keyword(call: Call) -> Answer:
    """One more."""
    params, filter_id = await call.body(), _id(call, "filter_id")
    changed = await filters.change_filter(
        call.write,
        call.me,
        filter_id,
        FilterWish(),
        keywords=lambda there: [*map(_same, there), _wish(params)],
    )
    return answer(_keyword(changed.keywords[-1]))


async def get_keyword(call: Call) -> Answer:
    """Of whichever filter it is."""
    _, keyword = _find_keyword(await filters_screen(call.read, call.me), _id(call, "id"))
    return answer(_keyword(keyword))


async def put_keyword(call: Call) -> Answer:
    """What is not said stays as it is."""
    params, keyword_id = await call.body(), _id(call, "id")
    one, _ = _find_keyword(await filters_screen(call.read, call.me), keyword_id)
    changed = await filters.change_filter(
        call.write,
        call.me,
        one.id,
        FilterWish(),
        keywords=lambda there: [
            _changed(_same(each), params) if each.id == keyword_id else _same(each) for each in there
        ],
    )
    return answer(next(_keyword(keyword) for keyword in changed.keywords if keyword.id == keyword_id))


async def delete_keyword(call: Call) -> Answer:
    """The filter stays, though it has none any more."""
    keyword_id = _id(call, "id")
    one, _ = _find_keyword(await filters_screen(call.read, call.me), keyword_id)
    await filters.change_filter(
        call.write,
        call.me,
        one.id,
        FilterWish(),
        keywords=lambda there: [_same(each) for each in there if each.id != keyword_id],
    )
    return answer({})


async def get_statuses(call: Call) -> Answer:
    """Which a filter names."""
    found = await filters_screen(call.read, call.me)
    one = _find(found, _id(call, "filter_id"))
    return answer(_statuses(found, one.id))


async def post_status(call: Call) -> Answer:
    """One more."""
    params, filter_id = await call.body(), _id(call, "filter_id")
    tweet_id = parse_id(params.text("status_id"))
    if tweet_id is None:
        raise TweetNotFound
    named_id = await filters.name_tweet(call.write, call.me, filter_id, TweetId(tweet_id))
    return answer(_status(await filters_screen(call.read, call.me), named_id))


async def get_status(call: Call) -> Answer:
    """One of them, by the id of its being named."""
    return answer(_status(await filters_screen(call.read, call.me), _id(call, "id")))


async def delete_status(call: Call) -> Answer:
    """It is filtered for its words alone."""
    found = await filters_screen(call.read, call.me)
    named = _status(found, _id(call, "id"))
    await filters.unname_tweet(call.write, call.me, int(named.id))
    return answer(named)


async def get_old_filters(call: Call) -> Answer:
    """As the first version has them: each keyword by itself."""
    found = await filters_screen(call.read, call.me)
    return answer([_old_entity(one, keyword) for one in found.filters for keyword in one.keywords])


async def get_old_filter(call: Call) -> Answer:
    """One of them."""
    return answer(_old_entity(*_find_keyword(await filters_screen(call.read, call.me), _id(call, "id"))))


async def post_old_filter(call: Call) -> Answer:
    """A filter with one keyword, which is its title."""
    params = await call.body()
    made = await filters.create_filter(
        call.write,
        call.me,
        title=params.text("phrase"),
        contexts=check_contexts(params.texts("context"), field="context"),
        action="hide" if params.flag("irreversible") else "warn",
        expires_in_seconds=params.number("expires_in"),
        keywords=[KeywordWish(params.text("phrase"), whole_word=params.flag("whole_word"))],
    )
    return answer(_old_entity(made, made.keywords[0]))


async def put_old_filter(call: Call) -> Answer:
    """What is not said stays as it is. Where others share its filter, only the keyword can be changed."""
    params, keyword_id = await call.body(), _id(call, "id")
    one, keyword = _find_keyword(await filters_screen(call.read, call.me), keyword_id)
    wish = _old_wish(params, one, keyword)

    def changed(there: tuple[Keyword, ...]) -> Sequence[KeywordWish]:
        if len(there) > 1 and wish != FilterWish():
            raise Invalid.field("phrase", "This is one of several words of a filter: change the filter in a newer app.")
        return [_old_changed(each, params) if each.id == keyword_id else _same(each) for each in there]

    await filters.change_filter(call.write, call.me, one.id, wish, keywords=changed)
    return answer(_old_entity(*_find_keyword(await filters_screen(call.read, call.me), keyword_id)))


def _old_wish(params: Params, one: domain.Filter, keyword: Keyword) -> FilterWish:
    """What of the filter is to be otherwise; its title follows its only keyword."""
    contexts = check_contexts(params.texts("context"), field="context") if params.has("context") else one.contexts
    action: domain.Action = "hide" if params.flag("irreversible", default=one.action == "hide") else "warn"
    is_named_so = one.title == keyword.text and len(one.keywords) == 1
    return FilterWish(
        title=params.text("phrase") if is_named_so and params.has("phrase") else msgspec.UNSET,
        contexts=contexts if contexts != one.contexts else msgspec.UNSET,
        action=action if action != one.action else msgspec.UNSET,
        expires_in_seconds=params.number("expires_in") if params.has("expires_in") else msgspec.UNSET,
    )


def _old_changed(keyword: Keyword, params: Params) -> KeywordWish:
    return KeywordWish(
        params.text("phrase") if params.has("phrase") else keyword.text,
        params.flag("whole_word", default=keyword.whole_word),
        keyword.id,
    )


async def delete_old_filter(call: Call) -> Answer:
    """With its filter, if nothing is left in that."""
    await filters.delete_keyword(call.write, call.me, _id(call, "id"))
    return answer({})


async def _answer_one(call: Call, filter_id: int) -> Answer:
    found = await filters_screen(call.read, call.me)
    return answer(_entity(found, _find(found, filter_id)))


def _find(found: Filters, filter_id: int) -> domain.Filter:
    for one in found.filters:
        if one.id == filter_id:
            return one
    raise FilterNotFound


def _find_keyword(found: Filters, keyword_id: int) -> tuple[domain.Filter, Keyword]:
    for one in found.filters:
        for keyword in one.keywords:
            if keyword.id == keyword_id:
                return one, keyword
    raise FilterNotFound


def _status(found: Filters, named_id: int) -> FilterStatus:
    for named in found.tweets:
        if named.id == named_id:
            return FilterStatus(str(named.id), str(named.tweet_id))
    raise FilterNotFound


def _wish(params: Params) -> KeywordWish:
    return KeywordWish(params.text("keyword"), whole_word=params.flag("whole_word"))


def _same(keyword: Keyword) -> KeywordWish:
    return KeywordWish(keyword.text, keyword.whole_word, keyword.id)


def _changed(was: KeywordWish, params: Params) -> KeywordWish:
    return KeywordWish(
        params.text("keyword") if params.has("keyword") else was.text,
        params.flag("whole_word") if params.has("whole_word") else was.whole_word,
        was.id,
    )


def _entity(found: Filters, one: domain.Filter) -> Filter:
    return Filter(
        str(one.id),
        one.title,
        list(one.contexts),
        _time(one),
        one.action,
        [_keyword(keyword) for keyword in one.keywords],
        _statuses(found, one.id),
    )


def _keyword(keyword: Keyword) -> FilterKeyword:
    return FilterKeyword(str(keyword.id), keyword.text, keyword.whole_word)


def _statuses(found: Filters, filter_id: int) -> list[FilterStatus]:
    return [FilterStatus(str(each.id), str(each.tweet_id)) for each in found.tweets if each.filter_id == filter_id]


def _old_entity(one: domain.Filter, keyword: Keyword) -> KeywordFilter:
    return KeywordFilter(
        str(keyword.id), keyword.text, list(one.contexts), keyword.whole_word, _time(one), one.action == "hide"
    )


def _time(one: domain.Filter) -> str | None:
    return None if one.expires_ms is None else rfc3339(one.expires_ms)


def _id(call: Call, name: str) -> int:
    number = parse_id(call.path[name])
    if number is None:
        raise FilterNotFound
    return number


_ALL = "/api/v2/filters"
_READ, _WRITE = ("read:filters",), ("write:filters",)

ROUTES = (
    Route("GET", _ALL, get_filters, _READ),
    Route("POST", _ALL, post_filter, _WRITE),
    Route("GET", f"{_ALL}/{{id}}", get_filter, _READ),
    Route("PUT", f"{_ALL}/{{id}}", put_filter, _WRITE),
    Route("DELETE", f"{_ALL}/{{id}}", delete_filter, _WRITE),
    Route("GET", f"{_ALL}/{{filter_id}}/keywords", get_keywords, _READ),
    Route("POST", f"{_ALL}/{{filter_id}}/keywords", post_keyword, _WRITE),
    Route("GET", f"{_ALL}/keywords/{{id}}", get_keyword, _READ),
    Route("PUT", f"{_ALL}/keywords/{{id}}", put_keyword, _WRITE),
    Route("DELETE", f"{_ALL}/keywords/{{id}}", delete_keyword, _WRITE),
    Route("GET", f"{_ALL}/{{filter_id}}/statuses", get_statuses, _READ),
    Route("POST", f"{_ALL}/{{filter_id}}/statuses", post_status, _WRITE),
    Route("GET", f"{_ALL}/statuses/{{id}}", get_status, _READ),
    Route("DELETE", f"{_ALL}/statuses/{{id}}", delete_status, _WRITE),
    Route("GET", "/api/v1/filters", get_old_filters, _READ),
    Route("POST", "/api/v1/filters", post_old_filter, _WRITE),
    Route("GET", "/api/v1/filters/{id}", get_old_filter, _READ),
    Route("PUT", "/api/v1/filters/{id}", put_old_filter, _WRITE),
    Route("DELETE", "/api/v1/filters/{id}", delete_old_filter, _WRITE),
)
