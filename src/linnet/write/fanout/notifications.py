"""Tells people what others did that concerns them, once, and takes it back with its cause.

Likes and follows are told as the truth has them when the batch is applied, not as the events say, so an event that
comes late or again tells nothing that is not so. Everybody whose notifications change is locked first, in the order of
their ids: what one person is told has ids in the order of the commits, and whoever has read up to one has seen all
below it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from linnet.domain.event import TweetRef, UserBlocked, UserFollowed, UserUnfollowed
from linnet.domain.notification import (
    Cause,
    cause_of_edit,
    cause_of_follow,
    cause_of_like,
    cause_of_poll,
    cause_of_request,
    causes_of,
    tweet_of,
)
from linnet.domain.push import ALIKE
from linnet.domain.user import NOBODY
from linnet.ids import UserId
from linnet.stores.postgres import conversations, followrequests, likes, notifications, pushes, tweets
from linnet.stores.postgres.notifications import GroupKey
from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps
from linnet.write.fanout import notes
from linnet.write.fanout.editnews import compare_edits
from linnet.write.fanout.sorting import Batch, Settled

CAUSES_AT_ONCE = 5 * notes.NOTES_AT_ONCE
"""For one deleted tweet. A deletion that leaves notes behind comes again, and each time more causes go than notes."""


async def apply_notifications(
    deps: WriteDeps, session: Session, batch: Batch, settled: Settled
) -> Mapping[UserId, int]:
    """Applies a batch in its transaction, after its counters.

    Returns whose notifications may have changed, with the version that they have after the commit. Counts of earlier
    versions are not believed any more before it: ``docs/decisions/0020-badges.md``.
    """
    liked, unliked = await _compare_likes(session, batch)
    followed, unfollowed = await _compare_follows(session, batch)
    asked, unasked = await _compare_requests(session, batch)
    edits = await compare_edits(deps, session, batch, settled)
    told = await _note_mentions(session, batch, settled)
    polled = [cause_of_poll(user_id, tweet) for user_id, tweet in settled.polls.told]
    made = list(dict.fromkeys([*liked, *asked, *followed, *told, *edits.made, *polled]))
    ended = unliked | unasked | edits.ended
    for event in batch.deleted:
        if event.retweet_of is not None:
            ended |= {
                Cause(event.retweet_of.author_id, "retweeted", event.retweet_of.tweet_id, event.author_id),
                cause_of_edit(event.author_id, event.retweet_of),
            }
    ended -= set(made)
    # Told again: what takes the place of an earlier one is new.
    ended |= edits.renewed
    apart = {pair for _, block in batch.blocks if isinstance(block, UserBlocked) for pair in _both_ways(block)}
    gone_for = await _concerned_by_gone(session, batch, settled)
    made = await _drop_untold(session, made)

    wanted = Counter(cause.user_id for cause in made)
    wanted.update(dict.fromkeys({cause.user_id for cause in ended}, 0))
    wanted.update(dict.fromkeys(gone_for | {user_id for user_id, _ in apart}, 0))
    wanted.update({followed_id: 0 for _, followed_id in unfollowed})
    doubted = _doubted(batch)
    wanted.update(dict.fromkeys(doubted, 0))
    if not wanted:
        return {}
    # Not below what requests doubted with: what is counted from now on must be worth keeping.
    floor = max(deps.ids.mint(), *doubted.values()) if doubted else deps.ids.mint()
    last_ids = await notifications.lock_states(session, wanted, floor=floor)
    lost: list[GroupKey] = []
    if ended:
        lost += await notifications.delete(session, list(ended))
    if unfollowed:
        lost += await notifications.delete_follows(session, list(unfollowed))
    if apart:
        lost += await notifications.delete_between(session, list(apart))
    if gone_for:
        tweet_ids = [ref.tweet_id for ref in settled.gone]
        lost += await notifications.delete_about(
            session, gone_for, tweet_ids, page_size=CAUSES_AT_ONCE * len(tweet_ids)
        )
    await notifications.shrink(session, lost)
    if made:
        await notifications.insert(session, made, last_ids)
        if deps.options.push.enabled:
            # After their states are locked: whoever subscribes locks them too, and is seen here or was before us.
            await pushes.mark_due(
                session,
                {cause.user_id for cause in made},
                hurried_ids={cause.user_id for cause in made if cause.kind not in ALIKE},
                now_ms=deps.clock.now_ms(),
            )
    await deps.badges.doubt(last_ids)
    return last_ids


def _doubted(batch: Batch) -> dict[UserId, int]:
    """Whose counts changed by what they did themselves, or by a block; and the version that requests doubted with."""
    doubted: dict[UserId, int] = {event.user_id: event_id for event_id, event in batch.readings}
    changes = [(event.user_id, event_id) for event_id, event in batch.mutes]
    for event_id, event in batch.blocks:
        blocked_change_id = event.blocked_change_id if isinstance(event, UserBlocked) else event_id
        changes += [(event.user_id, event_id), (event.blocked_id, blocked_change_id)]
    for user_id, change_id in changes:
        doubted[user_id] = max(change_id, doubted.get(user_id, 0))
    return doubted


async def _compare_likes(session: Session, batch: Batch) -> tuple[list[Cause], set[Cause]]:
    """What the batch's likes cause, and what they cause no longer."""
    others = {(event.user_id, event.tweet) for event in batch.likes if event.user_id != event.tweet.author_id}
    if not others:
        return [], set()
    found = await likes.fetch_likes(session, {(user_id, tweet.tweet_id) for user_id, tweet in others})
    liked = [cause_of_like(like.user_id, like.tweet) for like in sorted(found, key=lambda like: like.id)]
    return liked, {cause_of_like(user_id, tweet) for user_id, tweet in others} - set(liked)


async def _compare_follows(session: Session, batch: Batch) -> tuple[list[Cause], set[tuple[UserId, UserId]]]:
    """What the batch's follows cause, and the (follower, followed) pairs that are follows no longer, or were not one.

    Whoever ended a follow and follows again does so on another day, perhaps: the note of the day before goes.
    """
    pairs = {(event.follower_id, event.followed_id) for _, event in batch.follows}
    if not pairs:
        return [], set()
    found = await notifications.fetch_follows(session, pairs)
    found.sort(key=lambda follow: follow.id)
    made = [cause_of_follow(follow.follower_id, follow.followed_id, follow.id) for follow in found]
    ended = {(event.follower_id, event.followed_id) for _, event in batch.follows if isinstance(event, UserUnfollowed)}
    return made, ended | pairs - {(follow.follower_id, follow.followed_id) for follow in found}


async def _compare_requests(session: Session, batch: Batch) -> tuple[list[Cause], set[Cause]]:
    """What the batch's wishes to follow cause, and what they cause no longer."""
    pairs = {(event.follower_id, event.followed_id) for event in batch.requests}
    pairs |= {
        (event.follower_id, event.followed_id)
        for _, event in batch.follows
        if isinstance(event, UserFollowed) and event.asked
    }
    if not pairs:
        return [], set()
    found = await followrequests.fetch_pairs(session, pairs)
    found.sort(key=lambda request: request.id)
    asked = [cause_of_request(request.follower_id, request.followed_id) for request in found]
    return asked, {cause_of_request(follower_id, followed_id) for follower_id, followed_id in pairs} - set(asked)


async def _note_mentions(session: Session, batch: Batch, settled: Settled) -> list[Cause]:
    """What the tweets that are still there cause; notes who is mentioned in them."""
    gone = set(settled.gone)
    there = [
        event
        for event in batch.posted
        if (ref := TweetRef(event.author_id, event.tweet_id)) in settled.existing and ref not in gone
    ]
    mentions = [
        (user_id, TweetRef(event.author_id, event.tweet_id))
        for event in there
        for user_id in event.mentions
        # Who left while the event was parked.
        if user_id != NOBODY
    ]
    if mentions:
        await notifications.insert_mentions(session, mentions)
    return [cause for event in there for cause in causes_of(event)]


async def _concerned_by_gone(session: Session, batch: Batch, settled: Settled) -> set[UserId]:
    """Who may have been told something about tweets that are gone: authors, who is answered or mentioned, voters."""
    if not settled.gone:
        return set()
    mentioned = await notifications.delete_mentions(session, settled.gone)
    return (
        {ref.author_id for ref in settled.gone}
        | {user_id for user_id, _ in mentioned}
        | settled.polls.voters_of_gone
        | {event.reply_to.author_id for event in batch.deleted if event.reply_to is not None}
    )


async def _drop_untold(session: Session, made: Sequence[Cause]) -> list[Cause]:
    """Without those that concern people who are gone, or who block each other, or conversations that were muted."""
    if not made:
        return []
    present = await notifications.fetch_present(session, {cause.user_id for cause in made})
    blocks = await notifications.fetch_blocks(
        session, {cause.user_id for cause in made} | {cause.actor_id for cause in made}
    )
    told = [
        cause
        for cause in made
        if cause.user_id in present
        and (cause.user_id, cause.actor_id) not in blocks
        and (cause.actor_id, cause.user_id) not in blocks
    ]
    return await _drop_muted(session, told)


async def _drop_muted(session: Session, made: Sequence[Cause]) -> list[Cause]:
    """Without what concerns a conversation that its person muted. One query more for those who muted none."""
    about = {cause: tweet for cause in made if (tweet := tweet_of(cause)) is not None}
    muting = await conversations.fetch_muting(session, {cause.user_id for cause in about}) if about else set()
    concerned = {cause: tweet for cause, tweet in about.items() if cause.user_id in muting}
    if not concerned:
        return list(made)
    found = {tweet.ref: tweet for tweet in await tweets.fetch(session, list(set(concerned.values())))}
    ids = {ref: await conversations.find_conversation_id(session, tweet) for ref, tweet in found.items()}
    mutes = await conversations.fetch_mutes(session, muting, set(ids.values()))
    return [
        cause for cause in made if cause not in concerned or (cause.user_id, ids.get(concerned[cause])) not in mutes
    ]


def _both_ways(block: UserBlocked) -> tuple[tuple[UserId, UserId], tuple[UserId, UserId]]:
    return (block.user_id, block.blocked_id), (block.blocked_id, block.user_id)
