"""What a client sees of filters, and of what matches them."""

import msgspec

from linnet.clock import rfc3339
from linnet.domain.filters import Action, Context, Filter, FilteredTweet, Match


class KeywordView(msgspec.Struct, frozen=True):
    id: str
    keyword: str
    whole_word: bool


class FilterBriefView(msgspec.Struct, frozen=True):
    """``contexts``: where it holds. ``action``: `warn` folds what matches, `hide` leaves it out."""

    id: str
    title: str
    contexts: list[Context]
    action: Action
    expires_at: str | None


class FilterView(FilterBriefView, frozen=True):
    """With what it matches by: keywords, and tweets that it names."""

    keywords: list[KeywordView]
    tweet_ids: list[str]


class FiltersView(msgspec.Struct, frozen=True):
    """The oldest first."""

    items: list[FilterView]


class FilterMatchView(msgspec.Struct, frozen=True):
    """A filter of the viewer's that a tweet matches: by these keywords, or because it names the tweet."""

    filter: FilterBriefView
    keywords: list[str]
    by_name: bool


def filter_brief_view(one: Filter) -> FilterBriefView:
    return FilterBriefView(str(one.id), one.title, list(one.contexts), one.action, _time(one.expires_ms))


def filter_view(one: Filter, named: list[FilteredTweet]) -> FilterView:
    return FilterView(
        str(one.id),
        one.title,
        list(one.contexts),
        one.action,
        _time(one.expires_ms),
        [KeywordView(str(keyword.id), keyword.text, keyword.whole_word) for keyword in one.keywords],
        [str(each.tweet_id) for each in named if each.filter_id == one.id],
    )


def match_view(match: Match) -> FilterMatchView:
    return FilterMatchView(filter_brief_view(match.filter), list(match.keywords), match.names_it)


def _time(unix_ms: int | None) -> str | None:
    return None if unix_ms is None else rfc3339(unix_ms)
