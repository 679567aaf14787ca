"""Who has which direct tweets, and where their conversations stand. Runs once for each batch, in its transaction.

A direct tweet is its author's, and that of whoever it mentions or answers and is there. Where a conversation stands is
found anew from what is in it, by whoever changes that and holds it: so it does not matter which of two batches comes
first, or whether what came went again.
"""

from linnet.domain.event import TweetRef
from linnet.domain.tweet import Tweet
from linnet.domain.visibility import audience_of
from linnet.ids import UserId
from linnet.stores.postgres import conversations, notifications, tweets
from linnet.stores.postgres.conversations import Direct
from linnet.stores.postgres.pool import Session
from linnet.write.fanout.sorting import Batch, Settled


async def apply_conversations(session: Session, batch: Batch, settled: Settled) -> None:
    """After the counters. Without direct tweets it asks nothing."""
    came = [event.ref for event in batch.posted if event.direct and event.ref in settled.existing]
    # What goes on had all of this done when it began.
    went = [event.ref for event in batch.deleted if event.direct and not event.going_on]
    if not came and not went:
        return
    directs = await _directs_of(session, came) if came else []
    places = {(direct.user_id, direct.conversation_id) for direct in directs}
    if went:
        places |= set(await conversations.fetch_of_tweets(session, went))
    if not places:
        return
    await conversations.lock(session, places)
    if directs:
        # Whoever says something in a conversation has read what was said before.
        for own in await conversations.insert(session, directs):
            await conversations.mark_read(session, own.user_id, own.conversation_id, before_id=own.tweet_id)
    if went:
        await conversations.delete_of_tweets(session, went)
    await conversations.settle(session, places)


async def _directs_of(session: Session, refs: list[TweetRef]) -> list[Direct]:
    """For everybody whom these are for. One that was deleted just now says nothing: its event is still to come."""
    rows = await tweets.fetch(session, refs)
    people = {user_id for row in rows for user_id in _people_of(row)}
    present = await notifications.fetch_present(session, people) if people else set()
    ids = {row.ref: await conversations.find_conversation_id(session, row) for row in rows}
    return [
        Direct(user_id, row.ref, ids[row.ref], row.reply_to_id)
        for row in rows
        for user_id in _people_of(row)
        if user_id in present
    ]


def _people_of(row: Tweet) -> list[UserId]:
    audience = audience_of(row)
    return list(dict.fromkeys([row.author_id, *(audience.people if audience is not None else ())]))
