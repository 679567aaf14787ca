"""Tags: what is talked about, and the tweets that carry one."""

from linnet.api import examples
from linnet.api.answers import Answer, page_answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import LIMIT, PAGE, range_of
from linnet.read.timelines.tag import tag_page
from linnet.read.views.pages import PageView
from linnet.read.views.tags import TagsView, tag_view
from linnet.read.views.tweets import TweetView


async def list_trending_tags(call: Call) -> Answer:
    """List the tags that trend

    By how many people used each of them lately, the later the more; a person counts once, however often they do. It is
    one list for everybody, at most a second old. Pinned tags come first. `people_count` is of the last days only,
    `tweets_count` is not; `name` is what is the same for all who write a tag.
    """
    wanted = range_of(call.query(LIMIT.name))
    found = await call.services.read.trending.fetch(wanted.limit)
    return view_answer(TagsView([tag_view(tag) for tag in found]))


async def list_tag_tweets(call: Call) -> Answer:
    """List the tweets that carry a tag

    Newest first, however they write it: `birds`, `Birds` and `%23BIRDS` are one. A tag that no tweet carries has an
    empty page, also when it is none.
    """
    return page_answer(await tag_page(call.services.read, call.viewer_id, call.path("tag"), call.range()))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/api/tags/trending",
        list_trending_tags,
        "tags",
        Success("Tags, the first one first.", TagsView, examples.TRENDING),
        access="viewer",
        query=(LIMIT,),
    ),
    Endpoint(
        "GET",
        "/api/tags/{tag}/tweets",
        list_tag_tweets,
        "tags",
        Success("A page of tweets.", PageView[TweetView], examples.TWEETS),
        access="viewer",
        query=PAGE,
    ),
)
