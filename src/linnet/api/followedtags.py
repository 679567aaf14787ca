"""Tags that one follows: their tweets stand in one's home timeline."""

from linnet.api import examples
from linnet.api.answers import Answer, no_content, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import PAGE
from linnet.errors import Invalid, TooManyFollowedTags
from linnet.read.timelines.followedtags import followed_tags_page
from linnet.read.views.pages import PageView
from linnet.read.views.tags import FollowedTagView, followed_tag_view
from linnet.write.actions import followedtags


async def list_followed_tags(call: Call) -> Answer:
    """List the tags that one follows

    Whichever one followed last first. Nobody else sees them.
    """
    return view_answer(await followed_tags_page(call.services.read, call.actor.user_id, call.range()))


async def put_tag_follow(call: Call) -> Answer:
    """Follow a tag

    Up to a hundred. Public tweets and replies that carry it are in one's home timeline at once, whoever wrote them, but
    for people whom one blocks or mutes, or has on an exclusive list. Quiet when it is so already.
    """
    followed = await followedtags.follow_tag(call.services.write, call.actor.user_id, call.path("tag"))
    return view_answer(followed_tag_view(followed))


async def delete_tag_follow(call: Call) -> Answer:
    """Unfollow a tag

    Quiet when it is so already.
    """
    await followedtags.unfollow_tag(call.services.write, call.actor.user_id, call.path("tag"))
    return no_content()


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/api/me/followed-tags",
        list_followed_tags,
        "tags",
        Success("A page of tags.", PageView[FollowedTagView], examples.FOLLOWED_TAGS),
        query=PAGE,
    ),
    Endpoint(
        "PUT",
        "/api/tags/{tag}/follow",
        put_tag_follow,
        "tags",
        Success("The tag.", FollowedTagView, examples.FOLLOWED_TAG),
        problems=(Invalid, TooManyFollowedTags),
        limit="follow",
    ),
    Endpoint(
        "DELETE",
        "/api/tags/{tag}/follow",
        delete_tag_follow,
        "tags",
        Success("The tag is followed no more.", status=204),
        problems=(Invalid,),
    ),
)
