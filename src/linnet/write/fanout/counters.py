"""Counters and the notes under tweets: applied once, for a whole batch at a time.

A tweet that five thousand people answer at once is locked once per batch, not once per answer. Locks are taken in one
order (tweets, then users, each by id), so that the batches of two lanes never wait for each other crosswise.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.event import TopUserCrossed, TweetDeleted, TweetPosted, TweetRef, UserFollowed, UserUnfollowed
from linnet.ids import UserId
from linnet.stores.postgres import fanout, outbox, users
from linnet.stores.postgres.fanout import ReplyNote, RetweetNote, TweetDelta
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Session
from linnet.stores.postgres.users import CountDelta
from linnet.write.deps import WriteDeps

NOTES_AT_ONCE = 500


class Changed(msgspec.Struct, frozen=True):
    """Rows with a new version, and rows that are gone."""

    tweet_ids: tuple[int, ...]
    user_ids: tuple[int, ...]


async def apply_counters(
    deps: WriteDeps,
    session: Session,
    posted: Sequence[TweetPosted],
    deleted: Sequence[TweetDeleted],
    follow_changes: Sequence[UserFollowed | UserUnfollowed],
    existing: Collection[TweetRef],
) -> Changed:
    """Applies a batch's effects on counters and notes, and says what may not be cached any longer.

    ``existing``: which of the posted tweets were there at some moment since the batch was read.
    """
    counts: dict[UserId, CountDelta] = defaultdict(CountDelta)
    gone: list[TweetRef] = []
    still_there = [event for event in posted if TweetRef(event.author_id, event.tweet_id) in existing]
    tweet_counts = await _apply_notes(deps, session, still_there, deleted, counts, gone)
    for posted_event in posted:
        counts[posted_event.author_id].tweets += 1
    for deleted_event in deleted:
        if not deleted_event.going_on:
            counts[deleted_event.author_id].tweets -= 1
        gone.append(TweetRef(deleted_event.author_id, deleted_event.tweet_id))
    for change in follow_changes:
        step = 1 if isinstance(change, UserFollowed) else -1
        counts[change.follower_id].following += step
        counts[change.followed_id].followers += step

    new_tweets = await fanout.add_tweet_counts(session, tweet_counts)
    new_users = await users.add_counts(session, counts, threshold=deps.options.top_user_followers)
    for counted in new_users:
        if counted.crossed is not None:
            event = TopUserCrossed(counted.user_id, up=counted.crossed)
            await outbox.append(session, NewEvent.of(event, deps.ids.mint()))
    await deps.cache.put_stale(
        [(deps.keys.tweet(tweet_id), version) for tweet_id, version in new_tweets]
        + [(deps.keys.profile(counted.user_id), counted.version) for counted in new_users]
    )
    await deps.cache.put_gone([deps.keys.tweet(ref.tweet_id) for ref in gone])
    both: list[TweetPosted | TweetDeleted] = [*posted, *deleted]
    marked = {event.author_id for event in both if event.retweet_of is not None}
    await deps.marks.drop(marked | {ref.author_id for ref in gone})
    return Changed(
        tuple(tweet_id for tweet_id, _ in new_tweets) + tuple(ref.tweet_id for ref in gone),
        tuple(counted.user_id for counted in new_users),
    )


async def _apply_notes(
    deps: WriteDeps,
    session: Session,
    posted: Sequence[TweetPosted],
    deleted: Sequence[TweetDeleted],
    counts: dict[UserId, CountDelta],
    gone: list[TweetRef],
) -> dict[TweetRef, TweetDelta]:
    """Replies and retweets under the tweets they belong to; returns what that adds to those tweets' counters."""
    both: list[TweetPosted | TweetDeleted] = [*posted, *deleted]
    related = {event.reply_to or event.retweet_of for event in both}
    # A tweet that is there now stays until we commit: whoever deletes it then finds our notes under it.
    present = await fanout.lock_tweets(session, [ref for ref in related if ref is not None])

    def replies(events: Sequence[TweetPosted | TweetDeleted]) -> list[ReplyNote]:
        return [
            ReplyNote(event.reply_to, TweetRef(event.author_id, event.tweet_id))
            for event in events
            if event.reply_to is not None and event.reply_to in present
        ]

    def retweets(events: Sequence[TweetPosted | TweetDeleted]) -> list[RetweetNote]:
        return [
            RetweetNote(event.retweet_of, TweetRef(event.author_id, event.tweet_id))
            for event in events
            if event.retweet_of is not None and event.retweet_of in present
        ]

    deltas: dict[TweetRef, TweetDelta] = defaultdict(TweetDelta)
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

    orphans = [
        TweetRef(event.author_id, event.tweet_id)
        for event in posted
        if event.retweet_of is not None and event.retweet_of not in present
    ]
    for event in deleted:
        orphans += await _clear_notes(deps, session, TweetRef(event.author_id, event.tweet_id))
    if orphans:
        for ref in await fanout.delete_tweets(session, orphans):
            counts[ref.author_id].tweets -= 1
            gone.append(ref)
    return deltas


async def _clear_notes(deps: WriteDeps, session: Session, deleted: TweetRef) -> list[TweetRef]:
    """Takes away the notes under a deleted tweet, some at a time; returns the retweets that go with their original."""
    retweets = await fanout.delete_retweets_of(session, deleted, page_size=NOTES_AT_ONCE)
    replies = await fanout.delete_replies_of(session, deleted, page_size=NOTES_AT_ONCE)
    if len(retweets) == NOTES_AT_ONCE or replies == NOTES_AT_ONCE:
        event = TweetDeleted(deleted.author_id, deleted.tweet_id, going_on=True)
        await outbox.append(session, NewEvent.of(event, deps.ids.mint()))
    return retweets
