"""Counters: applied once, for a whole batch at a time.

A tweet that five thousand people like at once is locked once per batch, not once per like. Locks are taken in one
order (tweets, then users, each by id), so that the batches of two lanes never wait for each other crosswise.
"""

from collections import defaultdict

from linnet.domain.event import TopUserCrossed, TweetDeleted, TweetPosted, TweetRef, UserBlocked, UserFollowed
from linnet.ids import UserId
from linnet.stores.postgres import bookmarks, fanout, filters, outbox, tweets, users
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Session
from linnet.stores.postgres.users import CountDelta, Counted
from linnet.write.deps import WriteDeps
from linnet.write.fanout.notes import apply_notes
from linnet.write.fanout.polls import apply_polls
from linnet.write.fanout.sorting import Batch, Settled


async def apply_counters(
    deps: WriteDeps,
    session: Session,
    batch: Batch,
    existing: frozenset[TweetRef],
    edited: frozenset[TweetRef] = frozenset(),
) -> Settled:
    """Applies a batch's effects on counters and notes, and says what may not be cached any longer.

    ``existing``: which of the posted tweets were there at some moment since the batch was read; ``edited``: those of
    them that said something else by then.
    """
    still_there = [event for event in batch.posted if event.ref in existing]
    changed = edited | {event.ref for event in batch.edited}
    polls = {event.tweet for event in batch.votes} | {event.ref for event in batch.ended_polls}
    noted = await apply_notes(deps, session, still_there, batch.deleted, batch.likes, polls | changed)
    found_of_polls, polled = await apply_polls(deps, session, batch, noted)
    counts = _count_users(batch)
    for ref in noted.gone:
        counts[ref.author_id].tweets -= 1
    gone = (*noted.gone, *(event.ref for event in batch.deleted))
    if gone:
        await bookmarks.delete_of_tweets(session, gone)
        await filters.delete_of_tweets(session, gone)

    # What is counted last has the newest version of a tweet.
    new_tweets = list({t.ref: t for t in [*polled, *await fanout.add_tweet_counts(session, noted.deltas)]}.values())
    new_users = await add_people_counts(deps, session, counts)
    await deps.cache.put_stale(
        [(deps.keys.tweet(tweet.id), tweet.version) for tweet in new_tweets]
        + [(deps.keys.profile(counted.user_id), counted.version) for counted in new_users]
    )
    await deps.cache.put_gone([deps.keys.tweet(ref.tweet_id) for ref in gone])
    both: list[TweetPosted | TweetDeleted] = [*batch.posted, *batch.deleted]
    marked = {event.author_id for event in both if event.retweet_of is not None}
    marked |= {event.user_id for event in batch.likes} | {event.user_id for event in batch.bookmarks}
    marked |= {event.user_id for event in batch.filters}
    await deps.marks.drop(marked | {ref.author_id for ref in gone} | noted.unliked_by)
    rows = await tweets.fetch(session, list(changed)) if changed else []
    return Settled(existing, gone, tuple(new_tweets), tuple(new_users), found_of_polls, tuple(rows))


async def add_people_counts(deps: WriteDeps, session: Session, deltas: dict[UserId, CountDelta]) -> list[Counted]:
    """Adds to people's counters. Who crosses the threshold of top users thereby has an event of it."""
    people = await users.add_counts(session, deltas, threshold=deps.options.top_user_followers)
    for counted in people:
        if counted.crossed is not None:
            event = TopUserCrossed(counted.user_id, up=counted.crossed)
            await outbox.append(session, NewEvent.of(event, deps.ids.mint()))
    return people


def _count_users(batch: Batch) -> dict[UserId, CountDelta]:
    """What a batch adds to people's counters, apart from retweets that go with their originals."""
    counts: dict[UserId, CountDelta] = defaultdict(CountDelta)
    for posted in batch.posted:
        if not posted.direct:
            counts[posted.author_id].tweets += 1
    for deleted in batch.deleted:
        if not deleted.going_on and not deleted.direct:
            counts[deleted.author_id].tweets -= 1

    def add_follow(follower_id: UserId, followed_id: UserId, step: int) -> None:
        counts[follower_id].following += step
        counts[followed_id].followers += step

    for _, change in batch.follows:
        add_follow(change.follower_id, change.followed_id, 1 if isinstance(change, UserFollowed) else -1)
    for _, block in batch.blocks:
        if isinstance(block, UserBlocked):
            if block.was_following:
                add_follow(block.user_id, block.blocked_id, -1)
            if block.was_followed:
                add_follow(block.blocked_id, block.user_id, -1)
    for erased in batch.erased:
        for follower_id in erased.follower_ids:
            add_follow(follower_id, erased.user_id, -1)
        for followed_id in erased.followed_ids:
            add_follow(erased.user_id, followed_id, -1)
    return counts
