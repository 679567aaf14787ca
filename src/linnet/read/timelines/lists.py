"""Screens: one's lists, who is on one, and what its members write. Nobody reads anybody else's.

A list's timeline is made of its members' tweets as the older part of a home timeline is made of those who are followed:
slices of ids that widen until the page is full. Every page equals the page of ``lists.fetch_oracle``.
"""

from functools import partial

from linnet.domain.lists import MAX_LISTS, Members, PeopleList
from linnet.domain.timeline import Range
from linnet.errors import ListNotFound, UserNotFound
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import Skeleton, fill_page
from linnet.read.timelines.followed import read_sources
from linnet.read.timelines.people import people_page
from linnet.read.views.pages import Page, PageView
from linnet.read.views.users import UserView
from linnet.stores.postgres import home, lists

_NOBODY = UserId(0)


async def lists_screen(deps: ReadDeps, user_id: UserId) -> list[PeopleList]:
    """All of them, the oldest first."""
    return await lists.fetch_by_user(deps.db, user_id, page_size=MAX_LISTS)


async def lists_with(deps: ReadDeps, user_id: UserId, member_id: UserId) -> list[PeopleList]:
    """Those of one's lists that somebody is on. Raises ``UserNotFound``."""
    if not await deps.profiles.fetch([member_id]):
        raise UserNotFound
    return await lists.fetch_with_member(deps.db, user_id, member_id, page_size=MAX_LISTS)


async def list_screen(deps: ReadDeps, user_id: UserId, list_id: int) -> PeopleList:
    """Raises ``ListNotFound``, for somebody else's too."""
    found = await lists.find(deps.db, user_id, list_id)
    if found is None:
        raise ListNotFound
    return found


async def members_page(deps: ReadDeps, user_id: UserId, list_id: int, wanted: Range) -> PageView[UserView]:
    """Who is on one of one's lists, whoever came last first. Raises ``ListNotFound``."""
    await list_screen(deps, user_id, list_id)
    return await people_page(deps, user_id, partial(lists.fetch_members, deps.db, user_id, list_id), wanted)


async def list_page(deps: ReadDeps, user_id: UserId, list_id: int, wanted: Range) -> Page:
    """What the members of one of one's lists write. Raises ``ListNotFound``."""

    async def fetch(rest: Range) -> Skeleton:
        async with deps.db.snapshot() as session:
            members = await lists.find_members(session, user_id, list_id)
            if members is None:
                raise ListNotFound
            return await read_sources(deps, session, sources_of(members, user_id), rest)

    return await fill_page(deps, user_id, wanted, fetch, surface="list")


def sources_of(members: Members, owner_id: UserId) -> home.Sources:
    """Replies to the owner are shown whatever the list says, as at home."""
    authors = list(members.member_ids - members.kept_away)
    kept_away = list(members.kept_away)
    if members.replies == "followed":
        return home.Sources(authors, [*members.followed - members.kept_away, owner_id], kept_away, owner_id)
    if members.replies == "list":
        return home.Sources(authors, [*authors, owner_id], kept_away, _NOBODY)
    return home.Sources(authors, [owner_id], kept_away, _NOBODY)
