"""What others did with a tweet, noted under it: replies, retweets and likes, each once, whatever is applied twice.

A note and its count go together: only a note that was not there adds, only one that was there takes away. A direct
answer is no note: what everybody may count it would tell everybody of (``fanout.conversations`` has it).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec

from linnet.domain.event import TweetDeleted, TweetPosted, TweetRef
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import fanout, likes, outbox, votes
from linnet.stores.postgres.fanout import Note, TweetDelta
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import LikeChange

NOTES_AT_ONCE = 500


LikedBy = tuple[UserId, TweetId]
"""Who likes what."""

VotedBy = tuple[UserId, TweetId]
"""Who voted where."""


class Noted(msgspec.Struct, frozen=True):
    """``deltas``: what the notes add to the tweets they stand under. ``gone``: retweets that went with their originals.

    ``unliked_by``: people whose likes went with a tweet; ``voters_of_gone``: whose votes did. ``present``: which of the
    tweets that something is said of are there, and stay so.
    """

    deltas: dict[TweetRef, TweetDelta]
    gone: list[TweetRef]
    unliked_by: set[UserId]
    voters_of_gone: set[UserId]
    present: Collection[TweetRef]


async def apply_notes(
    deps: WriteDeps,
    session: Session,
    posted: Sequence[TweetPosted],
    deleted: Sequence[TweetDeleted],
    changed_likes: Sequence[LikeChange],
    locked: Collection[TweetRef] = (),
) -> Noted:
    """Applies notes. ``posted`` holds only tweets that are still there.

    Locks the tweets that notes stand under, and ``locked``: those with polls, and edited ones.
    """
    both: list[TweetPosted | TweetDeleted] = [*posted, *deleted]
    related = {event.reply_to or event.retweet_of for event in both} | {event.tweet for event in changed_likes}
    # A tweet that is there now stays until we commit: whoever deletes it then finds our notes under it.
    present = await fanout.lock_tweets(session, {ref for ref in related if ref is not None}.union(locked))
    noted = Noted(defaultdict(TweetDelta), [], set(), set(), present)
    await _note_replies_and_retweets(session, posted, deleted, present, noted.deltas)
    orphaned_likes = await _note_likes(session, changed_likes, present, noted)
    orphaned_votes: set[VotedBy] = set()

    orphans = [event.ref for event in posted if event.retweet_of is not None and event.retweet_of not in present]
    for event in deleted:
        retweets, likes_of_it, votes_of_it = await _clear(deps, session, event.ref)
        orphans += retweets
        orphaned_likes |= likes_of_it
        orphaned_votes |= votes_of_it
    if orphans:
        noted.gone.extend(await fanout.delete_tweets(session, orphans))
    if orphaned_likes:
        await likes.delete_orphans(session, orphaned_likes)
        noted.unliked_by.update(user_id for user_id, _ in orphaned_likes)
    if orphaned_votes:
        await votes.delete_orphans(session, orphaned_votes)
        noted.voters_of_gone.update(user_id for user_id, _ in orphaned_votes)
    return noted


async def _note_replies_and_retweets(
    session: Session,
    posted: Sequence[TweetPosted],
    deleted: Sequence[TweetDeleted],
    present: Collection[TweetRef],
    deltas: dict[TweetRef, TweetDelta],
) -> None:
    def notes(pairs: Iterable[tuple[TweetRef | None, TweetRef]]) -> list[Note]:
        return [Note(under, tweet) for under, tweet in pairs if under is not None and under in present]

    def replies(events: Sequence[TweetPosted | TweetDeleted]) -> list[Note]:
        return notes((event.reply_to, event.ref) for event in events if not event.direct)

    def retweets(events: Sequence[TweetPosted | TweetDeleted]) -> list[Note]:
        return notes((event.retweet_of, event.ref) for event in events)

    # Old notes go before new ones come: whoever retweets again after an undo has one note, under the same key. That a
    # posted tweet is noted only if it is still there keeps this right when its own deletion is in the same batch, or
    # came before it because it was parked.
    if old_replies := replies(deleted):
        for parent in await fanout.delete_replies(session, old_replies):
            deltas[parent].replies -= 1
    if old_retweets := retweets(deleted):
        for original in await fanout.delete_retweets(session, old_retweets):
            deltas[original].retweets -= 1
    if new_replies := replies(posted):
        for parent in await fanout.insert_replies(session, new_replies):
            deltas[parent].replies += 1
    if new_retweets := retweets(posted):
        for original in await fanout.insert_retweets(session, new_retweets):
            deltas[original].retweets += 1


async def _note_likes(
    session: Session, changed: Sequence[LikeChange], present: Collection[TweetRef], noted: Noted
) -> set[LikedBy]:
    """Makes the notes say what the likes say now; returns likes of tweets that are gone.

    Not what the events say: so it does not matter which event comes late, or twice. Who changes their mind after we
    looked has an event of their own to come.
    """
    if not changed:
        return set()
    concerned = {(event.user_id, event.tweet) for event in changed}
    found = await likes.fetch_likes(session, {(user_id, tweet.tweet_id) for user_id, tweet in concerned})
    like_ids = {(like.user_id, like.tweet): like.id for like in found}
    # A note of an earlier like of the same person goes too, for it has an earlier place among those who like the tweet.
    old = [(user_id, tweet, like_ids.get((user_id, tweet), 0)) for user_id, tweet in concerned if tweet in present]
    if old:
        for tweet in await likes.delete_notes(session, old):
            noted.deltas[tweet].likes -= 1
    if new := [like for like in found if like.tweet in present]:
        for tweet in await likes.insert_notes(session, new):
            noted.deltas[tweet].likes += 1
    return {(like.user_id, like.tweet_id) for like in found if like.tweet not in present}


async def _clear(
    deps: WriteDeps, session: Session, deleted: TweetRef
) -> tuple[list[TweetRef], set[LikedBy], set[VotedBy]]:
    """Takes away the notes under a deleted tweet, some at a time.

    Returns what goes with it: retweets, likes, and votes.
    """
    retweets = await fanout.delete_retweets_of(session, deleted, page_size=NOTES_AT_ONCE)
    replies = await fanout.delete_replies_of(session, deleted, page_size=NOTES_AT_ONCE)
    liked_by = await likes.delete_notes_of(session, deleted, page_size=NOTES_AT_ONCE)
    voted_by = await votes.delete_notes_of(session, deleted, page_size=NOTES_AT_ONCE)
    if NOTES_AT_ONCE in (len(retweets), replies, len(liked_by), len(voted_by)):
        event = TweetDeleted(deleted.author_id, deleted.tweet_id, going_on=True)
        await outbox.append(session, NewEvent.of(event, deps.ids.mint()))
    liked = {(user_id, deleted.tweet_id) for user_id in liked_by}
    return retweets, liked, {(user_id, deleted.tweet_id) for user_id in voted_by}
