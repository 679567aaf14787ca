"""Messages: direct tweets, by the conversations that they are in. The page of a conversation is its thread."""

from typing import Any

import msgspec
from litestar import Response

from linnet.errors import ConversationNotFound
from linnet.ids import TweetId
from linnet.read.timelines.conversations import conversations_page
from linnet.read.views.conversations import ConversationView
from linnet.read.views.pages import PageView
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, parse_id
from linnet.web.folding import fold_of
from linnet.web.pages.layout import show, with_query
from linnet.write.actions.conversations import hide_conversation, mark_conversation_read

_HERE = "/messages"


async def list_messages(ask: Ask) -> Response[Any]:
    """A page of conversations. Looking is not reading: a button says that one has seen what is new."""
    encoded = msgspec.json.encode(await conversations_page(ask.services.read, ask.actor.user_id, ask.range()))
    # The people and tweets in it are JSON already.
    page = msgspec.json.decode(encoded, type=PageView[ConversationView])
    items = [(item, "" if item.last is None else fold_of(item.last, "notifications")) for item in page.items]
    older = None if page.next is None else with_query(_HERE, before=page.next)
    return await show(ask, "messages.html", title="Messages", items=items, older=older)


async def read(ask: Ask) -> Response[Any]:
    """All that has come in one is read."""
    await ask.form()
    await mark_conversation_read(ask.services.write, ask.actor.user_id, _named(ask))
    return go_to(_HERE)


async def hide(ask: Ask) -> Response[Any]:
    """Until something new comes in it. Quiet when there is none."""
    await ask.form()
    await hide_conversation(ask.services.write, ask.actor.user_id, _named(ask))
    return go_to(_HERE)


def _named(ask: Ask) -> TweetId:
    number = parse_id(ask.path("conversation_id"))
    if number is None:
        raise ConversationNotFound
    return TweetId(number)


PAGES = (
    PageRoute("GET", _HERE, list_messages),
    PageRoute("POST", "/messages/{conversation_id}/read", read),
    PageRoute("POST", "/messages/{conversation_id}/hide", hide),
)
