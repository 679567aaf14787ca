"""Which tweets carry which tag, who uses it lately, and how much it trends.

In the batch's transaction, so each use counts once. What is counted is only what really came or went: a note under
``tweet_tags`` that was not there, or was. A person's own rows are written by their lane alone, and by the job that lets
old ones go; the one row of a tag, which all lanes write, is locked last, in the order of names, and written once a
batch, however many tweets carry it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.hashtags import Hashtag, fold_tag
from linnet.domain.trending import TrendingRules, add_rank, difference, subtract_rank, sum_ranks
from linnet.ids import TweetId
from linnet.stores.postgres import tags, tweets
from linnet.stores.postgres.pool import ConcurrentUpdate, Session
from linnet.stores.postgres.tags import NewUse, PersonTag, TagRow, TagUse
from linnet.write.deps import WriteDeps
from linnet.write.fanout.edits import words_of
from linnet.write.fanout.sorting import Batch, Settled

# A tag that loses a use is added up anew up to so many people, which costs next to nothing and forgets all rounding.
# With more of them the loss is subtracted; near to cancellation it never is.
_PEOPLE_ADDED_UP = 100


class TagChange:
    """What happened to one tag. ``gains`` and ``losses`` are ranks of weights; ``new_tweet`` is the first that came.

    ``written_anew``: edited tweets that carry it.
    """

    __slots__ = ("gains", "gone_tweets", "losses", "new_tweet", "people", "tweets", "written_anew")

    def __init__(self) -> None:
        self.tweets = self.people = 0
        self.gains: list[float] = []
        self.losses: list[float] = []
        self.new_tweet: TweetRef | None = None
        self.gone_tweets: set[TweetId] = set()
        self.written_anew: set[TweetId] = set()

    def note_person(self, old_id: TweetId | None, new_id: TweetId | None, rules: TrendingRules) -> None:
        """Somebody's latest use was one tweet, and is another, or none."""
        old = None if old_id is None else rules.rank_of_use(old_id)
        new = None if new_id is None else rules.rank_of_use(new_id)
        self.people += (new is not None) - (old is not None)
        if old is None or new is None:
            gain, loss = new, old
        else:
            gain, loss = difference(new, old), difference(old, new)
        if gain is not None:
            self.gains.append(gain)
        if loss is not None:
            self.losses.append(loss)


async def apply_tags(deps: WriteDeps, session: Session, batch: Batch, settled: Settled) -> None:
    """Applies a batch in its transaction, after its counters. Without tags and deletions it asks nothing."""
    uses = [
        NewUse(ref, tag, None if event.reply_to is None else event.reply_to.author_id)
        for event in batch.posted
        if event.tags and (ref := event.ref) in settled.existing
        for tag in event.tags
    ]
    # A retweet carries nothing; what goes on carried nothing any more when it began.
    deleted = [event.ref for event in batch.deleted if event.retweet_of is None and not event.going_on]
    went = await tags.delete_uses(session, deleted) if deleted else []
    kept: list[TagUse] = []
    if settled.edited:
        present = [
            NewUse(tweet.ref, tag, tweet.reply_to_author_id) for tweet in settled.edited for tag in words_of(tweet).tags
        ]
        went += await tags.delete_other_uses(session, [tweet.ref for tweet in settled.edited], present)
        kept = [TagUse(use.tweet.author_id, use.tweet.tweet_id, use.tag) for use in present]
        uses += present
    came = await tags.insert_uses(session, uses) if uses else []
    if not came and not went and not kept:
        return
    rules = deps.options.trending
    changes = _count_tweets(came, went)
    for use in kept:
        # It may be written in another way now.
        changes[use.tag].written_anew.add(use.tweet_id)
    await _note_people(session, came, went, changes, rules, first_id=rules.window_first_id(deps.clock.now_ms()))
    await change_tags(session, changes, rules)


def _count_tweets(came: Iterable[TagUse], went: Iterable[TagUse]) -> dict[str, TagChange]:
    changes: dict[str, TagChange] = defaultdict(TagChange)
    for use in came:
        change = changes[use.tag]
        change.tweets += 1
        # The notes come back in no order; the first tweet decides how a new tag looks.
        if change.new_tweet is None or use.tweet_id < change.new_tweet.tweet_id:
            change.new_tweet = TweetRef(use.author_id, use.tweet_id)
    for use in went:
        change = changes[use.tag]
        change.tweets -= 1
        change.gone_tweets.add(use.tweet_id)
    return changes


async def _note_people(
    session: Session,
    came: Sequence[TagUse],
    went: Sequence[TagUse],
    changes: Mapping[str, TagChange],
    rules: TrendingRules,
    *,
    first_id: int,
) -> None:
    """Brings the latest uses of the people of these tweets up to date."""
    newest: dict[PersonTag, TweetId] = {}
    for use in came:
        if use.tweet_id >= first_id:
            pair = (use.author_id, use.tag)
            newest[pair] = max(newest.get(pair, use.tweet_id), use.tweet_id)
    gone = {(use.author_id, use.tag, use.tweet_id) for use in went}
    before = await tags.lock_people(session, newest.keys() | {(use.author_id, use.tag) for use in went})
    bereft = {(user_id, tag) for (user_id, tag), last_id in before.items() if (user_id, tag, last_id) in gone}
    left = await tags.fetch_last_uses(session, bereft, first_id=first_id) if bereft else {}

    upserts: dict[PersonTag, TweetId] = {}
    deletes: set[PersonTag] = set()
    for pair in before.keys() | newest.keys():
        old_id = before.get(pair)
        # What is left holds what came, too: it is read after that was written.
        new_id = left.get(pair) if pair in bereft else max(filter(None, (old_id, newest.get(pair))))
        if new_id == old_id:
            continue
        changes[pair[1]].note_person(old_id, new_id, rules)
        if new_id is None:
            deletes.add(pair)
        else:
            upserts[pair] = new_id
    if upserts:
        await tags.upsert_people(session, upserts)
    if deletes:
        await tags.delete_people(session, deletes)


async def change_tags(session: Session, changes: Mapping[str, TagChange], rules: TrendingRules) -> None:
    """Brings the rows of tags up to date, after their people and tweets. Locks in the order of names."""
    made = {tag: change.new_tweet for tag, change in changes.items() if change.new_tweet is not None}
    if made:
        # Before any lock: who waits here for somebody who makes the same tag holds nothing that others wait for.
        await tags.insert(session, {tag: tag for tag in made})
    rows = await tags.lock(session, changes.keys())
    if not made.keys() <= {row.tag for row in rows}:
        raise ConcurrentUpdate("a tag went with its last use, in the moment when it was used again")
    unclear = [row.tag for row in rows if not _adds_up(row, changes[row.tag])]
    sums = await tags.sum_people(session, unclear, half_life_ms=rules.half_life_ms) if unclear else {}
    ranks = {row.tag: None if row.tag in unclear else _rank_after(row, changes[row.tag]) for row in rows}
    ranks |= {tag: found.rank for tag, found in sums.items()}
    changed = [
        msgspec.structs.replace(
            row,
            tweets_count=row.tweets_count + changes[row.tag].tweets,
            people_count=row.people_count + changes[row.tag].people,
            rank=ranks[row.tag],
        )
        for row in rows
    ]
    await tags.update(session, await _with_displays(session, changed, changes), min_people=rules.min_people)
    if unused := [row.tag for row in changed if row.tweets_count == 0]:
        await tags.delete_unused(session, unused)


def _rank_after(row: TagRow, change: TagChange) -> float | None:
    """The new rank, or None when there is none, or none that can be told from the old one."""
    rank = row.rank
    for gain in change.gains:
        rank = add_rank(rank, gain)
    lost = sum_ranks(change.losses)
    return rank if rank is None or lost is None else subtract_rank(rank, lost)


def _adds_up(row: TagRow, change: TagChange) -> bool:
    if not change.losses:
        return True
    return row.people_count + change.people > _PEOPLE_ADDED_UP and _rank_after(row, change) is not None


async def _with_displays(session: Session, rows: Sequence[TagRow], changes: Mapping[str, TagChange]) -> list[TagRow]:
    """A tag is shown as the tweet writes it that made its row. When that goes, as the oldest does that is left.

    So nobody changes how others' tag looks, and nothing stays of a text that is gone.
    """
    sources: dict[str, TweetRef | None] = {}
    for row in rows:
        change = changes[row.tag]
        if row.display_tweet_id is None and change.new_tweet is not None:
            sources[row.tag] = change.new_tweet
        elif row.display_tweet_id in change.gone_tweets:
            sources[row.tag] = await tags.find_oldest_tweet(session, row.tag) if row.tweets_count else None
        elif row.display_tweet_id in change.written_anew and row.display_author_id is not None:
            sources[row.tag] = TweetRef(row.display_author_id, row.display_tweet_id)
    refs = [ref for ref in sources.values() if ref is not None]
    spelled = await _fetch_spellings(session, refs) if refs else {}
    return [
        row
        if row.tag not in sources
        else msgspec.structs.replace(
            row,
            display=spelled.get((ref.tweet_id, row.tag), row.tag) if ref is not None else row.tag,
            display_author_id=ref.author_id if ref is not None else None,
            display_tweet_id=ref.tweet_id if ref is not None else None,
        )
        for row in rows
        for ref in [sources.get(row.tag)]
    ]


class _Entities(msgspec.Struct, frozen=True):
    hashtags: tuple[Hashtag, ...] = ()


async def _fetch_spellings(session: Session, refs: Collection[TweetRef]) -> dict[tuple[TweetId, str], str]:
    """How these tweets write their tags. One that was deleted just now says nothing: its event is still to come."""
    spelled: dict[tuple[TweetId, str], str] = {}
    for tweet in await tweets.fetch(session, list(refs)):
        if tweet.entities is not None:
            for hashtag in msgspec.json.decode(tweet.entities, type=_Entities).hashtags:
                spelled.setdefault((tweet.id, fold_tag(hashtag.text)), hashtag.text)
    return spelled
