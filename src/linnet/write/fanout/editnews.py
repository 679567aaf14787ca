"""Who is told of an edit, and who is told no longer: whom the tweet mentions now, and who retweeted what it was.

Mentions are told once, when they come, and taken back with the mention. Who retweeted is told of the last edit alone,
which replaces what they were told of the one before; so many of them at a time, and the rest in a further event of the
same edit, which is left out when there was another one since: that one tells them all.
"""

import msgspec

from linnet.domain.event import TweetEdited, TweetPosted, TweetRef
from linnet.domain.notification import Cause, cause_of_edit, causes_of
from linnet.domain.tweet import Tweet
from linnet.ids import MAX_ID, UserId, unix_ms_of
from linnet.stores.postgres import edits, notifications, outbox
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps
from linnet.write.fanout import notes
from linnet.write.fanout.edits import words_of
from linnet.write.fanout.sorting import Batch, Settled


class EditNews(msgspec.Struct, frozen=True):
    """``made``: what is to be told; ``renewed``: what of it replaces an earlier one. ``ended``: what is so no more."""

    made: list[Cause]
    ended: set[Cause]
    renewed: set[Cause]


async def compare_edits(deps: WriteDeps, session: Session, batch: Batch, settled: Settled) -> EditNews:
    """What the batch's edits cause, and what they cause no longer. Notes who is mentioned in edited tweets."""
    news = EditNews([], set(), set())
    if settled.edited:
        await _compare_mentions(session, settled.edited, news)
        await _tell_retweeters(deps, session, batch, settled.edited, news)
    await _tell_late_retweeters(session, batch, settled, news)
    return news


async def _compare_mentions(session: Session, edited: tuple[Tweet, ...], news: EditNews) -> None:
    present = [(user_id, tweet.ref) for tweet in edited for user_id in words_of(tweet).mentions]
    gone = await notifications.delete_other_mentions(session, [tweet.ref for tweet in edited], present)
    came = set(await notifications.insert_mentions(session, present)) if present else set()
    author_ids = {tweet.id: tweet.author_id for tweet in edited}
    news.ended.update(Cause(user_id, "mentioned", tweet_id, author_ids[tweet_id]) for user_id, tweet_id in gone)
    for tweet in edited:
        mentions = tuple(user_id for user_id in words_of(tweet).mentions if (user_id, tweet.id) in came)
        causes = causes_of(TweetPosted(tweet.author_id, tweet.id, reply_to=tweet.reply_to, mentions=mentions))
        # Who is answered knows of it as long as it is there.
        news.made.extend(cause for cause in causes if cause.kind == "mentioned")


async def _tell_retweeters(
    deps: WriteDeps, session: Session, batch: Batch, edited: tuple[Tweet, ...], news: EditNews
) -> None:
    rows = {tweet.ref: tweet for tweet in edited}
    for event in batch.edited:
        tweet = rows.get(event.ref)
        if tweet is None or tweet.edited_ms != event.edited_ms:
            continue
        page = await edits.fetch_retweeters(
            session, event.ref, before_id=event.below or MAX_ID, page_size=notes.NOTES_AT_ONCE
        )
        # Whoever retweeted it after that retweeted what it says now.
        told = [each for each in page if unix_ms_of(each.retweet_id) < event.edited_ms]
        causes = [cause_of_edit(each.user_id, event.ref) for each in told if each.user_id != event.author_id]
        news.made.extend(causes)
        news.renewed.update(causes)
        if len(page) == notes.NOTES_AT_ONCE:
            rest = TweetEdited(event.author_id, event.tweet_id, event.edited_ms, below=page[-1].retweet_id)
            await outbox.append(session, NewEvent.of(rest, deps.ids.mint()))


async def _tell_late_retweeters(session: Session, batch: Batch, settled: Settled, news: EditNews) -> None:
    """Of those whose retweets are noted only now, whoever retweeted before an edit that was applied already.

    The originals are locked: an edit that is not seen here commits later, and finds these notes.
    """
    gone = set(settled.gone)
    retweets = [
        (event, event.retweet_of)
        for event in batch.posted
        if event.retweet_of is not None and event.ref in settled.existing and event.ref not in gone
    ]
    if not retweets:
        return
    edited: dict[TweetRef, int] = {
        moment.ref: moment.edited_ms
        for moment in await edits.fetch_moments_of(session, {original for _, original in retweets})
    }
    for event, original in retweets:
        retweeter_id: UserId = event.author_id
        if unix_ms_of(event.tweet_id) < edited.get(original, 0) and retweeter_id != original.author_id:
            news.made.append(cause_of_edit(retweeter_id, original))
