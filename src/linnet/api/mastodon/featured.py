"""Tags that people show on their pages."""

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.content import tag_url
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import FeaturedTag
from linnet.api.mastodon.tags import tags_of
from linnet.api.params import parse_id
from linnet.clock import rfc3339
from linnet.domain import featured as domain
from linnet.errors import FeaturedTagNotFound
from linnet.ids import unix_ms_of
from linnet.read.timelines.featured import featured_tags, used_tags
from linnet.write.actions import featured


async def get_featured_tags(call: Call) -> Answer:
    """One's own, in the order in which they were chosen."""
    return answer([_entity(call, one) for one in await featured_tags(call.read, call.me, call.me)])


async def get_account_featured_tags(call: Call) -> Answer:
    """Somebody's."""
    return answer([_entity(call, one) for one in await featured_tags(call.read, call.viewer_id, call.user_id())])


async def post_featured_tag(call: Call) -> Answer:
    """Quiet when it is there."""
    params = await call.body()
    return answer(_entity(call, await featured.feature_tag(call.write, call.me, params.text("name"))))


async def delete_featured_tag(call: Call) -> Answer:
    """By the id of its being shown."""
    number = parse_id(call.path["id"])
    if number is None:
        raise FeaturedTagNotFound
    await featured.unfeature_tag(call.write, call.me, number)
    return answer({})


async def get_suggestions(call: Call) -> Answer:
    """What one uses most of late, and does not show."""
    return answer(await tags_of(call, await used_tags(call.read, call.me)))


async def feature(call: Call) -> Answer:
    """By name."""
    shown = await featured.feature_tag(call.write, call.me, call.path["id"])
    return answer((await tags_of(call, [shown.display]))[0])


async def unfeature(call: Call) -> Answer:
    """By name. Quiet when it is not there."""
    await featured.unfeature_by_name(call.write, call.me, call.path["id"])
    return answer((await tags_of(call, [call.path["id"]]))[0])


def _entity(call: Call, one: domain.FeaturedTag) -> FeaturedTag:
    last_at = None if one.last_id is None else rfc3339(unix_ms_of(one.last_id))[:10]
    return FeaturedTag(str(one.id), one.display, tag_url(call.base, one.display), str(one.tweets_count), last_at)


_READ, _WRITE = ("read:accounts",), ("write:accounts",)

ROUTES = (
    Route("GET", "/api/v1/featured_tags", get_featured_tags, _READ),
    Route("POST", "/api/v1/featured_tags", post_featured_tag, _WRITE, limit="profile"),
    Route("DELETE", "/api/v1/featured_tags/{id}", delete_featured_tag, _WRITE),
    Route("GET", "/api/v1/featured_tags/suggestions", get_suggestions, _READ),
    Route("GET", "/api/v1/accounts/{id}/featured_tags", get_account_featured_tags, _READ, access="viewer"),
    Route("POST", "/api/v1/tags/{id}/feature", feature, _WRITE, limit="profile"),
    Route("POST", "/api/v1/tags/{id}/unfeature", unfeature, _WRITE),
)
