"""Conversations of direct tweets as each person has them, and those of which somebody does not want to be notified.

``directs`` has a row for each person whom a direct tweet is for, ``conversations`` one for each of their conversations
that says where it stands: the second is what the first comes to. Whoever changes a conversation holds its row.
"""

from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.conversations import noted_conversation
from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry, Range
from linnet.domain.tweet import Tweet
from linnet.ids import MAX_ID, TweetId, UserId
from linnet.stores.postgres import tweets
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range
from linnet.stores.postgres.refs import among

_sql = load_queries("conversations")

# Older answers are asked for what they answer one by one; a thread of more of them begins somewhere in it.
_MOST_STEPS = 200


class Direct(msgspec.Struct, frozen=True):
    """A direct tweet that ``user_id`` has, because they wrote it, or are mentioned or answered in it."""

    user_id: UserId
    tweet: TweetRef
    conversation_id: TweetId
    reply_to_id: TweetId | None


class Said(msgspec.Struct, frozen=True):
    """``user_id`` said something in a conversation."""

    user_id: UserId
    conversation_id: TweetId
    tweet_id: TweetId


class Conversation(msgspec.Struct, frozen=True):
    """One of somebody's. ``last_id`` orders them.

    ``shown_id`` is the newest tweet in it by somebody whom the person may meet, and ``shown_author_id`` who that is.
    """

    id: TweetId
    last_id: int
    shown_id: TweetId
    shown_author_id: UserId
    unread: bool

    @property
    def shown(self) -> TweetRef:
        return TweetRef(self.shown_author_id, self.shown_id)


Place = tuple[UserId, TweetId]
"""Whose conversation, and which."""


async def find_conversation_id(db: Reader, tweet: Tweet) -> TweetId:
    """The first tweet of a tweet's conversation. It costs nothing but for answers that an older release posted.

    These go up to what began it, or to what the uppermost of them answers where that is gone.
    """
    for _ in range(_MOST_STEPS):
        noted = noted_conversation(tweet)
        if noted is not None:
            return noted
        assert tweet.reply_to_id is not None, "whatever answers nothing begins its own"
        found = [] if tweet.reply_to is None else await tweets.fetch(db, [tweet.reply_to])
        if not found:
            return tweet.reply_to_id
        tweet = found[0]
    return tweet.id


async def fetch_of_tweets(db: Session, refs: Collection[TweetRef]) -> list[Place]:
    """In which conversations of whom these direct tweets are."""
    return await db.fetch(_place, _sql["fetch_of_tweets"], **among(refs))


async def lock(db: Session, places: Collection[Place]) -> None:
    """Makes all others who change these conversations wait until the transaction ends. ``settle`` must follow.

    Locks in the order of people and conversations. One that is not there is made, and goes if it stays empty.
    """
    ordered = sorted(places)
    await db.run(
        _sql["lock"],
        user_ids=[user_id for user_id, _ in ordered],
        conversation_ids=[conversation_id for _, conversation_id in ordered],
    )


async def insert(db: Session, directs: Sequence[Direct]) -> list[Said]:
    """Those that are not there yet; returns what of them was said by whose row it is."""
    return await db.fetch(
        Said,
        _sql["insert"],
        user_ids=[direct.user_id for direct in directs],
        tweet_ids=[direct.tweet.tweet_id for direct in directs],
        author_ids=[direct.tweet.author_id for direct in directs],
        conversation_ids=[direct.conversation_id for direct in directs],
        reply_to_ids=[direct.reply_to_id for direct in directs],
    )


async def delete_of_tweets(db: Session, refs: Collection[TweetRef]) -> None:
    """Whoever has them."""
    await db.run(_sql["delete_of_tweets"], **among(refs))


async def settle(db: Session, places: Collection[Place]) -> None:
    """Locked conversations stand where they belong; those in which nothing is left go."""
    user_ids = sorted({user_id for user_id, _ in places})
    await db.run(_sql["place"], user_ids=user_ids)
    await db.run(_sql["delete_empty"], user_ids=user_ids)


async def lock_one(db: Session, user_id: UserId, conversation_id: TweetId) -> bool:
    """False when there is none."""
    return await db.value(_sql["lock_one"], user_id=user_id, conversation_id=conversation_id) is not None


async def mark_read(db: Session, user_id: UserId, conversation_id: TweetId, *, before_id: int = MAX_ID) -> None:
    """A locked one, as far as it has come."""
    await db.run(_sql["mark_read"], user_id=user_id, conversation_id=conversation_id, before_id=before_id)


async def hide(db: Session, user_id: UserId, conversation_id: TweetId) -> None:
    """A locked one, as far as it has come."""
    await db.run(_sql["hide"], user_id=user_id, conversation_id=conversation_id)
    await db.run(_sql["delete"], user_id=user_id, conversation_id=conversation_id)


async def fetch_page(db: Reader, user_id: UserId, wanted: Range) -> list[Conversation]:
    """Somebody's, the newest first, without those in which they may meet nobody."""
    return await fetch_range(db, Conversation, _sql["fetch_below"], _sql["fetch_above"], wanted, user_id=user_id)


async def find(db: Reader, user_id: UserId, named_id: TweetId) -> Conversation | None:
    """One of somebody's, named by itself or by a direct tweet in it."""
    return await db.find(Conversation, _sql["find"], user_id=user_id, named_id=named_id)


async def fetch_directs(db: Reader, user_id: UserId, wanted: Range) -> list[Entry]:
    """Direct tweets that somebody has, newest first, without what they put away."""
    return await fetch_range(db, Entry, _sql["fetch_directs"], _sql["fetch_directs_above"], wanted, user_id=user_id)


async def fetch_answers(db: Reader, user_id: UserId, answered: TweetRef, wanted: Range) -> list[Entry]:
    """Direct tweets that somebody has and that answer a tweet, newest first."""
    return await fetch_range(
        db,
        Entry,
        _sql["fetch_answers"],
        _sql["fetch_answers_above"],
        wanted,
        user_id=user_id,
        answered_id=answered.tweet_id,
        answered_author_id=answered.author_id,
    )


async def mute(db: Session, user_id: UserId, conversation_id: TweetId) -> bool:
    """False when it was so already."""
    return bool(await db.run(_sql["mute"], user_id=user_id, conversation_id=conversation_id))


async def unmute(db: Session, user_id: UserId, conversation_id: TweetId) -> bool:
    """False when it was not muted."""
    return bool(await db.run(_sql["unmute"], user_id=user_id, conversation_id=conversation_id))


async def fetch_muting(db: Reader, user_ids: Collection[UserId]) -> set[UserId]:
    """Those of these people who muted any."""
    return set(await db.fetch(UserId, _sql["fetch_muting"], user_ids=list(user_ids)))


async def fetch_mutes(db: Reader, user_ids: Collection[UserId], conversation_ids: Collection[TweetId]) -> set[Place]:
    """Who of these people muted which of these."""
    return set(
        await db.fetch(_place, _sql["fetch_mutes"], user_ids=list(user_ids), conversation_ids=list(conversation_ids))
    )


async def fetch_oracle(db: Reader, user_id: UserId) -> list[tuple[TweetId, TweetId, TweetId]]:
    """Somebody's conversations as they are defined: each, its newest tweet, and the newest that they are shown."""
    return await db.fetch(
        lambda conversation_id, last_id, shown_id: (TweetId(conversation_id), TweetId(last_id), TweetId(shown_id)),
        _sql["fetch_oracle"],
        user_id=user_id,
    )


def _place(user_id: int, conversation_id: int) -> Place:
    return UserId(user_id), TweetId(conversation_id)
