"""Lists in stories and histories: everybody has at most one, and what its members write is what the definition says."""

import msgspec

from linnet.domain.lists import REPLIES, PeopleList
from linnet.domain.timeline import Range
from linnet.errors import ListNotFound, NotFollowed
from linnet.ids import MAX_ID, UserId
from linnet.read.timelines.lists import list_page
from linnet.read.views.pages import PageView, page_json
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres import lists as store
from linnet.stores.postgres.queries import Query
from linnet.write.actions import lists
from tests.support.world import World

_ASIDE = Query(
    "lists.aside",
    (),
    "many",
    "select m.member_id from lists l join list_members m on m.user_id = l.user_id and m.list_id = l.id"
    " where l.user_id = %(user_id)s and l.exclusive and m.member_id <> l.user_id",
)
_STRAY = Query(
    "lists.stray",
    (),
    "many",
    "select m.user_id, m.member_id from list_members m where not exists ("
    "  select from lists l where l.user_id = m.user_id and l.id = m.list_id"
    ") or (m.member_id <> m.user_id and not exists ("
    "  select from following f where f.user_id = m.user_id and f.followed_id = m.member_id))",
)


async def put_on(process: World, name: str, other: str) -> None:
    """On the first list there is, or a new one. Nothing happens where the other is not followed."""
    user_id, member_id = process.ids[name], process.ids[other]
    found = await _find(process, user_id)
    if found is None:
        replies = REPLIES[member_id % len(REPLIES)]
        found = await lists.create_list(process.write, user_id, title=name, replies=replies, exclusive=True)
    try:
        await lists.add_members(process.write, user_id, found.id, [member_id])
    except (NotFollowed, ListNotFound):
        return


async def take_off(process: World, name: str, other: str) -> None:
    found = await _find(process, process.ids[name])
    if found is not None:
        try:
            await lists.remove_members(process.write, process.ids[name], found.id, [process.ids[other]])
        except ListNotFound:
            return


async def turn(process: World, name: str, how: int) -> None:
    """0: it is deleted. Odd: it is exclusive, or no more. The others: other replies are shown."""
    found = await _find(process, process.ids[name])
    if found is None:
        return
    try:
        if how == 0:
            await lists.delete_list(process.write, process.ids[name], found.id)
        elif how % 2:
            await lists.change_list(process.write, process.ids[name], found.id, exclusive=not found.exclusive)
        else:
            await lists.change_list(process.write, process.ids[name], found.id, replies=REPLIES[how % len(REPLIES)])
    except ListNotFound:
        return


async def _find(process: World, user_id: UserId) -> PeopleList | None:
    found = await store.fetch_by_user(process.db, user_id, page_size=1)
    return found[0] if found else None


async def set_aside_by(process: World, name: str) -> set[UserId]:
    """Who is on an exclusive list of theirs."""
    return set(await process.db.fetch(UserId, _ASIDE, user_id=process.ids[name]))


async def list_ids(process: World, name: str, list_id: int, *, limit: int) -> list[int]:
    """All of a list's timeline, page by page to the end; up again it has to be the same."""
    down: list[int] = []
    before = MAX_ID
    while True:
        page = await read(process, name, list_id, Range(limit, before))
        down += [int(item.id) for item in page.items]
        if page.next is None:
            break
        assert page.items, "a page that has a next one is not empty"
        before = int(page.next)
    up: list[int] = []
    after = 1
    while (page := await read(process, name, list_id, Range(limit, after=after))).items:
        up = [int(item.id) for item in page.items] + up
        assert page.prev is not None
        after = int(page.prev)
    assert up == down, "going up is going down"
    return down


async def read(process: World, name: str, list_id: int, wanted: Range) -> PageView[TweetView]:
    page = await list_page(process.read, process.ids[name], list_id, wanted)
    return msgspec.json.decode(page_json(page), type=PageView[TweetView], strict=True)


async def assert_lists(process: World, name: str, *, limit: int) -> None:
    """Every page of every list of theirs is what the definition says, and whoever is on a list is followed."""
    user_id = process.ids[name]
    for found in await store.fetch_by_user(process.db, user_id, page_size=100):
        expected = await store.fetch_oracle(process.db, user_id, found.id, before_id=MAX_ID, page_size=100_000)
        shown = await list_ids(process, name, found.id, limit=limit)
        assert shown == [entry.id for entry in expected], f"{name}'s list by pages of {limit}"
    assert await process.db.fetch(lambda owner, member: (owner, member), _STRAY) == [], "a place without a follow"
