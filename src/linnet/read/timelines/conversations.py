"""Screens: one's conversations, the one with the newest direct tweet first, and all direct tweets that one has."""

from collections.abc import Sequence

import msgspec

from linnet.domain.timeline import Entry, Range
from linnet.errors import ConversationNotFound
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hiding import fetch_hidden_among
from linnet.read.hydration.entries import hydrate
from linnet.read.timelines.filling import Skeleton, fill_page, one_more, skeleton_of
from linnet.read.views.conversations import ConversationView, conversation_view
from linnet.read.views.pages import Page, PageView
from linnet.stores.postgres import conversations
from linnet.stores.postgres.conversations import Conversation


class ToldConversation(msgspec.Struct, frozen=True):
    """As it is shown: ``people`` with the JSON of each, and that of its newest tweet; None: it goes in this moment."""

    conversation: Conversation
    people: list[tuple[UserId, bytes]]
    last: bytes | None


class ConversationsPage(msgspec.Struct, frozen=True):
    """A page; ``next_id`` None: the end. Cursors are ids of the newest tweets."""

    items: list[ToldConversation]
    next_id: int | None
    prev_id: int | None


async def conversations_page(deps: ReadDeps, user_id: UserId, wanted: Range) -> PageView[ConversationView]:
    """One's conversations, without what one put away, and without whom one does not meet."""
    page = await told_page(deps, user_id, wanted)
    return PageView(
        [_view_of(told) for told in page.items],
        None if page.next_id is None else str(page.next_id),
        None if page.prev_id is None else str(page.prev_id),
    )


async def told_page(deps: ReadDeps, user_id: UserId, wanted: Range) -> ConversationsPage:
    """The same for those who show them otherwise."""
    found = await conversations.fetch_page(deps.db, user_id, one_more(wanted))
    found = [each for each in found if each.last_id > wanted.after]
    more = len(found) > wanted.limit
    found = found[-wanted.limit :] if wanted.ascending else found[: wanted.limit]
    if not found:
        return ConversationsPage([], None, wanted.after if wanted.ascending else None)
    has_older = more or wanted.ascending
    told = await _tell(deps, user_id, found)
    return ConversationsPage(told, found[-1].last_id if has_older else None, found[0].last_id)


async def conversation_screen(deps: ReadDeps, user_id: UserId, named_id: TweetId) -> ConversationView:
    """One of one's own, named by itself or by a direct tweet in it. Raises ``ConversationNotFound``."""
    return _view_of(await told_conversation(deps, user_id, named_id))


async def told_conversation(deps: ReadDeps, user_id: UserId, named_id: TweetId) -> ToldConversation:
    """The same for those who show it otherwise."""
    found = await conversations.find(deps.db, user_id, named_id)
    if found is None:
        raise ConversationNotFound
    [told] = await _tell(deps, user_id, [found])
    return told


async def directs_page(deps: ReadDeps, user_id: UserId, wanted: Range) -> Page:
    """All direct tweets that one has, newest first, without what one put away."""

    async def fetch(rest: Range) -> Skeleton:
        return skeleton_of(await conversations.fetch_directs(deps.db, user_id, one_more(rest)), rest)

    return await fill_page(deps, user_id, wanted, fetch, surface="messages")


async def _tell(deps: ReadDeps, user_id: UserId, found: Sequence[Conversation]) -> list[ToldConversation]:
    entries = [Entry(each.shown_id, each.shown_author_id) for each in found]
    items = await hydrate(deps, user_id, entries, surface="messages")
    facts = await deps.tweets.fetch([each.shown for each in found])
    people: list[list[UserId]] = []
    for each in found:
        shown = facts.get(each.shown_id)
        audience = () if shown is None or shown.audience is None else shown.audience.people
        people.append([person for person in dict.fromkeys((each.shown_author_id, *audience)) if person != user_id])
    everybody = {person for some in people for person in some}
    unmet = (await fetch_hidden_among(deps, user_id, everybody)).on("messages")
    authors = await deps.authors.fetch({*everybody, user_id} - unmet)
    told = []
    for each, item, some in zip(found, items, people, strict=True):
        there = [(person, authors[person].json) for person in some if person in authors]
        if not there and user_id in authors:
            there = [(user_id, authors[user_id].json)]
        told.append(ToldConversation(each, there, item))
    return told


def _view_of(told: ToldConversation) -> ConversationView:
    people = [json for _, json in told.people]
    return conversation_view(told.conversation.id, unread=told.conversation.unread, people=people, last=told.last)
