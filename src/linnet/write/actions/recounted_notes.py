"""What ``recounts`` compares, continued: the notes under tweets, beside the likes, replies and retweets that they note.

Each comes from both sides, since what one side lacks can be seen from the other alone.
"""

from collections.abc import Sequence

import msgspec

from linnet.domain.event import TweetLiked, TweetRef
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import fanout, likes, outbox, recounts
from linnet.stores.postgres.fanout import ReplyNote, RetweetNote
from linnet.stores.postgres.likes import Like
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Reader, Session
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


class _Note(msgspec.Struct, frozen=True):
    """Something that stands under a tweet: a reply under its parent, or a retweet under its original."""

    tweet: TweetRef
    under: TweetRef
    is_retweet: bool


class Notes(Kind[_Note]):
    """Notes of replies and retweets under tweets that are there."""

    def __init__(self, deps: WriteDeps, page_size: int, *, of_retweets: bool) -> None:
        super().__init__(deps, page_size)
        self._of_retweets = of_retweets
        self._noun = "retweet" if of_retweets else "reply"

    @property
    def first(self) -> _Note:
        return _Note(NO_TWEET, NO_TWEET, self._of_retweets)

    async def fetch(self, after: _Note) -> list[_Note]:
        if self._of_retweets:
            last = RetweetNote(after.under, after.tweet)
            retweets = await recounts.fetch_retweets(self.deps.db, after=last, page_size=self.page_size)
            return [_Note(note.retweet, note.original, is_retweet=True) for note in retweets]
        replies = await recounts.fetch_replies(
            self.deps.db, after=ReplyNote(after.under, after.tweet), page_size=self.page_size
        )
        return [_Note(note.reply, note.parent, is_retweet=False) for note in replies]

    async def compare(self, db: Reader, items: Sequence[_Note]) -> list[Found[_Note]]:
        rows = await recounts.fetch_tweets_among(db, [ref for note in items for ref in (note.tweet, note.under)])
        there = {row.ref: row.retweet_of if self._of_retweets else row.reply_to for row in rows}
        noted = (
            await recounts.fetch_noted_retweets(db, [RetweetNote(note.under, note.tweet) for note in items])
            if self._of_retweets
            else await recounts.fetch_noted_replies(db, [ReplyNote(note.under, note.tweet) for note in items])
        )
        found = []
        for note in items:
            # A reply may come to answer nobody, when whom it answered leaves.
            stored, counted = note.tweet.tweet_id in noted, there.get(note.tweet) == note.under
            if note.under in there and stored != counted:
                owner = f"tweet {note.tweet.tweet_id} under tweet {note.under.tweet_id}"
                wrong = Difference(f"note of the {self._noun}", owner, stored, counted)
                found.append(Found(note, frozenset([note.tweet.author_id, note.under.author_id]), (wrong,)))
        return found

    async def lock(self, session: Session, item: _Note) -> None:
        await fanout.lock_tweets(session, [item.tweet, item.under])

    async def mend(self, session: Session, found: Found[_Note]) -> None:
        """The note alone; the counter is compared with the notes afterwards."""
        note, insert = found.item, bool(found.differences[0].counted)
        if self._of_retweets:
            change_retweets = fanout.insert_retweets if insert else fanout.delete_retweets
            await change_retweets(session, [RetweetNote(note.under, note.tweet)])
        else:
            change_replies = fanout.insert_replies if insert else fanout.delete_replies
            await change_replies(session, [ReplyNote(note.under, note.tweet)])


class NotedTweets(Notes):
    """The same from the other side: replies and retweets that are not noted. A page of tweets may hold none."""

    async def fetch(self, after: _Note) -> list[_Note]:
        last = after.tweet
        while rows := await recounts.fetch_tweets(self.deps.db, after=last, page_size=self.page_size):
            last = rows[-1].ref
            pairs = [(row.ref, row.retweet_of if self._of_retweets else row.reply_to) for row in rows]
            notes = [_Note(tweet, under, self._of_retweets) for tweet, under in pairs if under is not None]
            if notes:
                return notes
        return []
