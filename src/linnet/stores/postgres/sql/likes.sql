-- :name insert (user_id, tweet_id, author_id, like_id, lane, kind, payload) -> value
-- A like and its event, in one statement that is one transaction; 1 when it is new. Of several at once one is. The
-- event's id is larger than those of the liker's events still waiting. Served by likes_pkey and outbox_pkey.
with liked as (
    insert into likes (user_id, tweet_id, author_id, id)
    values (%(user_id)s, %(tweet_id)s, %(author_id)s, %(like_id)s)
    on conflict do nothing
    returning user_id
), appended as (
    insert into outbox (actor_id, id, lane, kind, payload)
    select user_id,
        greatest(%(like_id)s, (select coalesce(max(o.id), 0) + 1 from outbox o where o.actor_id = %(user_id)s)),
        %(lane)s, %(kind)s, %(payload)s::jsonb
    from liked
)
select count(*) from liked;

-- :name delete (user_id, tweet_id, event_id, lane, kind, payload) -> value
-- Takes a like back, with the event that says so; 1 when it was there. Served by likes_pkey and outbox_pkey.
with unliked as (
    delete from likes where user_id = %(user_id)s and tweet_id = %(tweet_id)s
    returning user_id
), appended as (
    insert into outbox (actor_id, id, lane, kind, payload)
    select user_id,
        greatest(%(event_id)s, (select coalesce(max(o.id), 0) + 1 from outbox o where o.actor_id = %(user_id)s)),
        %(lane)s, %(kind)s, %(payload)s::jsonb
    from unliked
)
select count(*) from unliked;

-- :name fetch_liked_among (user_id, tweet_ids) -> many
-- Which of these tweets somebody likes. Served by likes_pkey alone.
select tweet_id from likes where user_id = %(user_id)s and tweet_id = any(%(tweet_ids)s::bigint[]);

-- :name fetch_liked (user_id, page_size) -> many
-- What somebody likes, the newest tweets first. Served by likes_pkey alone.
select tweet_id from likes where user_id = %(user_id)s
order by tweet_id desc
limit %(page_size)s;

-- :name fetch_by_user (user_id, before_id, page_size) -> many
-- Somebody's likes below a cursor, newest first. Served by likes_newest alone.
select user_id, tweet_id, author_id, id from likes
where user_id = %(user_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_by_user_above (user_id, after_id, page_size) -> many
-- Somebody's likes just above a cursor, oldest first. Served by likes_newest alone.
select user_id, tweet_id, author_id, id from likes
where user_id = %(user_id)s and id > %(after_id)s
order by id
limit %(page_size)s;

-- :name fetch_entries (author_ids, tweet_ids) -> many
-- These tweets as entries, in no order; what is gone is left out. Served by tweets_pkey alone.
select id, author_id, coalesce(reply_to_author_id, retweet_of_author_id, 0), coalesce(retweet_of_id, 0)
from tweets
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[]);

-- :name fetch_likers (author_id, tweet_id, before_id, page_size) -> many
-- Who likes a tweet, newest like first. Served by tweet_likes_newest alone.
select id, user_id from tweet_likes
where author_id = %(author_id)s and tweet_id = %(tweet_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_likers_above (author_id, tweet_id, after_id, page_size) -> many
-- Who likes a tweet, just above a cursor, oldest first. Served by tweet_likes_newest alone.
select id, user_id from tweet_likes
where author_id = %(author_id)s and tweet_id = %(tweet_id)s and id > %(after_id)s
order by id
limit %(page_size)s;

-- :name fetch_likes (user_ids, tweet_ids) -> many
-- Which of these pairs of somebody and a tweet are likes. Served by likes_pkey.
select l.user_id, l.tweet_id, l.author_id, l.id
from (select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id) p
join likes l on l.user_id = p.user_id and l.tweet_id = p.tweet_id;

-- :name insert_notes (author_ids, tweet_ids, user_ids, like_ids) -> many
-- Notes likes under their tweets; returns the new ones. Served by tweet_likes_pkey.
insert into tweet_likes (author_id, tweet_id, user_id, id)
select unnest(%(author_ids)s::bigint[]), unnest(%(tweet_ids)s::bigint[]),
    unnest(%(user_ids)s::bigint[]), unnest(%(like_ids)s::bigint[])
on conflict do nothing
returning author_id, tweet_id;

-- :name delete_notes (author_ids, tweet_ids, user_ids, like_ids) -> many
-- Takes back notes that say something else than these likes (0: no like); returns those. Served by tweet_likes_pkey.
delete from tweet_likes l
using (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(like_ids)s::bigint[]) as id
) d
where l.author_id = d.author_id and l.tweet_id = d.tweet_id and l.user_id = d.user_id and l.id <> d.id
returning l.author_id, l.tweet_id;

-- :name delete_notes_of (author_id, tweet_id, page_size) -> many
-- A deleted tweet's likes, some at a time: takes the notes away and says whose they were. Served by tweet_likes_pkey.
delete from tweet_likes
where (author_id, tweet_id, user_id) in (
    select author_id, tweet_id, user_id from tweet_likes
    where author_id = %(author_id)s and tweet_id = %(tweet_id)s
    order by user_id
    limit %(page_size)s
)
returning user_id;

-- :name delete_orphans (user_ids, tweet_ids) -> none
-- Likes of tweets that are gone; two lanes may come upon the same ones, so they are locked in one order. Served by
-- likes_pkey.
with orphans as (
    select user_id, tweet_id from likes
    where (user_id, tweet_id) in (select unnest(%(user_ids)s::bigint[]), unnest(%(tweet_ids)s::bigint[]))
    order by user_id, tweet_id
    for update
)
delete from likes l using orphans o where l.user_id = o.user_id and l.tweet_id = o.tweet_id;

-- :name delete_orphans_of_one (user_id, tweet_ids) -> none
-- The same for likes of one user. Served by likes_pkey.
with orphans as (
    select tweet_id from likes
    where user_id = %(user_id)s and tweet_id = any(%(tweet_ids)s::bigint[])
    order by tweet_id
    for update
)
delete from likes l using orphans o where l.user_id = %(user_id)s and l.tweet_id = o.tweet_id;
