"""One's lists of people: making and changing them, who is on one, and what these write."""

from functools import partial
from typing import Any

from litestar import Response

from linnet.domain.lists import PeopleList, check_replies
from linnet.errors import Invalid, LinnetError, ListNotFound, TooManyLists
from linnet.ids import UserId
from linnet.read.timelines.lists import list_page, list_screen, lists_screen, lists_with, members_page
from linnet.read.timelines.people import user_screen
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, parse_id, safe_path
from linnet.web.cards import tweet_cards
from linnet.web.folding import visible_page
from linnet.web.pages.accounts import errors_by_field
from linnet.web.pages.errors import plainly
from linnet.web.pages.layout import older_path, show, with_query
from linnet.write.actions import lists

_NEW = {"title": "", "replies": "list", "exclusive": ""}


async def all_lists(ask: Ask) -> Response[Any]:
    """The oldest first, and a form for another one."""
    return await _show_all(ask)


async def _show_all(
    ask: Ask, *, fields: dict[str, str] | None = None, error: LinnetError | None = None
) -> Response[Any]:
    return await show(
        ask,
        "lists.html",
        title="Lists",
        error=error,
        lists=await lists_screen(ask.services.read, ask.actor.user_id),
        fields={**_NEW, **(fields or {})},
        errors=_errors_of(error),
    )


def _errors_of(error: LinnetError | None) -> dict[str, str]:
    if error is None:
        return {}
    return errors_by_field(error) if isinstance(error, Invalid) else {"": plainly(error)}


async def make(ask: Ask) -> Response[Any]:
    """What was typed is shown again when it cannot be."""
    fields = await ask.form()
    try:
        made = await lists.create_list(
            ask.services.write,
            ask.actor.user_id,
            title=fields.get("title", ""),
            replies=check_replies(fields.get("replies", "list"), field="replies"),
            exclusive=_is_exclusive(fields),
        )
    except (Invalid, TooManyLists) as error:
        ask.did_nothing = True
        return await _show_all(ask, fields=fields, error=error)
    return go_to(f"/lists/{made.id}/members")


def _is_exclusive(fields: dict[str, str]) -> bool:
    return bool(fields.get("exclusive"))


async def timeline(ask: Ask) -> Response[Any]:
    """What its members write."""
    one = await _find(ask)
    fetch = partial(list_page, ask.services.read, ask.actor.user_id, one.id)
    page = await visible_page(fetch, ask.range(), "home")
    return await show(
        ask,
        "list.html",
        title=one.title,
        one=one,
        tab="tweets",
        cards=tweet_cards(ask, page.items, context="home"),
        older=older_path(f"/lists/{one.id}", page),
    )


async def members(ask: Ask) -> Response[Any]:
    """Who is on it."""
    one = await _find(ask)
    page = await members_page(ask.services.read, ask.actor.user_id, one.id, ask.range())
    older = None if page.next is None else with_query(ask.here_path, before=page.next)
    return await show(ask, "list.html", title=one.title, one=one, tab="members", people=page.items, older=older)


async def edit(ask: Ask) -> Response[Any]:
    """What it is called, and how it is made."""
    return await _show_edit(ask, await _find(ask))


async def _show_edit(
    ask: Ask, one: PeopleList, *, fields: dict[str, str] | None = None, error: LinnetError | None = None
) -> Response[Any]:
    shown = {"title": one.title, "replies": one.replies, "exclusive": "on" if one.exclusive else ""}
    return await show(
        ask,
        "list.html",
        title=one.title,
        error=error,
        one=one,
        tab="edit",
        fields=shown if fields is None else {**_NEW, **fields},
        errors=_errors_of(error),
    )


async def save(ask: Ask) -> Response[Any]:
    """What was typed is shown again when it cannot be."""
    fields = await ask.form()
    one = await _find(ask)
    try:
        await lists.change_list(
            ask.services.write,
            ask.actor.user_id,
            one.id,
            title=fields.get("title", ""),
            replies=check_replies(fields.get("replies", one.replies), field="replies"),
            exclusive=_is_exclusive(fields),
        )
    except Invalid as error:
        ask.did_nothing = True
        return await _show_edit(ask, one, fields=fields, error=error)
    return go_to(f"/lists/{one.id}")


async def delete(ask: Ask) -> Response[Any]:
    """Who is on it is followed all the same."""
    await ask.form()
    await lists.delete_list(ask.services.write, ask.actor.user_id, _list_id(ask))
    return go_to("/lists")


async def of_person(ask: Ask) -> Response[Any]:
    """Which of one's lists somebody is on."""
    read, me = ask.services.read, ask.actor.user_id
    user = await user_screen(read, me, ask.user_id())
    on = {one.id for one in await lists_with(read, me, ask.user_id())}
    found = [(one, one.id in on) for one in await lists_screen(read, me)]
    can_be_put = user.viewer is None or user.viewer.following
    return await show(
        ask, "listed.html", title=f"Lists with {user.name}", user=user, found=found, can_be_put=can_be_put
    )


async def put_member(ask: Ask) -> Response[Any]:
    """Puts somebody on it, or takes them off, and goes back."""
    fields = await ask.form()
    member_id = UserId(parse_id(fields.get("user_id", "")) or 0)
    act = lists.remove_members if fields.get("off") else lists.add_members
    await act(ask.services.write, ask.actor.user_id, _list_id(ask), [member_id])
    return go_to(safe_path(fields.get("back", "")))


async def _find(ask: Ask) -> PeopleList:
    return await list_screen(ask.services.read, ask.actor.user_id, _list_id(ask))


def _list_id(ask: Ask) -> int:
    number = parse_id(ask.path("list_id"))
    if number is None:
        raise ListNotFound
    return number


_ONE = "/lists/{list_id}"

PAGES = (
    PageRoute("GET", "/lists", all_lists),
    PageRoute("POST", "/lists", make),
    PageRoute("GET", _ONE, timeline),
    PageRoute("GET", f"{_ONE}/members", members),
    PageRoute("POST", f"{_ONE}/members", put_member),
    PageRoute("GET", f"{_ONE}/edit", edit),
    PageRoute("POST", f"{_ONE}/edit", save),
    PageRoute("POST", f"{_ONE}/delete", delete),
    PageRoute("GET", "/users/{user_id}/lists", of_person),
)
