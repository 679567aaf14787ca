"""Verb: edit. Step 1 of the write path for what one's own tweet says.

*Invariants.* The row says what the tweet says now, and ``tweet_versions`` what it said before, each with the moment
from which on it did; both and the event are one transaction, in which the row is locked. So of two edits at once the
later one begins from what the first one left, of an edit and a deletion the second one sees the first, and whoever is
killed leaves all or nothing. An edit that changes nothing leaves nothing. Whom it is for and what it answers stays.

Before the commit the cache is told the row's new version, so that nobody can fill in what it said before
(docs/decisions/0006-caches.md), and after it the processes are told to forget; the event says both again.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from linnet.domain.attachments import Attachment, check_description, check_focus, pack_attachments, unpack_attachments
from linnet.domain.event import TweetEdited, TweetRef
from linnet.domain.polls import unpack_poll
from linnet.domain.posts import check_post
from linnet.domain.text import normalise
from linnet.domain.tweet import Tweet
from linnet.errors import (
    Forbidden,
    IdempotencyKeyReused,
    Invalid,
    TooManyEdits,
    TweetNotFound,
    Unavailable,
)
from linnet.ids import AttachmentId, TweetId, UserId, unix_ms_of
from linnet.stores.postgres import attachments, edits, outbox, tweets
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Session, run_again
from linnet.stores.valkey.changes import Change
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.write.actions.attachments import attach, check_chosen
from linnet.write.actions.originals import is_hidden_from
from linnet.write.actions.tweets import entities_json, find_mentioned
from linnet.write.after_commit import best_effort, forget, wake
from linnet.write.deps import WriteDeps

MAX_EDITS: Final = 100
"""Of one tweet: its history is one page, and goes with it in one transaction."""


class Described(msgspec.Struct, frozen=True):
    """What is said of a picture in the tweet; None leaves what was said."""

    id: AttachmentId
    description: str | None = None
    focus: tuple[float, float] | None = None


class Wish(msgspec.Struct, frozen=True):
    """What a tweet is to say; None stays as it is. ``attached``: all its pictures, in their order.

    A poll stays what it is, since people answered what was asked: ``poll_options`` must be those that it has.
    """

    text: str | None = None
    warning: str | None = None
    sensitive: bool | None = None
    attached: tuple[AttachmentId, ...] | None = None
    described: tuple[Described, ...] = ()
    poll_options: tuple[str, ...] | None = None


class Edited(msgspec.Struct, frozen=True):
    """The tweet as it is now. ``changed``: by this edit."""

    tweet: Tweet
    changed: bool


async def edit_tweet(
    deps: WriteDeps,
    user_id: UserId,
    tweet_id: TweetId,
    wish: Wish,
    *,
    idempotency_key: str | None = None,
    request_digest: bytes | None = None,
) -> Edited:
    """Edits one's own tweet or reply. With one ``idempotency_key`` for an hour it is done once.

    ``request_digest``: by what a request is known as the same when it comes again; by all of it if it is not given.

    Raises ``Invalid``, ``TooManyEdits``, ``IdempotencyKeyReused``; ``Forbidden`` for another's tweet, ``TweetNotFound``
    for one that is not there, or not for the user.
    """
    ref = await _find_own(deps, user_id, tweet_id)
    described = _checked(wish.described)
    if wish.attached is not None:
        check_chosen(wish.attached, most=deps.options.photos.per_tweet)
    request_hash = request_digest or _hash_request(ref, wish)
    if idempotency_key is not None and await _is_done(deps, user_id, idempotency_key, request_hash):
        return Edited(await _find_again(deps, ref), changed=False)

    async def attempt() -> Edited:
        async with deps.db.transaction() as session:
            if idempotency_key is not None and not await tweets.claim_key(
                session, user_id=user_id, key=idempotency_key, request_hash=request_hash, tweet_id=tweet_id
            ):
                # Another request with this key was quicker, and is committed now.
                await _is_done(deps, user_id, idempotency_key, request_hash)
                return Edited(await _find_again(deps, ref), changed=False)
            before = await edits.lock(session, ref)
            if before is None:
                raise TweetNotFound
            after = await _apply(deps, session, before, wish, described)
            if after is None:
                return Edited(before, changed=False)
            return Edited(await _write(deps, session, before, after), changed=True)

    edited = await run_again(attempt)
    if edited.changed:
        change = Change(tweet_ids=(tweet_id,))
        await best_effort([forget(deps, change), wake(deps, user_id)], what="edit")
    return edited


async def _find_own(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> TweetRef:
    tweet = await tweets.find_by_id(deps.db, tweet_id)
    if tweet is None:
        raise TweetNotFound
    if tweet.author_id != user_id:
        raise TweetNotFound if await is_hidden_from(deps.db, user_id, tweet) else Forbidden
    if tweet.retweet_of is not None:
        raise Invalid.field("text", "A retweet has no words of its own.")
    return tweet.ref


def _checked(described: Sequence[Described]) -> dict[AttachmentId, Described]:
    return {
        each.id: Described(
            each.id,
            None if each.description is None else check_description(each.description),
            None if each.focus is None else check_focus(*each.focus),
        )
        for each in described
    }


async def _apply(
    deps: WriteDeps, session: Session, before: Tweet, wish: Wish, described: dict[AttachmentId, Described]
) -> Tweet | None:
    """The row as it is to be; None when it is so already. Raises ``Invalid``."""
    pictures = await _pictures(session, before, wish.attached, described)
    if wish.poll_options is not None:
        asked = () if before.poll is None else tuple(unpack_poll(before.poll).options)
        if tuple(map(normalise, wish.poll_options)) != asked:
            raise Invalid.field(
                "poll", "A poll cannot be changed, nor asked later: what people chose would be another."
            )
    if pictures and before.poll is not None:
        raise Invalid.field("attachments", "A tweet has pictures or a poll, and not both.")
    packed = before.attachments
    if pictures != unpack_attachments(before.attachments):
        packed = pack_attachments(pictures)
    text = before.text if wish.text is None else normalise(wish.text)
    warning = before.warning or "" if wish.warning is None else wish.warning
    entities = before.entities
    if text != before.text or warning != (before.warning or "") or not (text or pictures):
        post = check_post(
            before.text if wish.text is None else wish.text,
            deps.options.text,
            warning=warning,
            has_attachments=bool(pictures),
        )
        if post.text.text != before.text:
            # Who came since it was posted is not mentioned by an edit that leaves the text alone.
            entities = entities_json(post.text.entities, await find_mentioned(session, post.text.entities))
            if before.visibility == "direct" and set(_mentions_in(entities)) != set(_mentions_in(before.entities)):
                raise Invalid.field("text", "Whom a direct tweet is for stays: it must mention the same people.")
        text, warning = post.text.text, post.warning or ""
    after = msgspec.structs.replace(
        before,
        text=text,
        entities=entities,
        attachments=packed,
        warning=warning or None,
        sensitive=(before.sensitive if wish.sensitive is None else wish.sensitive) or bool(warning),
    )
    return None if after == before else after


async def _pictures(
    session: Session,
    before: Tweet,
    attached: tuple[AttachmentId, ...] | None,
    described: dict[AttachmentId, Described],
) -> list[Attachment]:
    """Those that are to stand in it. One that is taken out goes with the tweet: its history shows it."""
    present = {each.id: each for each in unpack_attachments(before.attachments)}
    chosen = list(present) if attached is None else list(attached)
    if new := [attachment_id for attachment_id in chosen if attachment_id not in present]:
        present |= {each.id: each for each in await attach(session, before.ref, new)}
    found: list[Attachment] = []
    for attachment_id in chosen:
        picture = said = present[attachment_id]
        if (wish := described.get(attachment_id)) is not None:
            if wish.description is not None:
                said = msgspec.structs.replace(said, description=wish.description)
            if wish.focus is not None:
                said = msgspec.structs.replace(said, focus_x=wish.focus[0], focus_y=wish.focus[1])
        if said != picture:
            await attachments.describe_attached(session, before.ref, said)
        found.append(said)
    return found


async def _write(deps: WriteDeps, session: Session, before: Tweet, after: Tweet) -> Tweet:
    """The version before, the row, and the event; and that the cache may hold nothing older."""
    if before.edited_ms is not None and await edits.count_versions(session, before.ref) >= MAX_EDITS:
        raise TooManyEdits
    await edits.insert_version(session, before, entities=_without_mentions(before.entities))
    # Later than the version before, whatever the clock of whoever edits says.
    edited_ms = max(deps.clock.now_ms(), (before.edited_ms or unix_ms_of(before.id)) + 1)
    after = msgspec.structs.replace(after, edited_ms=edited_ms)
    version = await edits.update(session, after)
    event = TweetEdited(before.author_id, before.id, edited_ms, mentions=_mentions_in(after.entities))
    await outbox.append(session, NewEvent.of(event, deps.ids.mint()))
    # Nobody reads from a Valkey that is away. To one that comes back with old values the event says it again.
    with suppress(Unavailable, ValkeyReplyError):
        await deps.cache.put_stale([(deps.keys.tweet(before.id), version)])
    return msgspec.structs.replace(after, version=version)


def _without_mentions(entities: str | None) -> str | None:
    """A version keeps the names as text: so whoever leaves need not be looked for in what tweets said once."""
    if entities is None:
        return None
    shown: dict[str, Any] = msgspec.json.decode(entities)
    return msgspec.json.encode({**shown, "mentions": []}).decode()


def _mentions_in(entities: str | None) -> tuple[UserId, ...]:
    if entities is None:
        return ()
    shown: dict[str, Any] = msgspec.json.decode(entities)
    return tuple(dict.fromkeys(UserId(int(mention["user_id"])) for mention in shown["mentions"]))


def _hash_request(ref: TweetRef, wish: Wish) -> bytes:
    try:
        body = msgspec.json.encode(["edit", ref.tweet_id, wish])
    except UnicodeEncodeError:
        # Not something that can be said: the check of the text will say so.
        body = b""
    return hashlib.sha256(body).digest()


async def _is_done(deps: WriteDeps, user_id: UserId, key: str, request_hash: bytes) -> bool:
    used = await tweets.find_key(deps.db, user_id=user_id, key=key)
    if used is not None and used.request_hash != request_hash:
        raise IdempotencyKeyReused
    return used is not None


async def _find_again(deps: WriteDeps, ref: TweetRef) -> Tweet:
    found = await tweets.fetch(deps.db, [ref])
    if not found:
        raise TweetNotFound
    return found[0]
