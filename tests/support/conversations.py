"""Direct tweets in stories and histories: what people say to each other, and whose conversations must stand where."""

from itertools import pairwise

from linnet.domain.timeline import Range
from linnet.ids import MAX_ID, TweetId
from linnet.read.timelines.conversations import ToldConversation, directs_page, told_page
from linnet.stores.postgres import conversations as store
from linnet.stores.postgres.queries import Query
from linnet.write.actions import conversations
from tests.support.world import World

_MINE = Query(
    "conversations.mine", (), "many", "select conversation_id from conversations where user_id = %(user_id)s order by 1"
)
_ENTRIES = Query(
    "conversations.entries",
    (),
    "many",
    "select d.tweet_id from directs d join tweets t on t.author_id = d.author_id and t.id = d.tweet_id"
    " where d.user_id = %(user_id)s and not d.hidden"
    " and not exists (select from mutes m where m.user_id = d.user_id and m.muted_id = d.author_id)"
    " and not exists (select from blocks b where b.user_id = d.user_id and b.blocked_id = d.author_id)"
    " and not exists (select from blocked_by b where b.user_id = d.user_id and b.blocker_id = d.author_id)"
    " order by d.tweet_id desc",
)


async def change(process: World, name: str, which: int) -> None:
    """Reads one of somebody's conversations, or puts it away. Nothing happens where there is none."""
    user_id = process.ids[name]
    mine = await process.db.fetch(TweetId, _MINE, user_id=user_id)
    if mine and which % 2:
        await conversations.hide_conversation(process.write, user_id, mine[which % len(mine)])
    elif mine:
        await conversations.mark_conversation_read(process.write, user_id, mine[which % len(mine)])


async def all_of(process: World, name: str, *, limit: int = 15) -> list[ToldConversation]:
    """All of somebody's conversations, page by page to the end."""
    found: list[ToldConversation] = []
    before = MAX_ID
    while True:
        page = await told_page(process.read, process.ids[name], Range(limit, before))
        found += page.items
        if page.next_id is None:
            return found
        before = page.next_id


async def assert_conversations(process: World, name: str, *, limit: int = 15) -> None:
    """Every page of them equals the definition's, down, and up again; and so do the direct tweets that one has."""
    user_id = process.ids[name]
    expected = await store.fetch_oracle(process.db, user_id)
    told = [each.conversation for each in await all_of(process, name, limit=limit)]
    assert [(each.id, each.last_id, each.shown_id) for each in told] == expected, f"{name}'s conversations, going down"
    upwards: list[TweetId] = []
    after = 1
    while items := (await told_page(process.read, user_id, Range(limit, after=after))).items:
        upwards = [each.conversation.id for each in items] + upwards
        after = items[0].conversation.last_id
    assert upwards == [each.id for each in told], f"{name}'s conversations, going up"
    places = [each.last_id for each in told]
    assert all(above > below for above, below in pairwise(places)), f"{name}'s conversations are not in order: {places}"
    page = await directs_page(process.read, user_id, Range(100))
    shown = [int(item[len(b'{"id":"') : item.index(b'"', len(b'{"id":"'))]) for item in page.items]
    assert shown == await process.db.fetch(int, _ENTRIES, user_id=user_id), f"{name}'s direct tweets"
