"""Lists of people: whose tweets one reads by themselves."""

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, no_content, page_answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import PAGE
from linnet.domain.lists import check_replies
from linnet.errors import Invalid, ListNotFound, NotFollowed, TooManyLists, UserNotFound
from linnet.read.timelines.lists import list_page, list_screen, lists_screen, lists_with, members_page
from linnet.read.timelines.people import user_screen
from linnet.read.views.lists import ListsView, ListView, list_view
from linnet.read.views.pages import PageView
from linnet.read.views.tweets import TweetView
from linnet.read.views.users import UserView
from linnet.write.actions import lists


class ListBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``replies``: to whom members' replies are shown, `followed`, `list` or `none`."""

    title: str
    replies: str = "list"
    exclusive: bool = False


class ListPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out or null stays as it is."""

    title: str | None = None
    replies: str | None = None
    exclusive: bool | None = None


async def list_lists(call: Call) -> Answer:
    """List one's lists

    The oldest first; nobody else's are ever seen.
    """
    found = await lists_screen(call.services.read, call.actor.user_id)
    return view_answer(ListsView([list_view(one) for one in found]))


async def post_list(call: Call) -> Answer:
    """Make a list

    Up to 50. `replies` says which replies of its members are shown: those to people whom one follows (`followed`), to
    other members (`list`), or to nobody (`none`); replies to oneself always are. What members of an `exclusive` list
    write is not in one's home timeline.
    """
    body = await call.fields(ListBody)
    made = await lists.create_list(
        call.services.write,
        call.actor.user_id,
        title=body.title,
        replies=check_replies(body.replies, field="replies"),
        exclusive=body.exclusive,
    )
    return view_answer(list_view(made), 201)


async def get_list(call: Call) -> Answer:
    """Read what a list is called, and how it is made

    One's own.
    """
    return view_answer(list_view(await list_screen(call.services.read, call.actor.user_id, call.list_id())))


async def patch_list(call: Call) -> Answer:
    """Change a list

    What is left out stays as it is.
    """
    body = await call.fields(ListPatch)
    changed = await lists.change_list(
        call.services.write,
        call.actor.user_id,
        call.list_id(),
        title=body.title,
        replies=None if body.replies is None else check_replies(body.replies, field="replies"),
        exclusive=body.exclusive,
    )
    return view_answer(list_view(changed))


async def delete_list(call: Call) -> Answer:
    """Delete a list

    Who is on it is followed all the same.
    """
    await lists.delete_list(call.services.write, call.actor.user_id, call.list_id())
    return no_content()


async def list_list_tweets(call: Call) -> Answer:
    """Read what the members of a list write

    Tweets and retweets, newest first, down to the very first, without whom one blocks or mutes.
    """
    return page_answer(await list_page(call.services.read, call.actor.user_id, call.list_id(), call.range()))


async def list_list_members(call: Call) -> Answer:
    """List who is on a list

    Whoever came last stands first. Cursors are of places on the list.
    """
    return view_answer(await members_page(call.services.read, call.actor.user_id, call.list_id(), call.range()))


async def put_list_member(call: Call) -> Answer:
    """Put somebody on a list

    Whom one follows, or oneself. Quiet when they are on it already. Unfollowing takes them off. Answers the user.
    """
    user_id = call.user_id()
    await lists.add_members(call.services.write, call.actor.user_id, call.list_id(), [user_id])
    return view_answer(await user_screen(call.services.read, call.actor.user_id, user_id))


async def delete_list_member(call: Call) -> Answer:
    """Take somebody off a list

    Quiet when they are not on it. Answers the user.
    """
    user_id = call.user_id()
    user = await user_screen(call.services.read, call.actor.user_id, user_id)
    await lists.remove_members(call.services.write, call.actor.user_id, call.list_id(), [user_id])
    return view_answer(user)


async def list_user_lists(call: Call) -> Answer:
    """List which of one's lists somebody is on

    The oldest first.
    """
    found = await lists_with(call.services.read, call.actor.user_id, call.user_id())
    return view_answer(ListsView([list_view(one) for one in found]))


_ONE = "/api/lists/{list_id}"
_LIST = Success("The list.", ListView, examples.LIST)
_LISTS = Success("Lists, the oldest first.", ListsView, examples.LISTS)
_MEMBER = Success("The user.", UserView, examples.ADA)
_GONE = (ListNotFound,)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/api/lists", list_lists, "lists", _LISTS),
    Endpoint(
        "POST",
        "/api/lists",
        post_list,
        "lists",
        Success("The list.", ListView, examples.LIST, status=201),
        body=ListBody,
        body_example=ListBody("Finches", "list", exclusive=False),
        problems=(Invalid, TooManyLists),
    ),
    Endpoint("GET", _ONE, get_list, "lists", _LIST, problems=_GONE),
    Endpoint(
        "PATCH",
        _ONE,
        patch_list,
        "lists",
        Success("The list.", ListView, examples.LIST_CHANGED),
        body=ListPatch,
        body_example=ListPatch(title="Finches and sparrows"),
        problems=(Invalid, *_GONE),
    ),
    Endpoint("DELETE", _ONE, delete_list, "lists", Success("The list is gone.", status=204), problems=_GONE),
    Endpoint(
        "GET",
        f"{_ONE}/tweets",
        list_list_tweets,
        "lists",
        Success("A page of tweets.", PageView[TweetView], examples.LIST_TWEETS),
        query=PAGE,
        problems=_GONE,
    ),
    Endpoint(
        "GET",
        f"{_ONE}/members",
        list_list_members,
        "lists",
        Success("A page of people.", PageView[UserView], examples.LIST_MEMBERS),
        query=PAGE,
        problems=_GONE,
    ),
    Endpoint(
        "PUT",
        f"{_ONE}/members/{{user_id}}",
        put_list_member,
        "lists",
        _MEMBER,
        problems=(*_GONE, UserNotFound, NotFollowed),
    ),
    Endpoint(
        "DELETE",
        f"{_ONE}/members/{{user_id}}",
        delete_list_member,
        "lists",
        _MEMBER,
        problems=(*_GONE, UserNotFound),
    ),
    Endpoint("GET", "/api/users/{user_id}/lists", list_user_lists, "lists", _LISTS, problems=(UserNotFound,)),
)
