"""Lists of people."""

from collections.abc import Awaitable, Callable, Collection
from functools import partial

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import PeopleListEntity
from linnet.api.mastodon.paging import view_links, wanted_of
from linnet.api.mastodon.params import Params
from linnet.api.mastodon.rendering import account_of
from linnet.api.mastodon.timelines import page_of
from linnet.api.params import parse_id
from linnet.domain.lists import PeopleList, Replies, check_replies
from linnet.domain.timeline import Range
from linnet.errors import ListNotFound, NotFollowed, UserNotFound
from linnet.ids import UserId
from linnet.read.timelines.lists import list_page, list_screen, lists_screen, lists_with, members_page
from linnet.write.actions import lists
from linnet.write.deps import WriteDeps

_ALL = 5000
"""Of those who ask for all members with ``limit=0``."""


def entity_of(one: PeopleList) -> PeopleListEntity:
    return PeopleListEntity(str(one.id), one.title, one.replies, one.exclusive)


async def get_lists(call: Call) -> Answer:
    """The oldest first."""
    return answer([entity_of(one) for one in await lists_screen(call.read, call.me)])


async def get_list(call: Call) -> Answer:
    """One's own."""
    return answer(entity_of(await list_screen(call.read, call.me, _id(call))))


async def post_list(call: Call) -> Answer:
    """With nobody on it."""
    params = await call.body()
    made = await lists.create_list(
        call.write,
        call.me,
        title=params.text("title"),
        replies=_replies(params) or "list",
        exclusive=params.flag("exclusive"),
    )
    return answer(entity_of(made))


async def put_list(call: Call) -> Answer:
    """What is not said stays as it is."""
    params, list_id = await call.body(), _id(call)
    changed = await lists.change_list(
        call.write,
        call.me,
        list_id,
        title=params.text("title") if params.has("title") else None,
        replies=_replies(params),
        exclusive=params.flag("exclusive") if params.has("exclusive") else None,
    )
    return answer(entity_of(changed))


def _replies(params: Params) -> Replies | None:
    text = params.text("replies_policy")
    return check_replies(text, field="replies_policy") if text else None


async def delete_list(call: Call) -> Answer:
    """Who is on it is followed all the same."""
    await lists.delete_list(call.write, call.me, _id(call))
    return answer({})


async def get_list_accounts(call: Call) -> Answer:
    """Who is on it, whoever came last first."""
    params, list_id = call.query(), _id(call)
    wanted = wanted_of(params, default=40, most=80).range
    if params.text("limit").strip() == "0":
        wanted = Range(_ALL, wanted.before, wanted.after)
    page = await members_page(call.read, call.me, list_id, wanted)
    return answer([account_of(call, user) for user in page.items], 200, *view_links(call, params, page))


_Verb = Callable[[WriteDeps, UserId, int, Collection[UserId]], Awaitable[None]]


async def _change_accounts(verb: _Verb, call: Call) -> Answer:
    """All of those who are named, or none. The ids may stand in the body of a DELETE too."""
    params, list_id = await call.body(), _id(call)
    ids = [parse_id(text.strip()) for text in params.texts("account_ids")]
    try:
        await verb(call.write, call.me, list_id, [UserId(each or 0) for each in ids])
    except NotFollowed as error:
        # There is no such follow.
        raise UserNotFound from error
    return answer({})


async def get_account_lists(call: Call) -> Answer:
    """Those of one's lists that somebody is on."""
    return answer([entity_of(one) for one in await lists_with(call.read, call.me, call.user_id())])


async def get_list_timeline(call: Call) -> Answer:
    """What its members write."""
    list_id = _id(call, "list_id")
    return await page_of(call, call.query(), lambda wanted: list_page(call.read, call.me, list_id, wanted))


def _id(call: Call, name: str = "id") -> int:
    number = parse_id(call.path[name])
    if number is None:
        raise ListNotFound
    return number


_ONE = "/api/v1/lists/{id}"
_READ, _WRITE = ("read:lists",), ("write:lists",)

ROUTES = (
    Route("GET", "/api/v1/lists", get_lists, _READ),
    Route("POST", "/api/v1/lists", post_list, _WRITE),
    Route("GET", _ONE, get_list, _READ),
    Route("PUT", _ONE, put_list, _WRITE),
    Route("DELETE", _ONE, delete_list, _WRITE),
    Route("GET", f"{_ONE}/accounts", get_list_accounts, _READ),
    Route("POST", f"{_ONE}/accounts", partial(_change_accounts, lists.add_members), _WRITE),
    Route("DELETE", f"{_ONE}/accounts", partial(_change_accounts, lists.remove_members), _WRITE),
    Route("GET", "/api/v1/accounts/{id}/lists", get_account_lists, _READ),
    Route("GET", "/api/v1/timelines/list/{list_id}", get_list_timeline, _READ),
)
