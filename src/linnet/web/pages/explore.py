"""Finding something: what is talked about, what is liked, whom to follow, and searching."""

from typing import Any

from litestar import Response

from linnet.errors import Invalid
from linnet.read.timelines.popular import top_tweets
from linnet.read.timelines.search import people_found_page, tweets_found_page
from linnet.read.timelines.suggestions import suggestions_screen
from linnet.read.timelines.tag import tag_page
from linnet.read.views.tags import tag_view
from linnet.web.asking import Ask, PageRoute
from linnet.web.pages.layout import decode_tweets, older_path, show, with_query

_TAGS = 12
_TWEETS = 20
_PEOPLE = 6


async def explore(ask: Ask) -> Response[Any]:
    """What goes on here."""
    read = ask.services.read
    suggested = [] if ask.viewer_id is None else (await suggestions_screen(read, ask.viewer_id, _PEOPLE)).items
    return await show(
        ask,
        "explore.html",
        title="Explore",
        tags=[tag_view(tag) for tag in await read.trending.fetch(_TAGS)],
        tweets=decode_tweets(await top_tweets(read, ask.viewer_id, _TWEETS)),
        suggested=suggested,
    )


async def tag(ask: Ask) -> Response[Any]:
    """The tweets that carry a tag."""
    named = ask.path("tag").removeprefix("#")
    page = await tag_page(ask.services.read, ask.viewer_id, named, ask.range())
    return await show(
        ask, "tag.html", title=f"#{named}", tweets=decode_tweets(page.items), older=older_path(ask.here_path, page)
    )


async def search(ask: Ask) -> Response[Any]:
    """Tweets or people. What was typed stays in its field, also when it cannot be searched for."""
    query = ask.query("q").strip()
    kind = "people" if ask.query("type") == "people" else "tweets"
    values: dict[str, Any] = {"q": query, "kind": kind, "tweets": [], "people": [], "older": None, "error": ""}
    try:
        if query and kind == "people":
            people = await people_found_page(ask.services.read, ask.viewer_id, query, ask.range())
            values["people"] = people.items
            if people.next is not None:
                values["older"] = with_query("/search", q=query, type="people", before=people.next)
        elif query:
            page = await tweets_found_page(ask.services.read, ask.viewer_id, query, ask.range())
            values["tweets"] = decode_tweets(page.items)
            values["older"] = older_path("/search", page, q=query)
    except Invalid as error:
        values["error"] = error.errors[0].message if error.errors else error.sentence
    status = 422 if values["error"] else 200
    return await show(ask, "search.html", title=f"{query} · Search" if query else "Search", status=status, **values)


PAGES = (
    PageRoute("GET", "/explore", explore, user=False),
    PageRoute("GET", "/tags/{tag}", tag, user=False),
    PageRoute("GET", "/search", search, user=False, limit="search"),
)
