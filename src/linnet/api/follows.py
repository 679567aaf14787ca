"""Following people."""

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import IdText, require_id
from linnet.errors import Blocked, CannotFollowYourself, UserNotFound
from linnet.ids import UserId
from linnet.read.timelines.people import user_screen
from linnet.read.views.users import UserView
from linnet.write.actions import follows


class FollowBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``follow`` false: unfollow."""

    user_id: IdText
    follow: bool


async def put_follow(call: Call) -> Answer:
    """Follow somebody

    Quiet when it is so already. Answers the user who is followed now; their tweets are in one's home timeline at once.
    Whoever is `locked` is asked first: then `viewer.requested` says that one waits.
    """
    return await _follow(call, call.user_id(), wanted=True)


async def delete_follow(call: Call) -> Answer:
    """Unfollow somebody

    Quiet when it is so already. Answers the user; their tweets are gone from one's home timeline at once. A request
    that waits is taken back.
    """
    return await _follow(call, call.user_id(), wanted=False)


async def delete_follower(call: Call) -> Answer:
    """Be rid of a follower

    Ends somebody's follow of oneself as they would; they are not told, and may follow again. Quiet when there is none.
    """
    user_id = call.user_id()
    await follows.remove_follower(call.services.write, call.actor.user_id, user_id)
    return view_answer(await user_screen(call.services.read, call.actor.user_id, user_id))


async def post_follow(call: Call) -> Answer:
    """Follow or unfollow

    Another spelling of `PUT` and `DELETE /api/users/{user_id}/follow`.
    """
    body = await call.fields(FollowBody)
    return await _follow(call, UserId(require_id("user_id", body.user_id)), wanted=body.follow)


async def _follow(call: Call, user_id: UserId, *, wanted: bool) -> Answer:
    act = follows.follow if wanted else follows.unfollow
    await act(call.services.write, call.actor.user_id, user_id)
    return view_answer(await user_screen(call.services.read, call.actor.user_id, user_id))


_PROBLEMS = (UserNotFound, CannotFollowYourself)
_USER = Success("The user.", UserView, examples.ADA)

ENDPOINTS = (
    Endpoint(
        "PUT",
        "/api/users/{user_id}/follow",
        put_follow,
        "follows",
        _USER,
        problems=(*_PROBLEMS, Blocked),
        limit="follow",
    ),
    Endpoint(
        "DELETE",
        "/api/users/{user_id}/follow",
        delete_follow,
        "follows",
        Success("The user.", UserView, examples.ADA_UNFOLLOWED),
        problems=_PROBLEMS,
    ),
    Endpoint(
        "DELETE",
        "/api/me/followers/{user_id}",
        delete_follower,
        "follows",
        Success("The user.", UserView, examples.LINUS_A_STRANGER),
        problems=_PROBLEMS,
    ),
    Endpoint(
        "POST",
        "/api/follow",
        post_follow,
        "other spellings",
        _USER,
        body=FollowBody,
        body_example=FollowBody(examples.ADA_ID, follow=True),
        problems=(*_PROBLEMS, Blocked),
        limit="follow",
    ),
)
