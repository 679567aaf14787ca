"""Verbs: have a tweet posted later, at another time, or not at all; and post it when its time has come.

What waits went through the checks of a tweet, and goes through them once more when it is posted, by the same action.
It is posted once: the transaction that makes the tweet takes the row away, so whoever comes second finds none, and a
process that dies leaves either both or neither. Its pictures are held by it until then.
"""

import hashlib
from collections.abc import Sequence

from linnet.domain.polls import PollDraft
from linnet.domain.posts import check_post
from linnet.domain.scheduled import DAY_MS, MAX_PER_DAY, MAX_WAITING, Scheduled, ScheduledDraft, check_due
from linnet.domain.tweet import Visibility
from linnet.errors import (
    IdempotencyKeyReused,
    Invalid,
    LinnetError,
    ScheduledNotFound,
    TooManyScheduled,
    Unauthenticated,
)
from linnet.ids import AttachmentId, TweetId, UserId
from linnet.stores.postgres import attachments, preferences, scheduled, tweets
from linnet.stores.postgres.pool import Session, run_again
from linnet.write.actions.attachments import check_chosen
from linnet.write.actions.originals import find_original
from linnet.write.actions.tweets import check_asked, post_tweet
from linnet.write.deps import WriteDeps

# What is no fault of the draft: it is tried again.
_LATER = ("unavailable", "limited", "internal")


async def schedule_tweet(
    deps: WriteDeps,
    user_id: UserId,
    *,
    due_ms: int,
    text: str,
    reply_to: TweetId | None = None,
    attached: Sequence[AttachmentId] = (),
    warning: str = "",
    sensitive: bool | None = False,
    visibility: Visibility | None = "public",
    poll: PollDraft | None = None,
    idempotency_key: str | None = None,
    request_digest: bytes | None = None,
    field: str = "scheduled_at",
) -> Scheduled:
    """As ``post_tweet`` takes it, and refused for what that refuses, and for times and numbers that may not be.

    With one ``idempotency_key`` for an hour always the same one. Raises ``Invalid``, ``TweetNotFound``,
    ``TooManyScheduled``, ``IdempotencyKeyReused``; ``ScheduledNotFound`` for a key by which it was posted already.
    """
    said = [due_ms, text, reply_to, list(attached), warning, sensitive, visibility, poll]
    request_hash = request_digest or hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).digest()
    if idempotency_key is not None:
        earlier = await _find_earlier(deps, user_id, idempotency_key, request_hash)
        if earlier is not None:
            return earlier
    check_due(due_ms, now_ms=deps.clock.now_ms(), field=field)
    check_chosen(attached, most=deps.options.photos.per_tweet)
    check_post(text, deps.options.text, warning=warning, has_attachments=bool(attached))
    if poll is not None:
        check_asked(poll, attached, now_ms=due_ms)
    if reply_to is not None:
        await find_original(deps, user_id, reply_to)
    if visibility is None or sensitive is None:
        usual = await preferences.find(deps.db, user_id)
        visibility = usual.visibility if visibility is None else visibility
        sensitive = usual.sensitive if sensitive is None else sensitive
    draft = ScheduledDraft(text, reply_to, tuple(attached), warning, sensitive, visibility, poll)
    new = Scheduled(user_id, deps.ids.mint(), due_ms, draft)

    async def attempt() -> bool:
        async with deps.db.transaction() as session:
            if not await scheduled.lock(session, user_id):
                raise Unauthenticated
            if idempotency_key is not None and not await tweets.claim_key(
                session, user_id=user_id, key=idempotency_key, request_hash=request_hash, tweet_id=TweetId(new.id)
            ):
                return False
            await _check_count(session, new)
            await scheduled.insert(session, new)
            held = await attachments.hold(session, user_id, new.id, attached)
            if held < len(attached):
                raise Invalid.field(
                    "attachments", "One of these pictures is not there any more, or stands in a tweet already."
                )
            return True

    if not await run_again(attempt):
        # Another request with this key was quicker, and is committed now.
        earlier = await _find_earlier(deps, user_id, idempotency_key or "", request_hash)
        if earlier is None:
            raise ScheduledNotFound
        return earlier
    return new


async def _check_count(session: Session, one: Scheduled) -> None:
    """Raises ``TooManyScheduled``."""
    day_ms = one.due_ms - one.due_ms % DAY_MS
    counts = await scheduled.count(session, one.user_id, except_id=one.id, from_ms=day_ms, until_ms=day_ms + DAY_MS)
    if counts.waiting >= MAX_WAITING or counts.then >= MAX_PER_DAY:
        raise TooManyScheduled


async def _find_earlier(deps: WriteDeps, user_id: UserId, key: str, request_hash: bytes) -> Scheduled | None:
    used = await tweets.find_key(deps.db, user_id=user_id, key=key)
    if used is None:
        return None
    if used.request_hash != request_hash:
        raise IdempotencyKeyReused
    found = await scheduled.find(deps.db, user_id, used.tweet_id)
    if found is None:
        raise ScheduledNotFound
    return found


async def reschedule(
    deps: WriteDeps, user_id: UserId, scheduled_id: int, due_ms: int, *, field: str = "scheduled_at"
) -> Scheduled:
    """At another time; what could not be posted is tried once more then.

    Raises ``Invalid``, ``ScheduledNotFound`` for what is posted already, and ``TooManyScheduled``.
    """
    check_due(due_ms, now_ms=deps.clock.now_ms(), field=field)

    async def attempt() -> Scheduled:
        async with deps.db.transaction() as session:
            if not await scheduled.lock(session, user_id):
                raise Unauthenticated
            if not await scheduled.update_due(session, user_id, scheduled_id, due_ms):
                raise ScheduledNotFound
            found = await scheduled.find(session, user_id, scheduled_id)
            if found is None:
                raise ScheduledNotFound
            await _check_count(session, found)
            return found

    return await run_again(attempt)


async def unschedule(deps: WriteDeps, user_id: UserId, scheduled_id: int) -> None:
    """It is not posted; its pictures can be put into another tweet. Raises ``ScheduledNotFound``."""

    async def attempt() -> bool:
        async with deps.db.transaction() as session:
            there = await scheduled.delete(session, user_id, scheduled_id)
            if there:
                await attachments.let_go(session, user_id, scheduled_id, now_ms=deps.clock.now_ms())
            return there

    if not await run_again(attempt):
        raise ScheduledNotFound


async def post_scheduled(deps: WriteDeps, one: Scheduled) -> None:
    """Posts what was read as waiting. Quiet when that is not so any more; what cannot be posted says why from then on.

    Raises what is no fault of the draft: then it waits.
    """
    draft = one.draft
    try:
        await post_tweet(
            deps,
            one.user_id,
            text=draft.text,
            reply_to=draft.reply_to,
            idempotency_key=None,
            attached=draft.attached,
            warning=draft.warning,
            sensitive=draft.sensitive,
            visibility=draft.visibility,
            poll=draft.poll,
            scheduled=one,
        )
    except ScheduledNotFound:
        return
    except LinnetError as error:
        if error.kind in _LATER:
            raise
        failure = _why(error)
        await run_again(lambda: scheduled.fail(deps.db, one, failure))


def _why(error: LinnetError) -> str:
    if isinstance(error, Invalid) and error.errors:
        return error.errors[0].message
    return error.sentence
