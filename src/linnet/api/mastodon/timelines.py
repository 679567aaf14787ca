"""Timelines: home, everyone's, and those of tags."""

from collections.abc import Awaitable, Callable

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer, raw_answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.fragments import has_pictures, id_of, statuses_json
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
    """Everyone's tweets: all are from here, and none from elsewhere."""
    params = call.query()
    if params.flag("remote"):
        return answer([])
    only_pictures = params.flag("only_media")
    return await page_of(
        call, params, lambda wanted: everyone_page(call.read, call.viewer_id, wanted, only_pictures=only_pictures)
    )


async def get_tag(call: Call) -> Answer:
    """What carries a tag. Of those with media alone, what a page of all has: which tag is with which is not kept."""
    params = call.query()
    if params.flag("remote"):
        return answer([])
    tag = call.path["tag"]
    keep = has_pictures if params.flag("only_media") else None
    return await page_of(call, params, lambda wanted: tag_page(call.read, call.viewer_id, tag, wanted), keep=keep)


async def page_of(
    call: Call,
    params: Params,
    fetch: Callable[[Range], Awaitable[Page]],
    *,
    default: int = 20,
    keep: Callable[[bytes], bool] | None = None,
) -> Answer:
    """A page of tweets of any screen, with where to go on; of them those that are to be kept."""
    page = await fetch_page(wanted_of(params, default=default), fetch, id_of)
    items = page.items if keep is None else [item for item in page.items if keep(item)]
    body = b"[%b]" % b",".join(await statuses_json(call, items))
    return raw_answer(body, 200, *page_links(call, params, page))


ROUTES = (
    Route("GET", "/api/v1/timelines/home", get_home, ("read:statuses",)),
    Route("GET", "/api/v1/timelines/public", get_public, ("read:statuses",), access="viewer"),
    Route("GET", "/api/v1/timelines/tag/{tag}", get_tag, ("read:statuses",), access="viewer"),
)
