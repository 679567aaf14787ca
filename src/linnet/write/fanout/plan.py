"""Whose windows take which tweet: read from the truth in a fixed number of queries, whatever the size of the batch.

The reply rule is kept here on the push side, and so is the decision between pushing and pulling. Both are made from the
tweet's id and the records of top users alone, the same facts that readers decide by.
"""

from collections.abc import Mapping, Sequence

import msgspec

from linnet.domain.event import TweetPosted, TweetRef
from linnet.domain.timeline import Entry, entry_of, pack_entry
from linnet.ids import UserId
from linnet.stores.postgres import fanout, topusers
from linnet.stores.postgres.pool import Session
from linnet.stores.postgres.topusers import TopUser


class PushPlan(msgspec.Struct, frozen=True):
    """Entries, each with the packed ids of the readers to push it to. ``posted_by_top_users`` are packed entries.

    ``existing``: which of the posted tweets were still there; ``edited``: those that said something else by then.
    """

    pushes: list[tuple[Entry, bytes]]
    posted_by_top_users: tuple[bytes, ...]
    existing: frozenset[TweetRef]
    edited: frozenset[TweetRef]


def is_pulled(entry: Entry, records: Mapping[UserId, TopUser]) -> bool:
    """Whether every reader of this entry pulls it, so that pushing can be left out.

    A reply to somebody else is shown only to those who follow both sides. It is pulled when both are top users, because
    then both are in the pull sets of those readers; else the side with few followers bounds the push.
    """
    author = records.get(entry.author_id)
    if author is None or not author.covers(entry.id):
        return False
    if not entry.is_reply_to_other:
        return True
    answered = records.get(entry.related_author_id)
    return answered is not None and answered.covers(entry.id)


async def plan_pushes(session: Session, posted: Sequence[TweetPosted]) -> PushPlan:
    """The audiences of posted tweets that are still there, their authors included. Direct ones have none."""
    if not posted:
        return PushPlan([], (), frozenset(), frozenset())
    refs = [event.ref for event in posted]
    existing = await fanout.fetch_existing(session, refs)
    entries = [
        entry_of(ref, reply_to=event.reply_to, retweet_of=event.retweet_of)
        for event, ref in zip(posted, refs, strict=True)
        if ref in existing and not event.direct
    ]
    concerned = {entry.author_id for entry in entries} | {
        entry.related_author_id for entry in entries if entry.is_reply_to_other
    }
    records = await topusers.fetch(session, list(concerned)) if concerned else {}

    to_followers: dict[int, int] = {}
    to_both_by_author: dict[int, tuple[int, int]] = {}
    to_both_by_answered: dict[int, tuple[int, int]] = {}
    for ordinal, entry in enumerate(entries):
        if is_pulled(entry, records):
            continue
        if not entry.is_reply_to_other:
            to_followers[ordinal] = entry.author_id
        elif entry.author_id in records and entry.related_author_id not in records:
            to_both_by_answered[ordinal] = (entry.author_id, entry.related_author_id)
        else:
            to_both_by_author[ordinal] = (entry.author_id, entry.related_author_id)
    audiences: list[fanout.Audience] = []
    if to_followers:
        audiences += await fanout.fetch_audiences(session, to_followers)
    if to_both_by_author:
        audiences += await fanout.fetch_reply_audiences(session, to_both_by_author, walking="author")
    if to_both_by_answered:
        audiences += await fanout.fetch_reply_audiences(session, to_both_by_answered, walking="answered")

    readers = {audience.ordinal: audience.packed_ids for audience in audiences}
    pushes = [
        (entry, readers.get(ordinal, b"") + entry.author_id.to_bytes(8, "big")) for ordinal, entry in enumerate(entries)
    ]
    posted_by_top_users = tuple(pack_entry(entry) for entry in entries if entry.author_id in records)
    edited = frozenset(ref for ref, is_edited in existing.items() if is_edited)
    return PushPlan(pushes, posted_by_top_users, frozenset(existing), edited)
