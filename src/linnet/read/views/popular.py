"""Rankings and suggestions as clients see them."""

from collections.abc import Sequence

import msgspec

from linnet.clock import rfc3339
from linnet.read.views.pages import Page, PageView, page_json
from linnet.read.views.tweets import AuthorView, TweetView
from linnet.read.views.users import UserView


class HomeView(PageView[TweetView], frozen=True):
    """A page of a home timeline. ``popular``, what others like best, is empty on all pages but the newest."""

    popular: list[TweetView]


class TopTweetsView(msgspec.Struct, frozen=True):
    """The best tweets, the best of all first."""

    items: list[TweetView]


class CatchUpView(msgspec.Struct, frozen=True):
    """The best tweets since some moment, the best of all first."""

    since: str
    items: list[TweetView]


class FollowedByView(msgspec.Struct, frozen=True):
    """Who of those one follows follows somebody: how many of them, and up to three of these."""

    count: int
    people: list[AuthorView]


class SuggestionView(msgspec.Struct, frozen=True):
    """Somebody one might follow. With ``followed_by.count`` 0 they are suggested because many follow them."""

    user: UserView
    followed_by: FollowedByView


class SuggestionsView(msgspec.Struct, frozen=True):
    """The best suggestion first."""

    items: list[SuggestionView]


def home_json(page: Page) -> bytes:
    """The JSON of a ``HomeView``; of what is beside the page it has the first list."""
    return b'%b,"popular":[%b]}' % (page_json(page)[:-1], b",".join(page.beside[0] if page.beside else ()))


def top_tweets_json(items: Sequence[bytes]) -> bytes:
    """The JSON of a ``TopTweetsView``."""
    return b'{"items":[%b]}' % b",".join(items)


def catch_up_json(since_ms: int, items: Sequence[bytes]) -> bytes:
    """The JSON of a ``CatchUpView``."""
    return b'{"since":"%b","items":[%b]}' % (rfc3339(since_ms).encode(), b",".join(items))
