"""Verbs: pin, unpin."""

from contextlib import suppress

import msgspec

from linnet.domain.event import TweetPinned, TweetRef
from linnet.errors import NotToBePinned, TweetNotFound, Unavailable
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import outbox, pins, tweets
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pins import Pinnable
from linnet.stores.postgres.pool import Session, run_again
from linnet.stores.valkey.changes import Change
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.write.after_commit import best_effort, forget, wake
from linnet.write.deps import WriteDeps


class PinChange(msgspec.Struct, frozen=True):
    """Which tweet it is, and which changed: it, the one that was pinned before, or none where it was so already."""

    tweet_id: TweetId
    changed_ids: tuple[TweetId, ...]


async def pin(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> PinChange:
    """Pins one's own tweet or reply; another one that was pinned is so no more. Quiet when it is so already.

    Raises ``TweetNotFound``, also for another's tweet, and ``NotToBePinned``; a retweet stands for the tweet inside it.
    """
    return await _change(deps, user_id, tweet_id, pinned=True)


async def unpin(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> PinChange:
    """Quiet when it is not pinned. Raises ``TweetNotFound``."""
    return await _change(deps, user_id, tweet_id, pinned=False)


async def _change(deps: WriteDeps, user_id: UserId, tweet_id: TweetId, *, pinned: bool) -> PinChange:
    ref = await _find_own(deps, user_id, tweet_id, to_pin=pinned)

    async def attempt() -> tuple[TweetId, ...]:
        async with deps.db.transaction() as session:
            rows = await pins.lock_pins(session, ref)
            if ref.tweet_id not in {row.id for row in rows}:
                raise TweetNotFound
            # Pinning takes another's pin; taking a pin back leaves another's alone.
            wrong = [row for row in rows if row.pinned != pinned and row.id == ref.tweet_id]
            if pinned:
                wrong += [row for row in rows if row.pinned and row.id != ref.tweet_id]
            return await _turn(deps, session, user_id, wrong)

    changed_ids = await run_again(attempt)
    if changed_ids:
        await best_effort([forget(deps, Change(tweet_ids=changed_ids)), wake(deps, user_id)], what="pin")
    return PinChange(ref.tweet_id, changed_ids)


async def _turn(deps: WriteDeps, session: Session, author_id: UserId, rows: list[Pinnable]) -> tuple[TweetId, ...]:
    """Turns each row's pin round, the old one before the new one, and says so."""
    versions: dict[TweetId, int] = {}
    for row in sorted(rows, key=lambda row: not row.pinned):
        version = await pins.update_pin(session, TweetRef(author_id, row.id), pinned=not row.pinned)
        if version is not None:
            versions[row.id] = version
    changed_ids = tuple(versions)
    if changed_ids:
        await outbox.append(session, NewEvent.of(TweetPinned(author_id, changed_ids), deps.ids.mint()))
        # Nobody reads from a Valkey that is away. To one that comes back with old values the event says it again.
        with suppress(Unavailable, ValkeyReplyError):
            await deps.cache.put_stale([(deps.keys.tweet(tweet_id), version) for tweet_id, version in versions.items()])
    return changed_ids


async def _find_own(deps: WriteDeps, user_id: UserId, tweet_id: TweetId, *, to_pin: bool) -> TweetRef:
    tweet = await tweets.find_by_id(deps.db, tweet_id)
    if tweet is None:
        raise TweetNotFound
    ref = tweet.retweet_of or tweet.ref
    if ref.author_id != user_id:
        raise TweetNotFound
    if to_pin and tweet.visibility == "direct":
        raise NotToBePinned
    return ref
