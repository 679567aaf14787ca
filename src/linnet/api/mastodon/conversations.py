"""Conversations: direct statuses, by what they go back to."""

from collections.abc import Sequence

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import Conversation
from linnet.api.mastodon.paging import links_of, wanted_of
from linnet.api.mastodon.rendering import accounts_by_id, statuses_of
from linnet.api.mastodon.timelines import page_of
from linnet.errors import ConversationNotFound
from linnet.ids import TweetId
from linnet.read.timelines.conversations import ToldConversation, directs_page, told_conversation, told_page
from linnet.write.actions.conversations import hide_conversation, mark_conversation_read


async def get_conversations(call: Call) -> Answer:
    """One's own, the one with the newest status first; cursors are of these."""
    params = call.query()
    wanted = wanted_of(params)
    page = await told_page(call.read, call.me, wanted.range)
    told = [each for each in page.items if each.conversation.last_id < wanted.below]
    links = links_of(call, params, next_id=page.next_id, prev_id=page.prev_id) if told else []
    return answer(await conversations_of(call, told), 200, *links)


async def read_conversation(call: Call) -> Answer:
    """All that has come in it."""
    conversation_id = TweetId(call.id_of(ConversationNotFound))
    await mark_conversation_read(call.write, call.me, conversation_id)
    [entity] = await conversations_of(call, [await told_conversation(call.read, call.me, conversation_id)])
    return answer(entity)


async def delete_conversation(call: Call) -> Answer:
    """From one's own list, until something new comes in it."""
    if not await hide_conversation(call.write, call.me, TweetId(call.id_of(ConversationNotFound))):
        raise ConversationNotFound
    return answer({})


async def get_directs(call: Call) -> Answer:
    """All direct statuses that one wrote, or that are for one."""
    me = call.me
    return await page_of(call, call.query(), lambda wanted: directs_page(call.read, me, wanted))


async def conversations_of(call: Call, told: Sequence[ToldConversation]) -> list[Conversation]:
    """In their order."""
    accounts = await accounts_by_id(call, {person for each in told for person, _ in each.people})
    last = {
        status.id: status for status in await statuses_of(call, [each.last for each in told if each.last is not None])
    }
    return [
        Conversation(
            str(each.conversation.id),
            each.conversation.unread,
            [accounts[str(person)] for person, _ in each.people if str(person) in accounts],
            last.get(str(each.conversation.shown_id)),
        )
        for each in told
    ]


_ONE = "/api/v1/conversations/{id}"

ROUTES = (
    Route("GET", "/api/v1/conversations", get_conversations, ("read:statuses",)),
    Route("POST", f"{_ONE}/read", read_conversation, ("write:conversations",)),
    Route("DELETE", _ONE, delete_conversation, ("write:conversations",)),
    Route("GET", "/api/v1/timelines/direct", get_directs, ("read:statuses",)),
)
