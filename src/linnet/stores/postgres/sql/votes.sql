-- :name insert (user_id, tweet_id, author_id, choices, event_id, lane, kind, payload) -> value
-- A vote and its event, in one statement that is one transaction; 1 when it is new. Of several at once one is. The
-- event's id is larger than those of the voter's events still waiting. Served by votes_pkey and outbox_pkey.
with voted as (
    insert into votes (user_id, tweet_id, author_id, choices)
    values (%(user_id)s, %(tweet_id)s, %(author_id)s, %(choices)s)
    on conflict do nothing
    returning user_id
), appended as (
    insert into outbox (actor_id, id, lane, kind, payload)
    select user_id,
        greatest(%(event_id)s, (select coalesce(max(o.id), 0) + 1 from outbox o where o.actor_id = %(user_id)s)),
        %(lane)s, %(kind)s, %(payload)s::jsonb
    from voted
)
select count(*) from voted;

-- :name fetch_by_user (user_id, tweet_ids) -> many
-- What somebody chose in these polls. Served by votes_pkey.
select user_id, tweet_id, author_id, choices, coalesce(version, 0) from votes
where user_id = %(user_id)s and tweet_id = any(%(tweet_ids)s::bigint[]);

-- :name fetch_votes (user_ids, tweet_ids) -> many
-- Which of these pairs of somebody and a tweet are votes. Served by votes_pkey.
select v.user_id, v.tweet_id, v.author_id, v.choices, coalesce(v.version, 0)
from (select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id) p
join votes v on v.user_id = p.user_id and v.tweet_id = p.tweet_id;

-- :name insert_notes (author_ids, tweet_ids, user_ids, choices) -> many
-- Notes votes under their polls; returns the new ones. Served by tweet_votes_pkey.
insert into tweet_votes (author_id, tweet_id, user_id, choices)
select unnest(%(author_ids)s::bigint[]), unnest(%(tweet_ids)s::bigint[]), unnest(%(user_ids)s::bigint[]),
    unnest(%(choices)s::bigint[])::smallint
on conflict do nothing
returning user_id, tweet_id, author_id, choices, 0;

-- :name delete_notes (author_ids, tweet_ids, user_ids, choices) -> many
-- Takes back notes of these people that say something else than these choices (0: no vote); returns those. Served by
-- tweet_votes_pkey.
delete from tweet_votes v
using (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(choices)s::bigint[]) as choices
) d
where v.author_id = d.author_id and v.tweet_id = d.tweet_id and v.user_id = d.user_id and v.choices <> d.choices
returning v.user_id, v.tweet_id, v.author_id, v.choices, 0;

-- :name delete_notes_of (author_id, tweet_id, page_size) -> many
-- A deleted tweet's votes, some at a time: takes the notes away and says whose they were. Served by tweet_votes_pkey.
delete from tweet_votes
where (author_id, tweet_id, user_id) in (
    select author_id, tweet_id, user_id from tweet_votes
    where author_id = %(author_id)s and tweet_id = %(tweet_id)s
    order by user_id
    limit %(page_size)s
)
returning user_id;

-- :name add_counts (author_ids, tweet_ids, voters, firsts, seconds, thirds, fourths) -> many
-- Adds to what polls count; returns the tweets as they are now. Rows must be locked. Served by tweets_pkey.
update tweets t
set poll_voters = t.poll_voters + c.voters,
    poll_votes = array[t.poll_votes[1] + c.first, t.poll_votes[2] + c.second, t.poll_votes[3] + c.third,
        t.poll_votes[4] + c.fourth],
    version = t.version + 1
from (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as id,
        unnest(%(voters)s::bigint[]) as voters, unnest(%(firsts)s::bigint[]) as first,
        unnest(%(seconds)s::bigint[]) as second, unnest(%(thirds)s::bigint[]) as third,
        unnest(%(fourths)s::bigint[]) as fourth
) c
where t.author_id = c.author_id and t.id = c.id and t.poll is not null
returning t.author_id, t.id, t.version, t.replies_count, t.retweets_count, t.likes_count;

-- :name say_counted (user_ids, tweet_ids, versions) -> none
-- Says of votes since which version of its tweet the poll counts them. Served by votes_pkey.
update votes v
set version = c.version
from (
    select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(versions)s::bigint[]) as version
) c
where v.user_id = c.user_id and v.tweet_id = c.tweet_id;

-- :name delete_orphans (user_ids, tweet_ids) -> none
-- Votes in polls that are gone; two lanes may come upon the same ones, so they are locked in one order. Served by
-- votes_pkey.
with orphans as (
    select user_id, tweet_id from votes
    where (user_id, tweet_id) in (select unnest(%(user_ids)s::bigint[]), unnest(%(tweet_ids)s::bigint[]))
    order by user_id, tweet_id
    for update
)
delete from votes v using orphans o where v.user_id = o.user_id and v.tweet_id = o.tweet_id;

-- :name delete_orphans_of_one (user_id, tweet_ids) -> none
-- The same for votes of one user. Served by votes_pkey.
with orphans as (
    select tweet_id from votes
    where user_id = %(user_id)s and tweet_id = any(%(tweet_ids)s::bigint[])
    order by tweet_id
    for update
)
delete from votes v using orphans o where v.user_id = %(user_id)s and v.tweet_id = o.tweet_id;

-- :name fetch_ended (now_ms, page_size) -> many
-- Polls that have ended and of which that has not been told, the oldest end first. Served by tweets_polls_ending.
select author_id, id from tweets
where poll_ending_ms <= %(now_ms)s
order by poll_ending_ms, id
limit %(page_size)s;

-- :name end_poll (author_id, tweet_id) -> value
-- Takes it upon oneself to tell that a poll has ended; 1 for one alone. Served by tweets_pkey.
with ended as (
    update tweets set poll_ending_ms = null
    where author_id = %(author_id)s and id = %(tweet_id)s and poll_ending_ms is not null
    returning id
)
select count(*) from ended;

-- :name fetch_told (author_ids, tweet_ids) -> many
-- Those of these polls of which it was told that they ended, or is being told. Served by tweets_pkey.
select author_id, id from tweets
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[])
    and poll is not null and poll_ending_ms is null;

-- :name fetch_voters (author_id, tweet_id, after_user_id, page_size) -> many
-- Who voted, by their ids. Served by tweet_votes_pkey alone.
select user_id from tweet_votes
where author_id = %(author_id)s and tweet_id = %(tweet_id)s and user_id > %(after_user_id)s
order by user_id
limit %(page_size)s;
