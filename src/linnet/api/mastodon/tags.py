"""Tags, each with whether one follows it, and following them."""

from collections.abc import Sequence

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.content import tag_url
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import Tag
from linnet.api.mastodon.paging import view_links, wanted_of
from linnet.read.timelines.followedtags import followed_among, followed_tags_page
from linnet.write.actions import followedtags


async def tags_of(call: Call, names: Sequence[str]) -> list[Tag]:
    """These tags, in this order, as whoever asks follows them."""
    followed = await followed_among(call.read, call.viewer_id, names)
    return [_tag(call, name, following=name in followed) for name in names]


def _tag(call: Call, name: str, *, following: bool) -> Tag:
    return Tag(name, tag_url(call.base, name), [], following, name)


async def get_tag(call: Call) -> Answer:
    """A tag, whether anybody used it or not."""
    return answer((await tags_of(call, [call.path["tag"]]))[0])


async def follow(call: Call) -> Answer:
    """Quiet when it is followed. Up to a hundred."""
    followed = await followedtags.follow_tag(call.write, call.me, call.path["id"])
    return answer(_tag(call, followed.display, following=True))


async def unfollow(call: Call) -> Answer:
    """Quiet when it is not followed."""
    await followedtags.unfollow_tag(call.write, call.me, call.path["id"])
    return answer(_tag(call, call.path["id"], following=False))


async def get_followed_tags(call: Call) -> Answer:
    """Whichever was followed last first."""
    params = call.query()
    page = await followed_tags_page(call.read, call.me, wanted_of(params, default=100, most=200).range)
    return answer([_tag(call, one.tag, following=True) for one in page.items], 200, *view_links(call, params, page))


ROUTES = (
    Route("GET", "/api/v1/tags/{tag}", get_tag, access="viewer"),
    Route("POST", "/api/v1/tags/{id}/follow", follow, ("write:follows",), limit="follow"),
    Route("POST", "/api/v1/tags/{id}/unfollow", unfollow, ("write:follows",)),
    Route("GET", "/api/v1/followed_tags", get_followed_tags, ("read:follows",)),
)
