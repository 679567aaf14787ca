-- Which history of Valkey is believed, and what a Valkey that lost its end must be told again.

-- :name find () -> one
-- The believed history; nothing in a new installation. Served by valkey_history_pkey.
select generation, server from valkey_history where one;

-- :name begin (generation, server) -> value
-- Ends a history and begins the next, which only servers believe in that go on from the old one; nothing when it had
-- ended already. Waits for batches that have confirmed the old one. Served by valkey_history_pkey.
insert into valkey_history as h (generation, server) select %(generation)s::bigint + 1, %(server)s::text
on conflict (one) do update set generation = excluded.generation, server = excluded.server
    where h.generation = %(generation)s
returning generation;

-- :name accept (generation, server) -> none
-- This server holds the history from now on, unless the next one has begun. Served by valkey_history_pkey.
update valkey_history set server = %(server)s where one and generation = %(generation)s;

-- :name confirm (generation) -> value
-- 1 when this history has not ended, and it will not before the transaction does. Served by valkey_history_pkey.
select 1 from valkey_history where one and generation = %(generation)s for share;

-- :name try_lock (key) -> value
-- Whether nobody else repairs. Until the transaction ends nobody else does.
select pg_try_advisory_xact_lock(%(key)s::bigint);

-- :name find_oldest_event () -> value
-- The lowest id of an event that waits. A scan of a table that is nearly empty when all is well.
select min(id) from outbox;

-- :name insert_changes (user_ids, other_ids, id) -> none
-- These people's windows were dropped. Served by view_changes_pkey.
insert into view_changes (user_id, id, other_id)
select unnest(%(user_ids)s::bigint[]), %(id)s, unnest(%(other_ids)s::bigint[])
on conflict do nothing;

-- :name fetch_changed (from_id, after_user_id, page_size) -> many
-- Whose windows were dropped since, by id. Served by view_changes_newest.
select distinct user_id from view_changes
where id >= %(from_id)s and user_id > %(after_user_id)s
order by user_id
limit %(page_size)s;

-- :name fetch_others (user_ids, from_id) -> many
-- Over whom these people's windows were dropped since. Served by view_changes_pkey.
select distinct user_id, other_id from view_changes
where user_id = any(%(user_ids)s::bigint[]) and id >= %(from_id)s and other_id <> 0
order by user_id, other_id;

-- :name fetch_states (user_ids, other_ids) -> many
-- For each pair whether the one follows the other now, and the number of the one's last change. Served by
-- following_pkey and follow_changes_pkey.
with asked as (
    select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(other_ids)s::bigint[]) as other_id
)
select a.user_id, a.other_id, f.user_id is not null, coalesce(c.id, 0)
from asked a
left join (
    select user_id, followed_id from following
    where user_id = any(%(user_ids)s::bigint[]) and followed_id = any(%(other_ids)s::bigint[])
) f on f.user_id = a.user_id and f.followed_id = a.other_id
left join (select user_id, id from follow_changes where user_id = any(%(user_ids)s::bigint[])) c
    on c.user_id = a.user_id;

-- :name delete_changes (before_id, page_size) -> none
-- Changes of long ago, some at a time. Served by view_changes_newest and view_changes_pkey.
delete from view_changes where (user_id, id, other_id) in (
    select user_id, id, other_id from view_changes where id < %(before_id)s order by id limit %(page_size)s
);

-- :name fetch_tweets (from_id, page_size) -> many
-- Tweets, replies and retweets from an id on, oldest first, without direct ones. Served by tweets_newest.
select author_id, id, reply_to_author_id, reply_to_id, retweet_of_author_id, retweet_of_id
from tweets
where id >= %(from_id)s and visibility is distinct from 'direct'
order by id
limit %(page_size)s;

-- :name count_tweets (from_id, most) -> value
-- How many tweets there are from an id on, counted up to a bound. Served by tweets_newest.
select count(*) from (select 1 from tweets where id >= %(from_id)s order by id limit %(most)s) counted;

-- :name fetch_crossing (from_id) -> many
-- Top users who became such since, or are about to become or to cease. A scan of a small table.
select user_id from top_users
where since_id is null or since_id >= %(from_id)s or until_id is not null
order by user_id;
