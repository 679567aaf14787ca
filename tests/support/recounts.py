"""What is derived, held against what is counted anew from the truth."""

from collections.abc import Sequence

from linnet.domain.timeline import Entry, unpack_entry
from linnet.domain.visibility import shows_reply
from linnet.ids import UserId
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.windows import unpack_people
from tests.support.world import World


async def assert_counts(db: Reader, *, top_user_followers: int) -> None:
    """Counters, notes under tweets, both sides of follows and the records of top users."""
    for sentence, text in _DIFFERENCES.items():
        query = Query("recounts.difference", (), "many", text)
        params = {"threshold": top_user_followers} if "threshold" in text else {}
        wrong = await db.fetch(lambda *row: row, query, **params)
        assert not wrong, f"{sentence}: {wrong}"


async def assert_all_told(db: Reader) -> None:
    """Nothing is missing from anybody's notifications, where nobody ever blocked anybody."""
    missing = await db.fetch(lambda *row: row, Query("recounts.untold", (), "many", UNTOLD))
    assert not missing, f"not told: {missing}"


async def assert_views(
    db: Reader, viewer_id: UserId, items: Sequence[TweetView], *, rows_may_be_old: bool = False
) -> None:
    """What a page says of its tweets, beside which they are; of old rows only what the viewer did with them."""
    for item in items:
        tweet = item.retweet_of or item
        found = await db.find(lambda *row: row, _VIEW, tweet_id=int(tweet.id), viewer_id=viewer_id)
        assert tweet.viewer is not None
        done = (tweet.viewer.retweeted, tweet.viewer.liked)
        shown = (tweet.counts.replies, tweet.counts.retweets, tweet.counts.likes, tweet.pinned, *done)
        assert found is not None, f"tweet {tweet.id} is gone"
        first = len(shown) - len(done) if rows_may_be_old else 0
        assert shown[first:] == found[first:], f"tweet {tweet.id} is shown with {shown}, and has {found}"


async def assert_window(world: World, name: str) -> None:
    """The invariants of a window, if there is one. What followed tags alone bring is never in it."""
    elements = await world.window_elements(name)
    packed_pulled = await world.write.valkey.call(b"GET", world.write.keys.pull(world.ids[name]))
    if not elements or (elements[0].startswith(b"?") and len(elements[0]) < 16) or packed_pulled is None:
        return
    tail, entries = elements[-1], [unpack_entry(element) for element in elements[:-1]]
    ids = [entry.id for entry in entries]
    assert tail in (b".", b"+"), f"{name}'s window ends with {tail!r}"
    assert ids == sorted(set(ids), reverse=True), f"{name}'s window is not in order: {ids}"
    assert len(ids) <= world.options.window.max_entries, f"{name}'s window holds {len(ids)}"
    pulled, _, _, _ = unpack_people(packed_pulled)
    reaches = ids[-1] if tail == b"+" and ids else 0
    followed = {world.ids[name], *await world.db.fetch(UserId, _FOLLOWED, user_id=world.ids[name])}
    missing = [
        entry
        for entry in await world.oracle(name)
        if entry.id >= reaches
        and entry.id not in ids
        and not _is_pulled(entry, world.ids[name], pulled)
        and entry.author_id in followed
        and shows_reply(entry, world.ids[name], followed)
    ]
    assert not missing, f"{name}'s window lacks {missing}"


def _is_pulled(entry: Entry, reader_id: UserId, pulled: frozenset[UserId]) -> bool:
    return entry.author_id in pulled and shows_reply(entry, reader_id, pulled)


_FOLLOWED = Query("recounts.followed", (), "many", "select followed_id from following where user_id = %(user_id)s")
_VIEW = Query(
    "recounts.view",
    (),
    "one",
    "select replies_count, retweets_count, likes_count, pinned, exists ("
    "  select from tweets r where r.author_id = %(viewer_id)s and r.retweet_of_id = t.id"
    "), exists ("
    "  select from likes l where l.user_id = %(viewer_id)s and l.tweet_id = t.id"
    ") from tweets t where id = %(tweet_id)s",
)

# Everything that somebody is told of, unless it was done by somebody whom they block or are blocked by.
_CAUSES = """
    select followed_id as user_id, 'followed' as kind, (id >> 16) / 86400000 as group_id, user_id as actor_id
    from following
    union all
    select followed_id, 'requested', user_id, user_id from follow_requests
    union all
    select author_id, 'liked', tweet_id, user_id from likes where author_id <> user_id
    union all
    select retweet_of_author_id, 'retweeted', retweet_of_id, author_id from tweets
    where retweet_of_id is not null and retweet_of_author_id <> author_id
    union all
    select reply_to_author_id, 'replied', id, author_id from tweets
    where reply_to_id is not null and reply_to_author_id <> author_id
    union all
    select m.user_id, 'mentioned', m.tweet_id, m.author_id from mentions m
    join tweets t on t.author_id = m.author_id and t.id = m.tweet_id
    where m.user_id <> m.author_id and t.reply_to_author_id is distinct from m.user_id
    union all
    select author_id, 'poll_ended', id, author_id from tweets where poll is not null and poll_ending_ms is null
    union all
    select v.user_id, 'poll_ended', t.id, t.author_id from votes v
    join tweets t on t.author_id = v.author_id and t.id = v.tweet_id
    where t.poll is not null and t.poll_ending_ms is null
    union all
    select r.author_id, 'edited', t.id, t.author_id from tweets r
    join tweets t on t.author_id = r.retweet_of_author_id and t.id = r.retweet_of_id
    where t.edited_ms > r.id >> 16 and r.author_id <> t.author_id"""

UNTOLD = f"""
    select * from ({_CAUSES}) c except select user_id, kind, group_id, actor_id from notifications"""
"""What nobody was told of. Those who blocked each other for a while are never told of what was done before."""

_DIRECTS = """
    select p.user_id, t.id, t.author_id, coalesce(t.conversation_id, t.id), t.reply_to_id
    from tweets t
    join lateral (
        select t.author_id as user_id
        union select t.reply_to_author_id
        union select (m->>'user_id')::bigint from json_array_elements(t.entities->'mentions') m
    ) p on true
    join users u on u.id = p.user_id and u.deleted_ms is null
    where t.visibility = 'direct'"""
"""Every direct tweet with each of those whom it is for."""

_DIFFERENCES = {
    "the two sides of blocks": """
        (select user_id, blocked_id, id from blocks except select blocker_id, user_id, id from blocked_by)
        union all
        (select blocker_id, user_id, id from blocked_by except select user_id, blocked_id, id from blocks)""",
    "follows across a block": """
        select f.user_id, f.followed_id from following f join blocks b
            on (b.user_id, b.blocked_id) in ((f.user_id, f.followed_id), (f.followed_id, f.user_id))""",
    "tweets of users": """
        select id, tweets_count, counted from (
            select u.id, u.tweets_count, (
                select count(*) from tweets t where t.author_id = u.id and t.visibility is distinct from 'direct'
            ) as counted
            from users u
        ) c where tweets_count <> counted""",
    "followers of users": """
        select id, followers_count, counted from (
            select u.id, u.followers_count, (select count(*) from followers f where f.user_id = u.id) as counted
            from users u
        ) c where followers_count <> counted""",
    "who users follow": """
        select id, following_count, counted from (
            select u.id, u.following_count, (select count(*) from following f where f.user_id = u.id) as counted
            from users u
        ) c where following_count <> counted""",
    "the two sides of follows": """
        (select user_id, followed_id, id from following except select follower_id, user_id, id from followers)
        union all
        (select follower_id, user_id, id from followers except select user_id, followed_id, id from following)""",
    "the two sides of requests": """
        (select user_id, followed_id, id from follow_requests
        except select requester_id, user_id, id from follow_requesters)
        union all
        (select requester_id, user_id, id from follow_requesters
        except select user_id, followed_id, id from follow_requests)""",
    "requests of those who follow, or are kept away": """
        select r.user_id, r.followed_id from follow_requests r join following f
            on f.user_id = r.user_id and f.followed_id = r.followed_id
        union all
        select r.user_id, r.followed_id from follow_requests r join blocks b
            on (b.user_id, b.blocked_id) in ((r.user_id, r.followed_id), (r.followed_id, r.user_id))""",
    "replies to tweets": """
        select id, replies_count, counted from (
            select t.id, t.replies_count, (
                select count(*) from tweets r where r.reply_to_id = t.id and r.visibility is distinct from 'direct'
            ) as counted
            from tweets t
        ) c where replies_count <> counted""",
    "retweets of tweets": """
        select id, retweets_count, counted from (
            select t.id, t.retweets_count, (select count(*) from tweets r where r.retweet_of_id = t.id) as counted
            from tweets t
        ) c where retweets_count <> counted""",
    "likes of tweets": """
        select id, likes_count, counted from (
            select t.id, t.likes_count, (select count(*) from likes l where l.tweet_id = t.id) as counted
            from tweets t
        ) c where likes_count <> counted""",
    "notes of likes": """
        select author_id, tweet_id, user_id, id from tweet_likes
        except select author_id, tweet_id, user_id, id from likes""",
    "likes without a note": """
        select author_id, tweet_id, user_id, id from likes
        except select author_id, tweet_id, user_id, id from tweet_likes""",
    "likes of nothing": """
        select l.user_id, l.tweet_id from likes l
        where not exists (select from tweets t where t.author_id = l.author_id and t.id = l.tweet_id)""",
    "what polls count": """
        select t.id, t.poll_voters, t.poll_votes, c.voters, c.votes from tweets t
        cross join lateral (
            select count(*) as voters, array[
                count(*) filter (where v.choices & 1 > 0), count(*) filter (where v.choices & 2 > 0),
                count(*) filter (where v.choices & 4 > 0), count(*) filter (where v.choices & 8 > 0)
            ] as votes
            from votes v where v.tweet_id = t.id
        ) c
        where t.poll is not null and (t.poll_voters <> c.voters or t.poll_votes <> c.votes)""",
    "the two sides of votes": """
        (select author_id, tweet_id, user_id, choices from tweet_votes
        except select author_id, tweet_id, user_id, choices from votes)
        union all
        (select author_id, tweet_id, user_id, choices from votes
        except select author_id, tweet_id, user_id, choices from tweet_votes)""",
    "votes that are not said to be counted": """
        select v.user_id, v.tweet_id, v.version, t.version from votes v join tweets t on t.id = v.tweet_id
        where v.version is null or v.version > t.version""",
    "votes in nothing": """
        select v.user_id, v.tweet_id from votes v where not exists (
            select from tweets t where t.author_id = v.author_id and t.id = v.tweet_id and t.poll is not null
        )""",
    "notes of replies": """
        select author_id, tweet_id, reply_id from replies
        except select p.author_id, p.id, r.id from tweets r join tweets p on p.id = r.reply_to_id
        where r.visibility is distinct from 'direct'""",
    "replies without a note": """
        select p.author_id, p.id, r.id from tweets r join tweets p on p.id = r.reply_to_id
        where r.visibility is distinct from 'direct'
        except select author_id, tweet_id, reply_id from replies""",
    "direct tweets of whom they are not for": f"""
        select user_id, tweet_id, author_id, conversation_id, reply_to_id from directs except {_DIRECTS}""",
    "direct tweets that somebody lacks": f"""
        {_DIRECTS} except select user_id, tweet_id, author_id, conversation_id, reply_to_id from directs""",
    "where conversations stand": """
        select coalesce(c.user_id, d.user_id), coalesce(c.conversation_id, d.conversation_id), c.last_id, d.last_id
        from conversations c
        full join (
            select user_id, conversation_id, max(tweet_id) as last_id from directs where not hidden group by 1, 2
        ) d on d.user_id = c.user_id and d.conversation_id = c.conversation_id
        where c.last_id is distinct from d.last_id""",
    "conversations that do not go on": """
        select t.id, t.conversation_id, p.conversation_id from tweets t
        join tweets p on p.author_id = t.reply_to_author_id and p.id = t.reply_to_id
        where t.conversation_id <> case
            when (t.visibility is not distinct from 'direct') = (p.visibility is not distinct from 'direct')
            then coalesce(p.conversation_id, p.id) else t.id end""",
    "direct tweets that were retweeted, pinned or made to be found": """
        select t.id from tweets t where t.visibility = 'direct' and (
            t.pinned or t.retweet_of_id is not null or exists (select from tweets r where r.retweet_of_id = t.id)
            or exists (select from tweet_tags u where u.tweet_id = t.id)
            or exists (select from tweet_documents f where f.tweet_id = t.id)
            or exists (select from popular f where f.tweet_id = t.id))""",
    "notes of retweets": """
        select author_id, tweet_id, user_id, retweet_id from retweets
        except select o.author_id, o.id, r.author_id, r.id from tweets r join tweets o on o.id = r.retweet_of_id""",
    "retweets without a note": """
        select o.author_id, o.id, r.author_id, r.id from tweets r join tweets o on o.id = r.retweet_of_id
        except select author_id, tweet_id, user_id, retweet_id from retweets""",
    "notifications without a cause": f"""
        select user_id, kind, group_id, actor_id from notifications except select * from ({_CAUSES}) c""",
    "groups of notifications": """
        select coalesce(g.user_id, n.user_id), coalesce(g.kind, n.kind), coalesce(g.group_id, n.group_id),
            g.newest_id, n.newest_id, g.people_count, n.people_count
        from notification_groups g
        full join (
            select user_id, kind, group_id, max(id) as newest_id, count(*) as people_count
            from notifications group by user_id, kind, group_id
        ) n on n.user_id = g.user_id and n.kind = g.kind and n.group_id = g.group_id
        where g.newest_id is distinct from n.newest_id or g.people_count is distinct from n.people_count""",
    "mentions of nothing": """
        select user_id, tweet_id, author_id from mentions except select m.user_id, t.id, t.author_id
        from tweets t join mentions m on m.author_id = t.author_id and m.tweet_id = t.id""",
    "retweets of nothing": """
        select r.author_id, r.id from tweets r
        where r.retweet_of_id is not null and not exists (select from tweets o where o.id = r.retweet_of_id)""",
    "top users": """
        select u.id, u.followers_count, u.is_top, t.since_id, t.until_id
        from users u left join top_users t on t.user_id = u.id
        where u.is_top <> (t.since_id is not null and t.until_id is null)
            or (u.followers_count > %(threshold)s and not u.is_top)
            or (u.followers_count < %(threshold)s and u.is_top)
            or (t.user_id is not null and not u.is_top)""",
}
