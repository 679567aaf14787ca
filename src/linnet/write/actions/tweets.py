"""Verbs: post, reply, delete, retweet, undo a retweet."""

import hashlib
from collections.abc import Sequence

import msgspec

from linnet.domain.attachments import pack_attachments
from linnet.domain.conversations import goes_on
from linnet.domain.event import TweetDeleted, TweetPosted, TweetRef
from linnet.domain.polls import MAX_OPTIONS, Poll, PollDraft, check_poll, pack_poll
from linnet.domain.posts import check_post
from linnet.domain.scheduled import Scheduled
from linnet.domain.text import Entities, fold_tag
from linnet.domain.timeline import entry_of
from linnet.domain.tweet import Tweet, Visibility
from linnet.errors import (
    Forbidden,
    IdempotencyKeyReused,
    Invalid,
    NotToBeRetweeted,
    ScheduledNotFound,
    TweetNotFound,
)
from linnet.ids import AttachmentId, TweetId, UserId, unix_ms_of
from linnet.stores.postgres import conversations, edits, outbox, preferences, tweets, users
from linnet.stores.postgres import scheduled as waiting
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Reader, Session, run_again
from linnet.stores.postgres.tweets import NewTweet
from linnet.stores.valkey.changes import Change
from linnet.write.actions.attachments import attach, check_chosen, detach
from linnet.write.actions.originals import find_named, find_original, is_hidden_from
from linnet.write.after_commit import best_effort, forget, push_to_self, wake
from linnet.write.deps import WriteDeps


async def post_tweet(
    deps: WriteDeps,
    author_id: UserId,
    *,
    text: str,
    reply_to: TweetId | None,
    idempotency_key: str | None,
    attached: Sequence[AttachmentId] = (),
    warning: str = "",
    sensitive: bool | None = False,
    visibility: Visibility | None = "public",
    poll: PollDraft | None = None,
    request_digest: bytes | None = None,
    scheduled: Scheduled | None = None,
) -> Tweet:
    """A tweet, or a reply when ``reply_to`` is given. With one ``idempotency_key`` for an hour always the same tweet.

    ``attached``: pictures of the author's that stand in no other tweet; not beside a ``poll``, which ends so long after
    the tweet's own moment. What has a ``warning`` is sensitive. Of ``sensitive`` and ``visibility``, None is what the
    author begins a post with.
    ``request_digest``: by what a request is known as the same when it comes again; by all of it if it is not given.

    ``scheduled``: what waited for its time, which ends with the transaction that makes the tweet.

    Raises ``Invalid``, ``TweetNotFound`` for a tweet to answer that is not there, ``IdempotencyKeyReused``;
    ``ScheduledNotFound`` for what does not wait any more as it was read.
    """
    request_hash = request_digest or _hash_request(
        text, reply_to, attached, warning, sensitive=sensitive, visibility=visibility, poll=poll
    )
    if idempotency_key is not None:
        earlier = await _find_earlier(deps, author_id, idempotency_key, request_hash)
        if earlier is not None:
            return earlier
    check_chosen(attached, most=deps.options.photos.per_tweet)
    post = check_post(text, deps.options.text, warning=warning, has_attachments=bool(attached))
    checked = post.text
    tweet_id = TweetId(deps.ids.mint())
    asked = None if poll is None else check_asked(poll, attached, now_ms=unix_ms_of(tweet_id))
    parent = None if reply_to is None else await find_original(deps, author_id, reply_to)
    mentioned = await find_mentioned(deps.db, checked.entities)
    if visibility is None or sensitive is None:
        usual = await preferences.find(deps.db, author_id)
        visibility = usual.visibility if visibility is None else visibility
        sensitive = usual.sensitive if sensitive is None else sensitive
    new = NewTweet(
        author_id,
        tweet_id,
        checked.text,
        reply_to=None if parent is None else parent.ref,
        entities=entities_json(checked.entities, mentioned),
        warning=post.warning,
        sensitive=sensitive or post.warning is not None,
        visibility=None if visibility == "public" else visibility,
        poll=None if asked is None else pack_poll(asked),
        poll_ends_ms=None if asked is None else asked.ends_ms,
        conversation_id=await _conversation_of(deps, tweet_id, visibility, parent),
    )
    # Of what is not public nothing is known by its tags: neither who may find it there nor what is talked about.
    hashtags = checked.entities.hashtags if new.visibility is None else ()
    posted = TweetPosted(
        author_id,
        new.id,
        reply_to=new.reply_to,
        tags=tuple(dict.fromkeys(fold_tag(tag.text) for tag in hashtags)),
        mentions=tuple(dict.fromkeys(mentioned.values())),
        direct=visibility == "direct",
    )
    event = NewEvent.of(posted, new.id)

    async def attempt() -> NewTweet | None:
        if idempotency_key is None and not attached and scheduled is None:
            await tweets.insert(deps.db, new, event)
            return new
        async with deps.db.transaction() as session:
            if idempotency_key is not None and not await tweets.claim_key(
                session, user_id=author_id, key=idempotency_key, request_hash=request_hash, tweet_id=new.id
            ):
                return None
            if scheduled is not None and not await waiting.claim(session, scheduled):
                raise ScheduledNotFound
            held_by = None if scheduled is None else scheduled.id
            return await _insert_with(session, new, attached, event, held_by=held_by)

    inserted = await run_again(attempt)
    if inserted is None:
        # Another request with this key was quicker, and is committed now.
        earlier = await _find_earlier(deps, author_id, idempotency_key or "", request_hash)
        if earlier is None:
            raise TweetNotFound
        return earlier
    # What is direct is at home with nobody.
    pushes = [] if posted.direct else push_to_self(deps, entry_of(posted.ref, reply_to=new.reply_to, retweet_of=None))
    await best_effort([*pushes, wake(deps, author_id)], what="post")
    return Tweet(
        author_id,
        new.id,
        new.text,
        new.reply_to.tweet_id if new.reply_to else None,
        new.reply_to.author_id if new.reply_to else None,
        None,
        None,
        new.entities,
        replies_count=0,
        retweets_count=0,
        likes_count=0,
        pinned=False,
        version=1,
        attachments=inserted.attachments,
        warning=new.warning,
        sensitive=new.sensitive,
        visibility=new.visibility,
        conversation_id=new.conversation_id,
        poll=new.poll,
        poll_voters=None if asked is None else 0,
        poll_votes=None if asked is None else [0] * MAX_OPTIONS,
    )


def check_asked(draft: PollDraft, attached: Sequence[AttachmentId], *, now_ms: int) -> Poll:
    """What a tweet asks that is posted now. Raises ``Invalid``."""
    if attached:
        raise Invalid.field("poll", "A tweet has pictures or a poll, and not both.")
    return check_poll(draft, now_ms=now_ms)


async def _conversation_of(
    deps: WriteDeps, new_id: TweetId, visibility: Visibility, parent: Tweet | None
) -> TweetId | None:
    """What a new tweet notes; an older answer may have to be asked for what it goes back to."""
    if parent is None:
        return None
    return await conversations.find_conversation_id(deps.db, parent) if goes_on(visibility, parent) else new_id


async def _insert_with(
    session: Session, new: NewTweet, attached: Sequence[AttachmentId], event: NewEvent, *, held_by: int | None
) -> NewTweet:
    """With its pictures, which are the author's own rows."""
    if attached:
        found = await attach(session, TweetRef(new.author_id, new.id), attached, held_by=held_by)
        new = msgspec.structs.replace(new, attachments=pack_attachments(found))
    await tweets.insert(session, new, event)
    return new


def _hash_request(
    text: str,
    reply_to: TweetId | None,
    attached: Sequence[AttachmentId],
    warning: str,
    *,
    sensitive: bool | None,
    visibility: Visibility | None,
    poll: PollDraft | None,
) -> bytes:
    more: list[object] = [list(attached), warning, sensitive] if attached or warning or sensitive else []
    more += [] if visibility in ("public", None) else [visibility]
    more += [] if poll is None else [poll]
    try:
        body = msgspec.json.encode([text, reply_to, *more])
    except UnicodeEncodeError:
        # Not something that can be posted: the check of the text will say so.
        body = b""
    return hashlib.sha256(body).digest()


async def _find_earlier(deps: WriteDeps, author_id: UserId, key: str, request_hash: bytes) -> Tweet | None:
    """The tweet that was posted with this key; None when the key is free."""
    used = await tweets.find_key(deps.db, user_id=author_id, key=key)
    if used is None:
        return None
    if used.request_hash != request_hash:
        raise IdempotencyKeyReused
    found = await tweets.fetch(deps.db, [TweetRef(author_id, used.tweet_id)])
    if not found:
        raise TweetNotFound
    return found[0]


async def find_mentioned(db: Reader, entities: Entities) -> dict[str, UserId]:
    """Those of the mentioned who are there, by username."""
    if not entities.mentions:
        return {}
    found = await users.fetch_ids_by_username(db, [mention.username for mention in entities.mentions])
    present = {profile.id for profile in await users.fetch_profiles(db, list(found.values()))}
    return {username: user_id for username, user_id in found.items() if user_id in present}


def entities_json(entities: Entities, mentioned: dict[str, UserId]) -> str | None:
    """What the tweet's view shows of hashtags, mentions of people there are, and links; None when there is nothing."""
    mentions = [
        {
            "username": mention.username,
            "user_id": str(mentioned[mention.username]),
            "start": mention.start,
            "end": mention.end,
        }
        for mention in entities.mentions
        if mention.username in mentioned
    ]
    if not (entities.hashtags or mentions or entities.links):
        return None
    return msgspec.json.encode({"hashtags": entities.hashtags, "mentions": mentions, "links": entities.links}).decode()


async def delete_tweet(deps: WriteDeps, user_id: UserId, tweet_id: TweetId, *, keeps_attachments: bool = False) -> None:
    """Deletes one's own tweet, reply or retweet; quiet when there is none.

    ``keeps_attachments``: its pictures can be put into another tweet, for as long as one that was just uploaded.

    Raises ``Forbidden`` for another's, ``TweetNotFound`` for that of somebody with whom there is a block.
    """
    tweet = await tweets.find_by_id(deps.db, tweet_id)
    if tweet is None:
        return
    if tweet.author_id != user_id:
        raise TweetNotFound if await is_hidden_from(deps.db, user_id, tweet) else Forbidden
    await _delete(deps, TweetRef(user_id, tweet_id), keeps_attachments=keeps_attachments)


async def _delete(deps: WriteDeps, ref: TweetRef, *, keeps_attachments: bool = False) -> None:
    async def attempt() -> TweetDeleted | None:
        async with deps.db.transaction() as session:
            row = await tweets.delete(session, ref)
            if row is None:
                return None
            if row.has_attachments:
                await detach(deps, session, ref, keeps=keeps_attachments)
            if row.is_edited:
                await edits.delete_versions(session, ref.author_id, [ref.tweet_id])
            event = TweetDeleted(
                ref.author_id,
                ref.tweet_id,
                reply_to=row.reply_to,
                retweet_of=row.retweet_of,
                direct=row.is_direct,
            )
            await outbox.append(session, NewEvent.of(event, deps.ids.mint()))
            return event

    event = await run_again(attempt)
    if event is None:
        return
    after = [deps.cache.put_gone([deps.keys.tweet(ref.tweet_id)]), wake(deps, ref.author_id)]
    if event.retweet_of is not None:
        after.append(deps.marks.drop([ref.author_id]))
    await best_effort(after, what="delete")
    # Only when the shared cache says that it is gone may processes be told to look there again.
    await best_effort([forget(deps, Change(tweet_ids=(ref.tweet_id,)))], what="delete")


async def retweet(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> TweetId:
    """The id of the retweet, new or not.

    Raises ``TweetNotFound``, and ``NotToBeRetweeted`` for another's private tweet, and for a direct one.
    """
    original = await find_original(deps, user_id, tweet_id)
    if original.visibility == "direct":
        raise NotToBeRetweeted("Nobody may retweet this: it is for whom it mentions.")
    if original.visibility == "private" and original.author_id != user_id:
        raise NotToBeRetweeted
    new = NewTweet(user_id, TweetId(deps.ids.mint()), "", retweet_of=original.ref, visibility=original.visibility)
    posted = TweetPosted(user_id, new.id, retweet_of=original.ref)
    event = NewEvent.of(posted, new.id)
    if not await run_again(lambda: tweets.insert(deps.db, new, event)):
        earlier = await tweets.find_retweet(deps.db, author_id=user_id, retweet_of_id=original.id)
        # Undone in this very moment: then the answer is of the moment before.
        return earlier if earlier is not None else new.id
    entry = entry_of(posted.ref, reply_to=None, retweet_of=original.ref)
    await best_effort([*push_to_self(deps, entry), deps.marks.drop([user_id]), wake(deps, user_id)], what="retweet")
    return new.id


async def undo_retweet(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> None:
    """Quiet when it was not retweeted. Raises ``TweetNotFound`` when there is no such tweet.

    What one did can be taken back from behind a block; what one did not do is not found there.
    """
    named = await find_named(deps.db, tweet_id)
    original = named.original
    retweet_id = await tweets.find_retweet(deps.db, author_id=user_id, retweet_of_id=original.id)
    if retweet_id is not None:
        await _delete(deps, TweetRef(user_id, retweet_id))
    elif await is_hidden_from(deps.db, user_id, named.tweet, original):
        raise TweetNotFound
