"""Timelines: home, everyone's, those of tags, and what lists would have."""

from collections.abc import Awaitable, Callable

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer, raw_answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.fragments import id_of, statuses_json
from linnet.api.mastodon.paging import fetch_page, page_links, wanted_of
from linnet.api.mastodon.params import Params
from linnet.domain.timeline import Range
from linnet.read.timelines.everyone import everyone_page
from linnet.read.timelines.home import home_page
from linnet.read.timelines.tag import tag_page
from linnet.read.views.pages import Page


async def get_home(call: Call) -> Answer:
    """One's home timeline."""
    me = call.me
    return await page_of(call, call.query(), lambda wanted: home_page(call.read, me, wanted))


async def get_public(call: Call) -> Answer:
    """Everyone's tweets: all are from here, and none from elsewhere, and none has media."""
    params = call.query()
    if params.flag("remote") or params.flag("only_media"):
        return answer([])
    return await page_of(call, params, lambda wanted: everyone_page(call.read, call.viewer_id, wanted))


async def get_tag(call: Call) -> Answer:
    """What carries a tag."""
    params = call.query()
    if params.flag("remote") or params.flag("only_media"):
        return answer([])
    tag = call.path["tag"]
    return await page_of(call, params, lambda wanted: tag_page(call.read, call.viewer_id, tag, wanted))


async def page_of(
    call: Call, params: Params, fetch: Callable[[Range], Awaitable[Page]], *, default: int = 20
) -> Answer:
    """A page of tweets of any screen, with where to go on."""
    page = await fetch_page(wanted_of(params, default=default), fetch, id_of)
    body = b"[%b]" % b",".join(await statuses_json(call, page.items))
    return raw_answer(body, 200, *page_links(call, params, page))


ROUTES = (
    Route("GET", "/api/v1/timelines/home", get_home, ("read:statuses",)),
    Route("GET", "/api/v1/timelines/public", get_public, ("read:statuses",), access="viewer"),
    Route("GET", "/api/v1/timelines/tag/{tag}", get_tag, ("read:statuses",), access="viewer"),
)
