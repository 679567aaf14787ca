"""What is derived from the words of tweets, held against what their rows say now."""

from collections.abc import Sequence, Set

from linnet.domain.event import TweetRef
from linnet.domain.tweet import Tweet
from linnet.stores.postgres import search, tweets
from linnet.stores.postgres.edits import fetch_history
from linnet.stores.postgres.queries import Query
from linnet.write.fanout.edits import words_of
from linnet.write.fanout.search import documents_of
from tests.support import recount_tags
from tests.support.world import World


def _query(text: str) -> Query:
    return Query("recounts.words", (), "many", text)


_TWEETS = _query("select author_id, id from tweets where retweet_of_id is null order by id")
_MENTIONS = _query("select user_id, tweet_id, author_id from mentions")
_TOLD = _query("select user_id, group_id, actor_id from notifications where kind = 'mentioned'")
_DOCUMENTS = _query("select tweet_id, document::text from tweet_documents order by tweet_id")
_FORGET = Query("recounts.forget", (), "none", "delete from tweet_documents")
_ORPHANS = _query(
    "select v.tweet_id from tweet_versions v where not exists (select from tweets t where t.id = v.tweet_id)"
)


async def assert_words(world: World, *, are_told: bool = True) -> None:
    """Tags, mentions, documents and versions, when nothing waits to be applied.

    ``are_told``: also who was told of mentions, where nobody ever blocked anybody.
    """
    refs = await world.db.fetch(TweetRef, _TWEETS)
    rows = await tweets.fetch(world.db, refs)
    await recount_tags.assert_tags(world.db, world.options.trending, world.write.clock)
    mentions = {(user_id, row.id, row.author_id) for row in rows for user_id in words_of(row).mentions}
    assert set(await world.db.fetch(lambda *row: row, _MENTIONS)) == mentions
    if are_told:
        await _assert_told(world, rows, mentions)
    documents = await world.db.fetch(lambda *row: row, _DOCUMENTS)
    await world.db.run(_FORGET)
    texts = await search.fetch_texts(world.db, [row.author_id for row in rows], [row.id for row in rows])
    await search.insert_documents(world.db, documents_of(texts, world.write.options.text))
    assert documents == await world.db.fetch(lambda *row: row, _DOCUMENTS), "found by what they said once"
    assert not await world.db.fetch(int, _ORPHANS), "a tweet went, and what it said before stayed"
    for row in rows:
        history = await fetch_history(world.db, row.ref)
        moments = [version.since_ms for version in history]
        assert moments == sorted(set(moments))
        assert history[-1].text == row.text
        assert (len(history) > 1) == (row.edited_ms is not None)


async def _assert_told(world: World, rows: Sequence[Tweet], mentions: Set[tuple[int, int, int]]) -> None:
    answered: dict[int, int | None] = {row.id: row.reply_to_author_id for row in rows}
    assert set(await world.db.fetch(lambda *row: row, _TOLD)) == {
        (user_id, tweet_id, author_id)
        for user_id, tweet_id, author_id in mentions
        if user_id not in (author_id, answered[tweet_id])
    }
