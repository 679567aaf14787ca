"""Who asked to follow one: whoever is locked lets them, or does not."""

from linnet.api import examples
from linnet.api.answers import Answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import PAGE
from linnet.errors import CannotFollowYourself, RequestNotFound, UserNotFound
from linnet.read.timelines.people import requesters_page, user_screen
from linnet.read.views.pages import PageView
from linnet.read.views.users import UserView
from linnet.write.actions import followrequests


async def list_follow_requests(call: Call) -> Answer:
    """List who asked to follow one

    Newest request first. Nobody else sees this list. Whoever is not `locked` is not asked: people follow at once.
    """
    return view_answer(await requesters_page(call.services.read, call.actor.user_id, call.range()))


async def put_follow_request(call: Call) -> Answer:
    """Let somebody follow who asked to

    Quiet when they follow already. One's tweets are in their home timeline at once.
    """
    user_id = call.user_id()
    await followrequests.accept(call.services.write, call.actor.user_id, user_id)
    return view_answer(await user_screen(call.services.read, call.actor.user_id, user_id))


async def delete_follow_request(call: Call) -> Answer:
    """Refuse somebody who asked to follow

    They are not told, and may ask again. Quiet when they do not ask; a follow that there is stays.
    """
    user_id = call.user_id()
    await followrequests.refuse(call.services.write, call.actor.user_id, user_id)
    return view_answer(await user_screen(call.services.read, call.actor.user_id, user_id))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/me/follow-requests",
        list_follow_requests,
        "follows",
        Success("A page of users.", PageView[UserView], examples.ASKING),
        query=PAGE,
    ),
    Endpoint(
        "PUT",
        "/api/me/follow-requests/{user_id}",
        put_follow_request,
        "follows",
        Success("The user.", UserView, examples.LINUS_ACCEPTED),
        problems=(UserNotFound, RequestNotFound, CannotFollowYourself),
    ),
    Endpoint(
        "DELETE",
        "/api/me/follow-requests/{user_id}",
        delete_follow_request,
        "follows",
        Success("The user.", UserView, examples.LINUS_A_STRANGER),
        problems=(UserNotFound, CannotFollowYourself),
    ),
)
