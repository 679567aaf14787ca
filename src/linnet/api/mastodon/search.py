"""Search, and what is talked about."""

from contextlib import suppress
from typing import Final

from linnet.api.answers import Answer
from linnet.api.mastodon.accounts import local_name
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.content import parts_of_address
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import Account, Search, Status, Suggestion, Tag
from linnet.api.mastodon.paging import offset_links
from linnet.api.mastodon.params import Params
from linnet.api.mastodon.rendering import account_of, status_of, statuses_of
from linnet.api.mastodon.tags import tags_of
from linnet.api.params import parse_id
from linnet.domain.timeline import Range
from linnet.errors import NotFound, UserNotFound
from linnet.ids import TweetId, UserId
from linnet.read.timelines.people import me_screen, user_by_username_screen
from linnet.read.timelines.popular import top_tweets
from linnet.read.timelines.search import people_found_page, tags_found_page, tweets_found_page
from linnet.read.timelines.suggestions import suggestions_screen
from linnet.read.timelines.thread import tweet_screen
from linnet.read.views.popular import SuggestionView
from linnet.write.actions.suggestions import dismiss_suggestion

_MOST: Final = 40
# Clients page by places here; further down nobody looks.
_MOST_SKIPPED: Final = 200


async def search(call: Call) -> Answer:
    """People, tweets and tags; and what an address of ours leads to."""
    params = call.query()
    typed, kind = params.text("q").strip(), params.text("type")
    limit, offset = params.count("limit", default=20, most=_MOST), _offset(params)
    if typed.startswith(("http://", "https://")) and call.viewer_id is not None:
        return answer(await _led_to(call, typed))
    found = Search(
        await _people(call, params, limit, offset) if kind in ("", "accounts") else [],
        await _statuses(call, typed, limit, offset) if kind in ("", "statuses") and call.viewer_id else [],
        await _tags(call, typed, limit, offset) if kind in ("", "hashtags") else [],
    )
    return answer(found)


async def search_accounts(call: Call) -> Answer:
    """People by their names."""
    params = call.query()
    limit, offset = params.count("limit", default=40, most=80), _offset(params)
    found = await _people(call, params, limit, offset)
    return answer(found, 200, *offset_links(call, params, found, offset=offset, limit=limit))


def _offset(params: Params) -> int:
    return min(params.number("offset") or 0, _MOST_SKIPPED)


async def _people(call: Call, params: Params, limit: int, offset: int) -> list[Account]:
    typed = params.text("q").strip()
    # With our own name behind it, it is somebody here; with another, nobody.
    name = local_name(call, typed) if "@" in typed else typed
    if not name:
        return []
    page = await people_found_page(call.read, call.viewer_id, name, Range(offset + limit))
    found = [account_of(call, user) for user in page.items[offset:]]
    if offset == 0 and params.flag("resolve"):
        # Whoever names somebody means them, though they be muted: by this, apps find whom they are to hear again.
        with suppress(UserNotFound):
            named = account_of(call, await user_by_username_screen(call.read, call.viewer_id, name))
            found = [named, *(account for account in found if account.id != named.id)][:limit]
    return found


async def _statuses(call: Call, typed: str, limit: int, offset: int) -> list[Status]:
    if not typed:
        return []
    me = (await me_screen(call.read, call.me)).username
    words = " ".join(f"from:{me}" if word == "from:me" else word for word in typed.split())
    page = await tweets_found_page(call.read, call.viewer_id, words, Range(offset + limit))
    return await statuses_of(call, page.items[offset:])


async def _tags(call: Call, typed: str, limit: int, offset: int) -> list[Tag]:
    if not typed.removeprefix("#"):
        return []
    page = await tags_found_page(call.read, typed, Range(offset + limit))
    return await tags_of(call, [tag.tag for tag in page.items[offset:]])


async def _led_to(call: Call, address: str) -> Search:
    """What is at an address of ours; nothing for those of others."""
    parts = parts_of_address(call.base, address)
    try:
        if len(parts) == 1:
            user = await user_by_username_screen(call.read, call.viewer_id, parts[0])
            return Search([account_of(call, user)], [], [])
        tweet_id = parse_id(parts[1]) if len(parts) == 2 else None
        if tweet_id is not None:
            shown = await tweet_screen(call.read, call.viewer_id, TweetId(tweet_id))
            return Search([], [await status_of(call, shown)], [])
    except NotFound:
        pass
    return Search([], [], [])


async def get_trending_tags(call: Call) -> Answer:
    """What is talked about."""
    params = call.query()
    limit, offset = params.count("limit", default=10, most=20), _offset(params)
    found = (await call.read.trending.fetch(offset + limit))[offset:]
    return answer(await tags_of(call, [tag.display for tag in found]))


async def get_trending_statuses(call: Call) -> Answer:
    """What is liked."""
    params = call.query()
    limit, offset = params.count("limit", default=20, most=_MOST), _offset(params)
    items = await top_tweets(call.read, call.viewer_id, offset + limit)
    return answer(await statuses_of(call, items[offset:]))


async def get_suggestions(call: Call) -> Answer:
    """Whom one might follow, and why."""
    limit = call.query().count("limit", default=40, most=80)
    found = await suggestions_screen(call.read, call.me, limit)
    return answer([_suggestion(call, item) for item in found.items])


async def get_old_suggestions(call: Call) -> Answer:
    """Whom one might follow."""
    limit = call.query().count("limit", default=40, most=80)
    found = await suggestions_screen(call.read, call.me, limit)
    return answer([account_of(call, item.user) for item in found.items])


async def dismiss(call: Call) -> Answer:
    """Whoever it is, they are not suggested any more."""
    number = parse_id(call.path["account_id"])
    if number is None:
        raise UserNotFound
    await dismiss_suggestion(call.write, call.me, UserId(number))
    return answer({})


def _suggestion(call: Call, item: SuggestionView) -> Suggestion:
    """Whom nobody follows whom one follows is suggested since many follow them."""
    if item.followed_by.count:
        return Suggestion("past_interactions", ["friends_of_friends"], account_of(call, item.user))
    return Suggestion("global", ["most_followed"], account_of(call, item.user))


ROUTES = (
    Route("GET", "/api/v2/search", search, ("read:search",), access="viewer", limit="search"),
    Route("GET", "/api/v1/accounts/search", search_accounts, ("read:accounts",), limit="search"),
    Route("GET", "/api/v1/suggestions", get_old_suggestions, ("read",)),
    Route("GET", "/api/v2/suggestions", get_suggestions, ("read",)),
    # As it is published: it changes only whom oneself is shown.
    Route("DELETE", "/api/v1/suggestions/{account_id}", dismiss, ("read",)),
    Route("GET", "/api/v1/trends", get_trending_tags, access="viewer"),
    Route("GET", "/api/v1/trends/tags", get_trending_tags, access="viewer"),
    Route("GET", "/api/v1/trends/statuses", get_trending_statuses, ("read:statuses",), access="viewer"),
)
