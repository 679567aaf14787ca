"""Searching tweets, people and tags."""

from linnet.api import examples
from linnet.api.answers import Answer, page_answer, view_answer
from linnet.api.endpoints import Call, Endpoint, OneOf, Success
from linnet.api.params import PAGE, Query, range_of
from linnet.domain.searching import MAX_QUERY_CHARS
from linnet.errors import Invalid
from linnet.read.timelines.search import people_found_page, tags_found_page, tweets_found_page
from linnet.read.views.pages import PageView
from linnet.read.views.tags import TagView
from linnet.read.views.tweets import TweetView
from linnet.read.views.users import UserView

_TYPES = ("tweets", "users", "tags")
_Q = Query(
    "q",
    {"type": "string", "minLength": 1, "maxLength": MAX_QUERY_CHARS, "pattern": r"\S"},
    "What to look for.",
    "finches from:ada",
)
_TYPE = Query("type", {"type": "string", "enum": list(_TYPES), "default": _TYPES[0]}, "What is looked for.", _TYPES[0])


async def search(call: Call) -> Answer:
    """Search tweets, people or tags

    Tweets, newest first, hold everything that `q` says: words (`finches` also finds `finch`, as the tweet's language
    has it), `"some words"` in a row, `#tag`, `@name`, `from:name`, `to:name` (replies to and mentions of somebody),
    `has:link`, `has:hashtag`, `has:mention`, `is:reply`, `since:2026-01-31` and `until:2026-02-28` (days of UTC; the
    first is included, the second is not). A `-` before any of these but days: not so. Case and accents do not matter.
    Something must narrow the search down: a word, a tag, a name or `since:`.

    People are found by beginnings of their usernames and of the words of their names, and when these are few, by names
    that are alike. The best matches come first, 200 at most.

    Tags are found by their beginnings, in any spelling and with or without the sign. The tag that was asked for comes
    first, then the most used, 200 at most. They are the same for everybody.

    Nobody whom one blocks or mutes is found, nor anybody who blocks one.
    """
    values = call.query("q", "type", *(param.name for param in PAGE))
    query, kind = values.pop("q", ""), values.pop("type", _TYPES[0])
    if kind not in _TYPES:
        raise Invalid.field("type", f"This must be one of {', '.join(_TYPES)}.")
    wanted = range_of(values)
    if kind == "users":
        return view_answer(await people_found_page(call.services.read, call.viewer_id, query, wanted))
    if kind == "tags":
        return view_answer(await tags_found_page(call.services.read, query, wanted))
    return page_answer(await tweets_found_page(call.services.read, call.viewer_id, query, wanted))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/api/search",
        search,
        "search",
        Success(
            "A page of tweets, of users or of tags.",
            OneOf((PageView[TweetView], PageView[UserView], PageView[TagView])),
            examples.TWEETS,
        ),
        access="viewer",
        query=(_Q, _TYPE, *PAGE),
        limit="search",
    ),
)
