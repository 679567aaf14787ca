"""Finding something: what is talked about, what is liked, whom to follow, and searching."""

from functools import partial
from typing import Any, Final

from litestar import Response

from linnet.errors import Invalid, LinnetError
from linnet.read.timelines.people import top_users_page
from linnet.read.timelines.popular import top_tweets
from linnet.read.timelines.search import people_found_page, tags_found_page, tweets_found_page
from linnet.read.timelines.suggestions import suggestions_screen
from linnet.read.timelines.topusers import top_users_glance, top_users_timeline
from linnet.read.views.tags import tag_view
from linnet.web.asking import Ask, PageRoute
from linnet.web.cards import peek_of, tweet_cards
from linnet.web.folding import drop_filtered, visible_page
from linnet.web.pages.errors import plainly
from linnet.web.pages.layout import older_path, show, with_query

_TAGS = 12
_TWEETS = 20
_PEOPLE = 6
_OF_TOP_USERS = 3
_TOP_USERS = "/explore/top-users"
_TABS_LABEL = "What to see of the most followed"
_KINDS: Final = {"tweets": "Tweets", "people": "People", "tags": "Tags"}


async def explore(ask: Ask) -> Response[Any]:
    """What goes on here."""
    read = ask.services.read
    suggested = [] if ask.viewer_id is None else (await suggestions_screen(read, ask.viewer_id, _PEOPLE)).items
    return await show(
        ask,
        "explore.html",
        title="Explore",
        beside=False,
        tags=[tag_view(tag) for tag in await read.trending.fetch(_TAGS)],
        cards=tweet_cards(ask, drop_filtered(await top_tweets(read, ask.viewer_id, _TWEETS), "public")),
        of_top_users=[
            peek_of(item)
            for item in drop_filtered(await top_users_glance(read, ask.viewer_id, _OF_TOP_USERS), "public")
        ],
        suggested=suggested,
    )


async def tweets_of_top_users(ask: Ask) -> Response[Any]:
    """What those write whom most follow."""
    page = await visible_page(partial(top_users_timeline, ask.services.read, ask.viewer_id), ask.range(), "public")
    return await show(
        ask,
        "topusers.html",
        title="Most followed",
        cards=tweet_cards(ask, page.items, context="public"),
        older=older_path(_TOP_USERS, page),
        tabs=_tabs_of_top_users("tweets"),
        tabs_label=_TABS_LABEL,
        empty=f"Nothing yet. What people say who have more than {_followers(ask)} followers is here.",
    )


async def top_users(ask: Ask) -> Response[Any]:
    """Who they are."""
    page = await top_users_page(ask.services.read, ask.viewer_id, ask.range())
    return await show(
        ask,
        "people.html",
        title="Most followed",
        people=page.items,
        older=None if page.next is None else with_query(f"{_TOP_USERS}/people", before=page.next),
        up=("/explore", "Explore"),
        tabs=_tabs_of_top_users("people"),
        tabs_label=_TABS_LABEL,
        empty=f"Nobody here has more than {_followers(ask)} followers yet.",
    )


def _tabs_of_top_users(here: str) -> tuple[tuple[str, str, bool], ...]:
    return (_TOP_USERS, "Tweets", here == "tweets"), (f"{_TOP_USERS}/people", "People", here == "people")


def _followers(ask: Ask) -> str:
    return f"{ask.services.write.options.top_user_followers:,}"


async def search(ask: Ask) -> Response[Any]:
    """Tweets, people or tags. What was typed stays in its field, also when it cannot be searched for."""
    query, kind = ask.query("q").strip(), ask.query("type")
    kind = kind if kind in _KINDS else "tweets"
    found: dict[str, Any] = {"cards": [], "people": [], "tags": [], "older": None}
    error: LinnetError | None = None
    if query:
        try:
            found |= await _find(ask, query, kind)
        except Invalid as invalid:
            error = invalid
    return await show(
        ask,
        "search.html",
        title=f"{query} · Search" if query else "Search",
        error=error,
        sentence="" if error is None else plainly(error),
        q=query,
        kind=kind,
        kinds=[(name, label, with_query("/search", q=query, type=name)) for name, label in _KINDS.items()],
        **found,
    )


async def _find(ask: Ask, query: str, kind: str) -> dict[str, Any]:
    read, wanted = ask.services.read, ask.range()
    if kind == "people":
        people = await people_found_page(read, ask.viewer_id, query, wanted)
        return {"people": people.items, "older": _older(query, kind, people.next)}
    if kind == "tags":
        tags = await tags_found_page(read, query, wanted)
        return {"tags": tags.items, "older": _older(query, kind, tags.next)}
    page = await tweets_found_page(read, ask.viewer_id, query, wanted)
    return {"cards": tweet_cards(ask, page.items), "older": older_path("/search", page, q=query)}


def _older(query: str, kind: str, following: str | None) -> str | None:
    return None if following is None else with_query("/search", q=query, type=kind, before=following)


PAGES = (
    PageRoute("GET", "/explore", explore, user=False),
    PageRoute("GET", _TOP_USERS, tweets_of_top_users, user=False),
    PageRoute("GET", f"{_TOP_USERS}/people", top_users, user=False),
    PageRoute("GET", "/search", search, user=False, limit="search"),
)
