"""Accounts that leave: marked at once, then taken apart a page at a time.

Each function is one step of ``write/erasing``: small, safe to run again, and done when it finds nothing any more.
"""

from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.documents import answered_mark
from linnet.domain.event import TweetDeleted, TweetRef, ref_of
from linnet.domain.user import NOBODY
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.refs import among

_sql = load_queries("erasure")


class Leaving(msgspec.Struct, frozen=True):
    """What an account that is being erased still has."""

    username: str
    email: str


class ReplyNote(msgspec.Struct, frozen=True):
    """A reply to somebody's tweet, under that tweet."""

    author_id: UserId
    reply_id: TweetId
    tweet_id: TweetId

    @property
    def reply(self) -> TweetRef:
        return TweetRef(self.author_id, self.reply_id)


class Shown(msgspec.Struct, frozen=True):
    """What a tweet shows beside its text: JSON."""

    author_id: UserId
    id: TweetId
    entities: str


Versions = list[tuple[TweetId, int]]
"""Tweets that changed, with their new versions."""


async def mark_deleted(db: Session, user_id: UserId, *, old_hash: str, now_ms: int) -> int | None:
    """The row's new version. None when the password is another by now, or the account left already."""
    version: int | None = await db.value(_sql["mark_deleted"], user_id=user_id, old_hash=old_hash, now_ms=now_ms)
    return version


async def delete_sessions(db: Session, user_id: UserId) -> list[bytes]:
    """The hashes of their tokens."""
    return await db.fetch(bytes, _sql["delete_sessions"], user_id=user_id)


async def delete_email(db: Session, user_id: UserId, email: str) -> None:
    await db.run(_sql["delete_email"], user_id=user_id, email=email)


async def find_leaving(db: Reader, user_id: UserId) -> Leaving | None:
    """None when the row is gone; also for an account that stays, of which nothing may be erased."""
    return await db.find(Leaving, _sql["find_leaving"], user_id=user_id)


async def is_in_outbox(db: Reader, user_id: UserId) -> bool:
    """Whether an event that waits names somebody, as its actor or otherwise."""
    # Ids have so many digits that a part of another number is not to be expected; it would only cost a wait.
    return bool(await db.value(_sql["names_in_outbox"], digits=str(user_id)))


async def fetch_parked(db: Reader, user_id: UserId, *, before_ms: int, page_size: int) -> list[tuple[UserId, int]]:
    """Actor and id of events that name somebody and were parked before a moment."""
    return await db.fetch(
        lambda actor_id, event_id: (UserId(actor_id), int(event_id)),
        _sql["fetch_parked"],
        digits=str(user_id),
        before_ms=before_ms,
        page_size=page_size,
    )


async def fetch_parked_tweets(db: Session, user_id: UserId) -> list[TweetRef]:
    """Tweets of others whose parked events name somebody, and which therefore nobody else knows of."""
    return await db.fetch(TweetRef, _sql["fetch_parked_tweets"], digits=str(user_id), user_id=user_id)


async def clear_parked(db: Session, user_id: UserId) -> None:
    """Somebody's parked events go; those of others that name them name nobody."""
    await db.run(_sql["delete_parked"], user_id=user_id)
    await db.run(_sql["blank_parked"], digits=str(user_id), nobody=str(NOBODY))


async def fetch_reply_notes(db: Session, user_id: UserId, *, page_size: int) -> list[ReplyNote]:
    return await db.fetch(ReplyNote, _sql["fetch_reply_notes"], user_id=user_id, page_size=page_size)


async def delete_reply_notes(db: Session, user_id: UserId, notes: Sequence[ReplyNote]) -> None:
    await db.run(
        _sql["delete_reply_notes"],
        user_id=user_id,
        tweet_ids=[note.tweet_id for note in notes],
        reply_ids=[note.reply_id for note in notes],
    )


async def fetch_late_replies(db: Session, user_id: UserId, *, from_id: int, before_id: int) -> list[TweetRef]:
    """Replies to somebody among the tweets between two ids: for a short stretch, all of it is read."""
    return await db.fetch(TweetRef, _sql["fetch_late_replies"], user_id=user_id, from_id=from_id, before_id=before_id)


async def answer_nobody(db: Session, user_id: UserId, replies: Collection[TweetRef]) -> Versions:
    """Replies to somebody answer nobody from now on. Their rows must be locked."""
    named = {**among(replies), "user_id": user_id, "nobody": NOBODY}
    await db.run(_sql["update_answered_popular"], **named)
    marks = {"mark": answered_mark(user_id), "nobodys_mark": answered_mark(NOBODY)}
    await db.run(_sql["update_answered_documents"], **named, **marks)
    await db.run(_sql["update_answered_tags"], **named)
    return await db.fetch(_version, _sql["update_answered"], **named)


async def fetch_mentions(db: Session, user_id: UserId, *, page_size: int) -> list[TweetRef]:
    """Tweets that mention somebody."""
    return await db.fetch(TweetRef, _sql["fetch_mentions"], user_id=user_id, page_size=page_size)


async def fetch_entities(db: Session, tweets: Collection[TweetRef]) -> list[Shown]:
    """Of those that are there and show something."""
    return await db.fetch(Shown, _sql["fetch_entities"], **among(tweets))


async def update_entities(db: Session, shown: Sequence[Shown]) -> Versions:
    """Their rows must be locked."""
    return await db.fetch(
        _version,
        _sql["update_entities"],
        author_ids=[item.author_id for item in shown],
        tweet_ids=[item.id for item in shown],
        entities=[item.entities for item in shown],
    )


async def delete_mentions(db: Session, user_id: UserId, tweets: Collection[TweetRef]) -> None:
    await db.run(_sql["delete_mentions"], user_id=user_id, tweet_ids=[ref.tweet_id for ref in tweets])


async def delete_tweets(db: Session, user_id: UserId, *, page_size: int) -> list[TweetDeleted]:
    """The events that must be appended in the same transaction."""

    def event(
        tweet_id: int,
        reply_to_id: int,
        reply_to_author_id: int,
        retweet_of_id: int,
        retweet_of_author_id: int,
        direct: int,
    ) -> TweetDeleted:
        return TweetDeleted(
            user_id,
            TweetId(tweet_id),
            reply_to=ref_of(UserId(reply_to_author_id), TweetId(reply_to_id)) if reply_to_id else None,
            retweet_of=ref_of(UserId(retweet_of_author_id), TweetId(retweet_of_id)) if retweet_of_id else None,
            direct=bool(direct),
        )

    return await db.fetch(event, _sql["delete_tweets"], user_id=user_id, page_size=page_size)


async def delete_likes(db: Session, user_id: UserId, *, page_size: int) -> list[TweetRef]:
    """Which tweets were liked."""
    return await db.fetch(TweetRef, _sql["delete_likes"], user_id=user_id, page_size=page_size)


async def delete_votes(db: Session, user_id: UserId, *, page_size: int) -> list[TweetRef]:
    """In whose polls."""
    return await db.fetch(TweetRef, _sql["delete_votes"], user_id=user_id, page_size=page_size)


async def delete_followers(db: Session, user_id: UserId, *, page_size: int) -> list[UserId]:
    return await db.fetch(UserId, _sql["delete_followers"], user_id=user_id, page_size=page_size)


async def delete_following(db: Session, user_id: UserId, *, page_size: int) -> list[UserId]:
    return await db.fetch(UserId, _sql["delete_following"], user_id=user_id, page_size=page_size)


async def delete_requests(db: Session, user_id: UserId, *, page_size: int) -> int:
    """Requests to follow by somebody and of somebody; how many."""
    return int(await db.value(_sql["delete_requests"], user_id=user_id, page_size=page_size)) + int(
        await db.value(_sql["delete_requesters"], user_id=user_id, page_size=page_size)
    )


async def delete_blocks(db: Session, user_id: UserId, *, page_size: int) -> int:
    """Blocks by somebody and of somebody; how many."""
    return int(await db.value(_sql["delete_blocks"], user_id=user_id, page_size=page_size)) + int(
        await db.value(_sql["delete_blocked_by"], user_id=user_id, page_size=page_size)
    )


async def delete_mutes(db: Session, user_id: UserId, *, page_size: int) -> int:
    """Mutes by somebody and of somebody; how many."""
    return await db.run(_sql["delete_mutes"], user_id=user_id, page_size=page_size) + await db.run(
        _sql["delete_muted"], user_id=user_id, page_size=page_size
    )


async def delete_bookmarks(db: Session, user_id: UserId, *, page_size: int) -> int:
    """Bookmarks by somebody and of somebody's tweets; how many."""
    return await db.run(_sql["delete_bookmarks"], user_id=user_id, page_size=page_size) + await db.run(
        _sql["delete_bookmarked"], user_id=user_id, page_size=page_size
    )


async def delete_remarks(db: Session, user_id: UserId, *, page_size: int) -> int:
    """What somebody noted of others, and others of them; how many."""
    return await db.run(_sql["delete_remarks"], user_id=user_id, page_size=page_size) + await db.run(
        _sql["delete_remarked"], user_id=user_id, page_size=page_size
    )


async def delete_reports(db: Session, user_id: UserId, *, page_size: int) -> int:
    """What somebody told the operator of others, and others of them; how many."""
    return await db.run(_sql["delete_reports"], user_id=user_id, page_size=page_size) + await db.run(
        _sql["delete_reported"], user_id=user_id, page_size=page_size
    )


async def fetch_direct_replies(db: Session, user_id: UserId, *, page_size: int) -> list[TweetRef]:
    """Some of others' direct tweets to somebody that may answer them."""
    return await db.fetch(TweetRef, _sql["fetch_direct_replies"], user_id=user_id, page_size=page_size)


async def delete_direct_replies(db: Session, user_id: UserId, replies: Collection[TweetRef]) -> None:
    await db.run(_sql["delete_direct_replies"], user_id=user_id, tweet_ids=[ref.tweet_id for ref in replies])


async def delete_conversations(db: Session, user_id: UserId, *, page_size: int) -> int:
    """Somebody's direct tweets and conversations, as they had them, and those that they muted; how many rows."""
    return (
        await db.run(_sql["delete_directs"], user_id=user_id, page_size=page_size)
        + await db.run(_sql["delete_conversations"], user_id=user_id, page_size=page_size)
        + await db.run(_sql["delete_conversation_mutes"], user_id=user_id, page_size=page_size)
    )


async def delete_lists(db: Session, user_id: UserId, *, page_size: int) -> int:
    """Somebody's lists, who is on them, and somebody's places on others' lists; how many rows."""
    return (
        await db.run(_sql["delete_lists"], user_id=user_id, page_size=page_size)
        + await db.run(_sql["delete_list_members"], user_id=user_id, page_size=page_size)
        + await db.run(_sql["delete_listed"], user_id=user_id, page_size=page_size)
    )


async def delete_shown(db: Session, user_id: UserId, *, page_size: int) -> int:
    """That others show somebody on their pages, or do not want to; how many."""
    return await db.run(_sql["delete_endorsed"], user_id=user_id, page_size=page_size) + await db.run(
        _sql["delete_dismissed"], user_id=user_id, page_size=page_size
    )


async def delete_filters(db: Session, user_id: UserId, *, page_size: int) -> int:
    """Tweets that somebody's filters name, and somebody's that others' do; how many rows."""
    return await db.run(_sql["delete_filters"], user_id=user_id, page_size=page_size) + await db.run(
        _sql["delete_filtered"], user_id=user_id, page_size=page_size
    )


async def fetch_notified(db: Session, user_id: UserId, *, page_size: int) -> list[UserId]:
    """Whom somebody's doings were told to."""
    return await db.fetch(UserId, _sql["fetch_notified"], user_id=user_id, page_size=page_size)


async def delete_notifications(db: Session, user_id: UserId, *, page_size: int) -> int:
    """What somebody was told; how many."""
    return await db.run(_sql["delete_notifications"], user_id=user_id, page_size=page_size)


async def delete_own(db: Session, user_id: UserId) -> None:
    """Rows of which a user has few."""
    await db.run(_sql["delete_own"], user_id=user_id)


async def delete_user(db: Session, user_id: UserId) -> None:
    """The account's row, other jobs that are about it, and notes of windows. The username stays, and is nobody's."""
    await db.run(_sql["forget_view_changes"], user_id=user_id)
    await db.run(_sql["delete_view_changes"], user_id=user_id)
    await db.run(_sql["delete_user"], user_id=user_id)
    await db.run(_sql["delete_jobs"], user_id=user_id)


def _version(tweet_id: int, version: int) -> tuple[TweetId, int]:
    return TweetId(tweet_id), version
