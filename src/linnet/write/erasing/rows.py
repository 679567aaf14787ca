"""First part: the rows of an account that is being erased, and its mentions among the rows of others.

Every step is a transaction of its own that takes a page and is run until it finds nothing. What others must see of it
(counters, notes, caches, windows) is done by events, the same as if the person had deleted each tweet and unliked each
one: so a step that was committed is never lost, and one that was not is done again. Killed anywhere, it is begun again
from the start, and finds what is left.
"""

from collections.abc import Awaitable, Callable, Collection

import msgspec

from linnet.domain.event import Event, FollowsErased, TopUserCrossed, TweetRef, TweetUnliked, VoteErased
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import edits, erasure, fanout, notifications, outbox, users
from linnet.stores.postgres.erasure import Shown, Versions
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Session, run_again
from linnet.stores.valkey.changes import Change
from linnet.write.actions.avatars import remove_avatar
from linnet.write.after_commit import best_effort, forget, wake
from linnet.write.deps import WriteDeps
from linnet.write.erasing.attachments import erase_all
from linnet.write.fanout.oldtweets import are_old_tweets_done
from linnet.write.fanout.topusers import cross
from linnet.write.jobs.job import NotYet

Step = Callable[[WriteDeps, Session, UserId], Awaitable[bool]]
"""Does a page in a transaction; False when there was nothing to do."""

_PAGE_SIZE = 100
_FOLLOWS_PER_EVENT = 500
_WAIT_SECONDS = 1.0
_UPGRADE_SECONDS = 30.0


async def erase_rows(deps: WriteDeps, user_id: UserId, *, left_ms: int) -> None:
    """Takes all of it but the account's own row. Raises ``NotYet`` as long as events about the person wait."""
    if await users.find_account(deps.db, user_id) is not None:
        raise ValueError("this account stays: nobody asked to erase it")
    if not await are_old_tweets_done(deps.db):
        # Until then it is not known of all tweets whom they mention.
        raise NotYet("old tweets are being gone through after an upgrade", seconds=_UPGRADE_SECONDS)
    await remove_avatar(deps, user_id)
    await remove_avatar(deps, user_id, use="header")
    await _replay_parked(deps, user_id, left_ms)
    # Events of others that are still to be applied make notes under this person's tweets: then these are all there.
    await _wait_for_events(deps, user_id)
    for step in (
        *(_release_replies, _release_directs, _drop_mentions, _delete_tweets, _delete_likes, _delete_votes),
        *(_drop_requests, _delete_follows),
    ):
        await _to_the_end(deps, step, user_id)
    # Nobody is shown them any more.
    if not await erase_all(deps, user_id):
        raise NotYet("pictures may not be deleted just now", seconds=_UPGRADE_SECONDS)
    await best_effort([wake(deps, user_id)], what="erase an account")
    await _wait_for_events(deps, user_id)
    # A record that no counter's crossing took away.
    await cross(deps, TopUserCrossed(user_id, up=False))
    for step in (
        *(_drop_blocks, _drop_mutes, _drop_bookmarks, _drop_remarks, _drop_reports, _drop_lists, _drop_filters),
        *(_drop_shown, _drop_conversations, _drop_told, _drop_caused),
    ):
        await _to_the_end(deps, step, user_id)
    await run_again(lambda: _drop_rest(deps, user_id))


async def free_replies(deps: WriteDeps, session: Session, user_id: UserId, replies: Collection[TweetRef]) -> None:
    """Replies to the person answer nobody from now on, here and in every cache."""
    locked = await fanout.lock_tweets(session, replies)
    if locked:
        await _announce(deps, await erasure.answer_nobody(session, user_id, locked))


async def _to_the_end(deps: WriteDeps, step: Step, user_id: UserId) -> None:
    async def page() -> bool:
        async with deps.db.transaction() as session:
            return await step(deps, session, user_id)

    while await run_again(page):
        pass


async def _wait_for_events(deps: WriteDeps, user_id: UserId) -> None:
    if await erasure.is_in_outbox(deps.db, user_id):
        raise NotYet("events about the person wait", seconds=_WAIT_SECONDS)


async def _replay_parked(deps: WriteDeps, user_id: UserId, left_ms: int) -> None:
    """Gives events that failed another chance, once: without their effects, counters of others would stay wrong."""
    while parked := await erasure.fetch_parked(deps.db, user_id, before_ms=left_ms, page_size=_PAGE_SIZE):
        for actor_id, event_id in parked:
            async with deps.db.transaction() as session:
                await outbox.replay(session, actor_id=actor_id, event_id=event_id)


async def _release_replies(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    """Replies of others stay, and do not say any more whom they answer."""
    notes = await erasure.fetch_reply_notes(session, user_id, page_size=_PAGE_SIZE)
    if notes:
        await free_replies(deps, session, user_id, {note.reply for note in notes})
        await erasure.delete_reply_notes(session, user_id, notes)
    return bool(notes)


async def _release_directs(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    """The same of direct replies, which are noted with the person and not under their tweets."""
    replies = await erasure.fetch_direct_replies(session, user_id, page_size=_PAGE_SIZE)
    if replies:
        await free_replies(deps, session, user_id, replies)
        await erasure.delete_direct_replies(session, user_id, replies)
    return bool(replies)


async def _drop_mentions(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    """Tweets of others keep their text; the name in it leads nowhere any more."""
    mentioning = await erasure.fetch_mentions(session, user_id, page_size=_PAGE_SIZE)
    if mentioning:
        await _unlink(deps, session, user_id, mentioning)
        await erasure.delete_mentions(session, user_id, mentioning)
    return bool(mentioning)


async def _unlink(deps: WriteDeps, session: Session, user_id: UserId, tweets: Collection[TweetRef]) -> None:
    locked = await fanout.lock_tweets(session, tweets)
    shown = await erasure.fetch_entities(session, locked) if locked else []
    changed = [_without(item, user_id) for item in shown if TweetRef(item.author_id, item.id) in locked]
    if changed:
        await _announce(deps, await erasure.update_entities(session, changed))


def _without(shown: Shown, user_id: UserId) -> Shown:
    entities = msgspec.json.decode(shown.entities)
    entities["mentions"] = [mention for mention in entities["mentions"] if mention["user_id"] != str(user_id)]
    return Shown(shown.author_id, shown.id, msgspec.json.encode(entities).decode())


async def _delete_tweets(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    deleted = await erasure.delete_tweets(session, user_id, page_size=_PAGE_SIZE)
    if deleted:
        await edits.delete_versions(session, user_id, [event.tweet_id for event in deleted])
    await _append(deps, session, deleted)
    return bool(deleted)


async def _delete_likes(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    unliked = await erasure.delete_likes(session, user_id, page_size=_PAGE_SIZE)
    await _append(deps, session, [TweetUnliked(user_id, ref) for ref in unliked])
    return bool(unliked)


async def _delete_votes(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    voted = await erasure.delete_votes(session, user_id, page_size=_PAGE_SIZE)
    await _append(deps, session, [VoteErased(user_id, ref) for ref in voted])
    return bool(voted)


async def _delete_follows(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    followers = await erasure.delete_followers(session, user_id, page_size=_FOLLOWS_PER_EVENT)
    following = await erasure.delete_following(session, user_id, page_size=_FOLLOWS_PER_EVENT)
    if not followers and not following:
        return False
    await _append(deps, session, [FollowsErased(user_id, tuple(followers), tuple(following))])
    return True


async def _drop_requests(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    return bool(await erasure.delete_requests(session, user_id, page_size=_FOLLOWS_PER_EVENT))


async def _drop_blocks(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    return bool(await erasure.delete_blocks(session, user_id, page_size=_FOLLOWS_PER_EVENT))


async def _drop_mutes(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    return bool(await erasure.delete_mutes(session, user_id, page_size=_FOLLOWS_PER_EVENT))


async def _drop_bookmarks(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    return bool(await erasure.delete_bookmarks(session, user_id, page_size=_FOLLOWS_PER_EVENT))


async def _drop_remarks(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    return bool(await erasure.delete_remarks(session, user_id, page_size=_FOLLOWS_PER_EVENT))


async def _drop_reports(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    return bool(await erasure.delete_reports(session, user_id, page_size=_FOLLOWS_PER_EVENT))


async def _drop_lists(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    return bool(await erasure.delete_lists(session, user_id, page_size=_FOLLOWS_PER_EVENT))


async def _drop_shown(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    return bool(await erasure.delete_shown(session, user_id, page_size=_FOLLOWS_PER_EVENT))


async def _drop_filters(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    return bool(await erasure.delete_filters(session, user_id, page_size=_FOLLOWS_PER_EVENT))


async def _drop_conversations(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    return bool(await erasure.delete_conversations(session, user_id, page_size=_FOLLOWS_PER_EVENT))


async def _drop_told(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    return bool(await erasure.delete_notifications(session, user_id, page_size=_FOLLOWS_PER_EVENT))


async def _drop_caused(deps: WriteDeps, session: Session, user_id: UserId) -> bool:
    """What others were told about the person."""
    told = await erasure.fetch_notified(session, user_id, page_size=_PAGE_SIZE)
    if told:
        versions = await notifications.lock_states(session, dict.fromkeys(told, 0), floor=deps.ids.mint())
        lost = await notifications.delete_between(session, [(reader_id, user_id) for reader_id in told])
        await notifications.shrink(session, lost)
        await deps.badges.doubt(versions)
    return bool(told)


async def _drop_rest(deps: WriteDeps, user_id: UserId) -> None:
    """What there is little of; and what events that could not be applied a second time either say of the person."""
    async with deps.db.transaction() as session:
        unheard_of = await erasure.fetch_parked_tweets(session, user_id)
        await free_replies(deps, session, user_id, unheard_of)
        await _unlink(deps, session, user_id, unheard_of)
        await erasure.clear_parked(session, user_id)
        await erasure.delete_own(session, user_id)


async def _append(deps: WriteDeps, session: Session, events: Collection[Event]) -> None:
    for event in events:
        await outbox.append(session, NewEvent.of(event, deps.ids.mint()))


async def _announce(deps: WriteDeps, versions: Versions) -> None:
    """Before the commit: nobody can cache the old rows again. What a process remembers is a second old at most."""
    await deps.cache.put_stale([(deps.keys.tweet(tweet_id), version) for tweet_id, version in versions])
    tweet_ids: tuple[TweetId, ...] = tuple(tweet_id for tweet_id, _ in versions)
    await best_effort([forget(deps, Change(tweet_ids=tweet_ids))], what="erase an account")
