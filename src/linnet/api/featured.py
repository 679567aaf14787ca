"""Tags that people show on their pages."""

from linnet.api import examples
from linnet.api.answers import Answer, no_content, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.errors import Invalid, TooManyFeaturedTags, UserNotFound
from linnet.read.timelines.featured import featured_tags, used_tags
from linnet.read.views.tags import FeaturedTagsView, FeaturedTagView, TagNamesView, featured_tag_view
from linnet.write.actions import featured


async def list_featured_tags(call: Call) -> Answer:
    """List the tags on somebody's page

    In the order in which they were chosen, each with how many of their tweets carry it.
    """
    found = await featured_tags(call.services.read, call.viewer_id, call.user_id())
    return view_answer(FeaturedTagsView([featured_tag_view(one) for one in found]))


async def put_featured_tag(call: Call) -> Answer:
    """Show a tag on one's page

    Up to ten. Quiet when it is there.
    """
    made = await featured.feature_tag(call.services.write, call.actor.user_id, call.path("tag"))
    return view_answer(featured_tag_view(made))


async def delete_featured_tag(call: Call) -> Answer:
    """Show a tag no more

    Quiet when it is not there.
    """
    await featured.unfeature_by_name(call.services.write, call.actor.user_id, call.path("tag"))
    return no_content()


async def list_used_tags(call: Call) -> Answer:
    """List tags that one could show

    What one uses most of late, and does not show yet.
    """
    return view_answer(TagNamesView(await used_tags(call.services.read, call.actor.user_id)))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/api/users/{user_id}/featured-tags",
        list_featured_tags,
        "tags",
        Success("Tags, in their order.", FeaturedTagsView, examples.FEATURED_TAGS),
        access="viewer",
        problems=(UserNotFound,),
    ),
    Endpoint(
        "PUT",
        "/api/me/featured-tags/{tag}",
        put_featured_tag,
        "tags",
        Success("The tag.", FeaturedTagView, examples.FEATURED),
        problems=(Invalid, TooManyFeaturedTags),
        limit="profile",
    ),
    Endpoint(
        "DELETE",
        "/api/me/featured-tags/{tag}",
        delete_featured_tag,
        "tags",
        Success("The tag is shown no more.", status=204),
        problems=(Invalid,),
    ),
    Endpoint(
        "GET",
        "/api/me/used-tags",
        list_used_tags,
        "tags",
        Success("Tags, the most used first.", TagNamesView, examples.USED_TAGS),
    ),
)
