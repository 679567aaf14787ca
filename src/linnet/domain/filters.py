"""Filters: what somebody would rather not read, where, and what of a tweet is looked at.

A filter names words, or tweets. It never takes a tweet away by itself: whoever shows the tweet is told which filters it
matches, and folds it (``warn``) or leaves it out (``hide``) where the filter holds.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec
import regex

from linnet.domain.lines import check_line
from linnet.errors import FieldError, Invalid
from linnet.ids import TweetId

Context = Literal["home", "notifications", "public", "thread", "account"]
"""Where a filter holds. ``home``: and lists; ``public``: everyone's tweets and tags; ``account``: people's pages."""
CONTEXTS: Final[tuple[Context, ...]] = get_args(Context)

Action = Literal["warn", "hide"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)

MAX_FILTERS: Final = 50
MAX_KEYWORDS: Final = 200
MAX_TWEETS: Final = 500
"""Of one person, in all filters together."""

MAX_TITLE_CHARS: Final = 100
MAX_KEYWORD_CHARS: Final = 100
MAX_EXPIRES_SECONDS: Final = 10 * 366 * 86_400

_IGNORABLE: Final = regex.compile(r"\p{Default_Ignorable_Code_Point}+", regex.V1)
_WHITE_SPACE: Final = regex.compile(r"\p{White_Space}+", regex.V1)
_BEGINS_WORD: Final = regex.compile(r"\w", regex.V1)


class Keyword(msgspec.Struct, frozen=True):
    """``whole_word``: not inside of another word."""

    id: int
    text: str
    whole_word: bool = True


class Filter(msgspec.Struct, frozen=True):
    """``expires_ms``: from then on it holds no more, but stays; None: never."""

    id: int
    title: str
    contexts: tuple[Context, ...]
    action: Action
    expires_ms: int | None = None
    keywords: tuple[Keyword, ...] = ()


class FilteredTweet(msgspec.Struct, frozen=True):
    """A tweet that a filter names; ``id`` is of its being named."""

    filter_id: int
    id: int
    tweet_id: TweetId


class Filters(msgspec.Struct, frozen=True):
    """All of somebody's. ``version`` grows with every change of them."""

    version: int
    filters: tuple[Filter, ...]
    tweets: tuple[FilteredTweet, ...] = ()


class Match(msgspec.Struct, frozen=True):
    """A filter, the keywords of it that stand in a tweet, and whether it names the tweet."""

    filter: Filter
    keywords: tuple[str, ...]
    names_it: bool


NONE: Final = Filters(0, ())


def fold_text(text: str) -> str:
    """What is compared: without case, in one form, without what nobody sees, with single blanks."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _WHITE_SPACE.sub(" ", _IGNORABLE.sub("", folded))


def _pattern(keyword: Keyword) -> str:
    """The keyword, folded; at an end that is part of a word, no letter may follow if the word is to be whole."""
    folded = fold_text(keyword.text).strip(" ")
    pattern = regex.escape(folded, special_only=True)
    if keyword.whole_word and folded:
        before = r"(?<!\w)" if _BEGINS_WORD.match(folded[0]) else ""
        after = r"(?!\w)" if _BEGINS_WORD.match(folded[-1]) else ""
        return f"{before}{pattern}{after}"
    return str(pattern)


class Matcher:
    """Somebody's filters, ready to look at tweets."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters.filters
        self._tweets: dict[int, set[int]] = {}
        for named in filters.tweets:
            self._tweets.setdefault(named.tweet_id, set()).add(named.filter_id)
        self._keywords = [
            (each.id, keyword.text, regex.compile(pattern, regex.V1))
            for each in self._filters
            for keyword in each.keywords
            if (pattern := _pattern(keyword))
        ]
        # Most tweets match none, and are looked through once.
        every = "|".join(found.pattern for _, _, found in self._keywords)
        self._any = regex.compile(every, regex.V1) if every else None

    def matches(self, tweet_id: int, texts: Iterable[str], now_ms: int) -> Sequence[Match]:
        """Which filters a tweet matches by what it says, or by name; in the order of the filters."""
        named = self._tweets.get(tweet_id, ())
        said = fold_text("\n".join(texts))
        words: dict[int, list[str]] = {}
        if self._any is not None and self._any.search(said):
            for filter_id, text, pattern in self._keywords:
                if pattern.search(said):
                    words.setdefault(filter_id, []).append(text)
        if not named and not words:
            return ()
        return [
            Match(each, tuple(words.get(each.id, ())), each.id in named)
            for each in self._filters
            if (each.id in words or each.id in named) and (each.expires_ms is None or each.expires_ms > now_ms)
        ]


class KeywordWish(msgspec.Struct, frozen=True):
    """A keyword as it was asked for. ``id``: one that is there is changed."""

    text: str
    whole_word: bool = True
    id: int | None = None


def check_title(raw: str) -> str:
    """NFC, trimmed, on one line. Raises ``Invalid``."""
    title = check_line(raw, noun="title", max_chars=MAX_TITLE_CHARS, field="title")
    if not title:
        raise Invalid.field("title", "A filter needs a title.")
    return title


def check_keyword(raw: str, *, field: str) -> str:
    """NFC, trimmed, on one line. Raises ``Invalid``."""
    text = check_line(raw, noun="keyword", max_chars=MAX_KEYWORD_CHARS, field=field)
    if not text or not fold_text(text).strip(" "):
        raise Invalid.field(field, "A keyword cannot be empty.")
    return text


def check_contexts(raw: Collection[str], *, field: str) -> tuple[Context, ...]:
    """Each once, in one order. Raises ``Invalid``."""
    unknown = [each for each in raw if each not in CONTEXTS]
    if unknown or not raw:
        raise Invalid((FieldError(field, f"This must be some of {', '.join(CONTEXTS)}."),))
    return tuple(context for context in CONTEXTS if context in raw)


def check_action(raw: str, *, field: str) -> Action:
    """Raises ``Invalid``."""
    for action in ACTIONS:
        if raw == action:
            return action
    raise Invalid.field(field, f"This must be one of {', '.join(ACTIONS)}.")


def actions_in(matches: Iterable[Mapping[str, object]], context: Context) -> Action | None:
    """What filters that a tweet matches do with it there: hiding is stronger. ``matches`` as views have them."""
    found: Action | None = None
    for match in matches:
        one = match["filter"]
        assert isinstance(one, Mapping)
        if context in one["contexts"]:
            if one["action"] == "hide":
                return "hide"
            found = "warn"
    return found
