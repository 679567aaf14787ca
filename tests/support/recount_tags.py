"""What is kept of tags, held against what is counted anew from the tweets that are there."""

from collections import defaultdict

import msgspec
import pytest

from linnet.clock import Clock
from linnet.domain.hashtags import Hashtag, fold_tag
from linnet.domain.trending import TrendingRules, sum_ranks
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import Query


class _Entities(msgspec.Struct):
    hashtags: tuple[Hashtag, ...] = ()


def _query(text: str) -> Query:
    return Query("recounts.tags", (), "many", text)


_TWEETS = _query(
    "select author_id, id, reply_to_author_id, entities::text from tweets"
    " where entities is not null and visibility is null"
)
_USES = _query("select author_id, tweet_id, tag, reply_to_author_id from tweet_tags")
_PEOPLE = _query("select user_id, tag, last_id from tag_people")
_TAGS = _query(
    "select tag, display, display_author_id, display_tweet_id, tweets_count, people_count, rank, trends, is_hidden,"
    " pinned_id is not null from tags"
)


async def assert_tags(db: Reader, rules: TrendingRules, clock: Clock) -> None:
    """Uses, people, counts, ranks and how tags are shown. Nothing waits to be applied."""
    spelled: dict[tuple[int, str], set[str]] = defaultdict(set)
    uses = set()
    for author_id, tweet_id, answered_id, entities in await db.fetch(lambda *row: row, _TWEETS):
        for hashtag in msgspec.json.decode(entities, type=_Entities).hashtags:
            tag = fold_tag(hashtag.text)
            uses.add((author_id, tweet_id, tag, answered_id))
            spelled[tweet_id, tag].add(hashtag.text)
    assert set(await db.fetch(lambda *row: row, _USES)) == uses

    last: dict[tuple[int, str], int] = {}
    for author_id, tweet_id, tag, _ in uses:
        last[author_id, tag] = max(last.get((author_id, tag), 0), tweet_id)
    people = {(user_id, tag): last_id for user_id, tag, last_id in await db.fetch(lambda *row: row, _PEOPLE)}
    first_id = rules.window_first_id(clock.now_ms())
    assert {pair: last_id for pair, last_id in people.items() if last_id >= first_id} == {
        pair: last_id for pair, last_id in last.items() if last_id >= first_id
    }
    assert people.items() <= last.items(), "somebody is left whose use is gone"

    rows = await db.fetch(lambda *row: row, _TAGS)
    ruled = {row[0] for row in rows if row[8] or row[9]}
    assert {row[0] for row in rows} == {tag for _, _, tag, _ in uses} | ruled
    for tag, display, author_id, tweet_id, tweets_count, people_count, rank, trends, is_hidden, is_pinned in rows:
        carrying = {(use[0], use[1]) for use in uses if use[2] == tag}
        assert tweets_count == len(carrying), tag
        last_ids = [last_id for (_, its_tag), last_id in people.items() if its_tag == tag]
        assert people_count == len(last_ids), tag
        expected = sum_ranks(rules.rank_of_use(last_id) for last_id in last_ids)
        assert rank == (None if expected is None else pytest.approx(expected, abs=1e-7)), tag
        assert trends == (people_count >= rules.min_people and not is_hidden and not is_pinned), tag
        if carrying:
            assert (author_id, tweet_id) in carrying, f"{tag} is shown as a tweet writes it that is gone"
            assert display in spelled[tweet_id, tag], tag
        else:
            assert (author_id, tweet_id) == (None, None), tag
