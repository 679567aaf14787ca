"""What ``recounts`` compares, continued: the notes under tweets, beside the likes, replies and retweets that they note.

Each comes from both sides, since what one side lacks can be seen from the other alone.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from linnet.domain.event import TweetLiked, TweetRef
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import fanout, likes, outbox, recounts
from linnet.stores.postgres.fanout import Note
from linnet.stores.postgres.likes import Like
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.recounts import TweetRow
from linnet.write.actions.recounted import NO_TWEET, Difference, Found, Kind
from linnet.write.deps import WriteDeps


class LikeNotes(Kind[Like]):
    """Likes beside the notes of them. ``LikesThere`` comes upon what the other one cannot see."""

    first = Like(UserId(0), TweetId(0), UserId(0), 0)

    async def fetch(self, after: Like) -> list[Like]:
        return await recounts.fetch_like_notes(self.deps.db, after=after, page_size=self.page_size)

    async def compare(self, db: Reader, items: Sequence[Like]) -> list[Found[Like]]:
        there = set(await likes.fetch_likes(db, {(like.user_id, like.tweet_id) for like in items}))
        noted = await recounts.fetch_noted_likes(db, items)
        found = []
        for like in items:
            stored, counted = like in noted, like in there
            if stored != counted:
                owner = f"user {like.user_id} under tweet {like.tweet_id}"
                wrong = Difference("note of the like", owner, stored, counted)
                found.append(Found(like, frozenset([like.user_id, like.author_id]), (wrong,)))
        return found

    async def lock(self, session: Session, item: Like) -> None:
        await fanout.lock_tweets(session, [item.tweet])

    async def mend(self, session: Session, found: Found[Like]) -> UserId:
        # The event worker makes notes say what the likes say, whatever the event does. It knows all that hangs on them.
        event = TweetLiked(found.item.user_id, found.item.tweet)
        await outbox.append(session, NewEvent.of(event, self.deps.ids.mint()))
        return found.item.user_id


class LikesThere(LikeNotes):
    """The same from the other side: likes that are not noted."""

    async def fetch(self, after: Like) -> list[Like]:
        return await recounts.fetch_likes(self.deps.db, after=after, page_size=self.page_size)


class NotesOf(msgspec.Struct, frozen=True):
    """What is noted under tweets, and by which queries: replies under their parents, retweets under their originals."""

    noun: str
    fetch: Callable[..., Awaitable[list[Note]]]
    fetch_noted: Callable[[Reader, Sequence[Note]], Awaitable[set[TweetId]]]
    insert: Callable[[Session, Sequence[Note]], Awaitable[object]]
    delete: Callable[[Session, Sequence[Note]], Awaitable[object]]
    find_under: Callable[[TweetRow], TweetRef | None]


REPLIES = NotesOf(
    "reply",
    recounts.fetch_replies,
    recounts.fetch_noted_replies,
    fanout.insert_replies,
    fanout.delete_replies,
    lambda row: row.reply_to,
)
RETWEETS = NotesOf(
    "retweet",
    recounts.fetch_retweets,
    recounts.fetch_noted_retweets,
    fanout.insert_retweets,
    fanout.delete_retweets,
    lambda row: row.retweet_of,
)


class Notes(Kind[Note]):
    """Notes of replies or retweets under tweets that are there."""

    first = Note(NO_TWEET, NO_TWEET)

    def __init__(self, deps: WriteDeps, page_size: int, notes: NotesOf) -> None:
        super().__init__(deps, page_size)
        self.of = notes

    async def fetch(self, after: Note) -> list[Note]:
        return await self.of.fetch(self.deps.db, after=after, page_size=self.page_size)

    async def compare(self, db: Reader, items: Sequence[Note]) -> list[Found[Note]]:
        rows = await recounts.fetch_tweets_among(db, [ref for note in items for ref in (note.tweet, note.under)])
        there = {row.ref: self.of.find_under(row) for row in rows}
        noted = await self.of.fetch_noted(db, items)
        found = []
        for note in items:
            # A reply may come to answer nobody, when whom it answered leaves.
            stored, counted = note.tweet.tweet_id in noted, there.get(note.tweet) == note.under
            if note.under in there and stored != counted:
                owner = f"tweet {note.tweet.tweet_id} under tweet {note.under.tweet_id}"
                wrong = Difference(f"note of the {self.of.noun}", owner, stored, counted)
                found.append(Found(note, frozenset([note.tweet.author_id, note.under.author_id]), (wrong,)))
        return found

    async def lock(self, session: Session, item: Note) -> None:
        await fanout.lock_tweets(session, [item.tweet, item.under])

    async def mend(self, session: Session, found: Found[Note]) -> None:
        """The note alone; the counter is compared with the notes afterwards."""
        change = self.of.insert if found.differences[0].counted else self.of.delete
        await change(session, [found.item])


class NotedTweets(Notes):
    """The same from the other side: replies or retweets that are not noted. A page of tweets may hold none."""

    async def fetch(self, after: Note) -> list[Note]:
        last = after.tweet
        while rows := await recounts.fetch_tweets(self.deps.db, after=last, page_size=self.page_size):
            last = rows[-1].ref
            notes = [Note(under, row.ref) for row in rows if (under := self.of.find_under(row)) is not None]
            if notes:
                return notes
        return []
