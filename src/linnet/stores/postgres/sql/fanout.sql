-- :name fetch_audiences (ordinals, author_ids) -> many
-- The followers of authors, packed 8 bytes each, per ordinal. Served by followers_pkey alone.
select a.ordinal, string_agg(int8send(f.follower_id), ''::bytea order by f.follower_id)
from (select unnest(%(ordinals)s::int[]) as ordinal, unnest(%(author_ids)s::bigint[]) as author_id) a
join followers f on f.user_id = a.author_id
group by a.ordinal;

-- :name fetch_reply_audiences (ordinals, author_ids, answered_ids) -> many
-- Those who follow both the author and the answered, and the answered if they follow the author: the reply rule on the
-- push side. Walks the author's followers, so the author should be the one with fewer. Served by followers_pkey.
select a.ordinal, string_agg(int8send(f.follower_id), ''::bytea order by f.follower_id)
from (
    select unnest(%(ordinals)s::int[]) as ordinal, unnest(%(author_ids)s::bigint[]) as author_id,
        unnest(%(answered_ids)s::bigint[]) as answered_id
) a
join followers f on f.user_id = a.author_id
where f.follower_id = a.answered_id
    or exists (select from followers r where r.user_id = a.answered_id and r.follower_id = f.follower_id)
group by a.ordinal;

-- :name fetch_reply_audiences_in_steps (ordinals, author_ids, answered_ids) -> many
-- The same, for tables that lie on several nodes: the rows of one owner, and then of the other. Served by followers_pkey.
with asked as (
    select unnest(%(ordinals)s::int[]) as ordinal, unnest(%(author_ids)s::bigint[]) as author_id,
        unnest(%(answered_ids)s::bigint[]) as answered_id
), candidates as (
    select a.ordinal, a.answered_id, f.follower_id
    from asked a join followers f on f.user_id = a.author_id
), kept as (
    select c.ordinal, c.follower_id
    from candidates c join followers r on r.user_id = c.answered_id and r.follower_id = c.follower_id
    where c.follower_id <> c.answered_id
    union all
    select ordinal, follower_id from candidates where follower_id = answered_id
)
select ordinal, string_agg(int8send(follower_id), ''::bytea order by follower_id) from kept group by ordinal;

-- :name fetch_reply_audiences_of_top (ordinals, author_ids, answered_ids) -> many
-- The same set, walking the followers of the answered: for an author with many followers. Served by followers_pkey.
with asked as (
    select unnest(%(ordinals)s::int[]) as ordinal, unnest(%(author_ids)s::bigint[]) as author_id,
        unnest(%(answered_ids)s::bigint[]) as answered_id
), candidates as (
    select a.ordinal, a.author_id, r.follower_id
    from asked a join followers r on r.user_id = a.answered_id
    union
    select ordinal, author_id, answered_id from asked
)
select c.ordinal, string_agg(int8send(f.follower_id), ''::bytea order by f.follower_id)
from candidates c
join followers f on f.user_id = c.author_id and f.follower_id = c.follower_id
group by c.ordinal;

-- :name lock_tweets (author_ids, tweet_ids) -> many
-- Takes the rows' locks in one order; says which tweets are there. Served by tweets_pkey.
select author_id, id from tweets
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[])
order by author_id, id
for no key update;

-- :name lock_tweets_of_one (author_id, tweet_ids) -> many
-- The same for tweets of one author. Served by tweets_pkey.
select author_id, id from tweets
where author_id = %(author_id)s and id = any(%(tweet_ids)s::bigint[])
order by id
for no key update;

-- :name add_tweet_counts (author_ids, tweet_ids, replies, retweets, likes) -> many
-- Adds to the counters of tweets that are there; returns what they are now. Rows must be locked. Served by tweets_pkey.
update tweets t
set replies_count = t.replies_count + c.replies, retweets_count = t.retweets_count + c.retweets,
    likes_count = t.likes_count + c.likes, version = t.version + 1
from (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as id,
        unnest(%(replies)s::bigint[]) as replies, unnest(%(retweets)s::bigint[]) as retweets,
        unnest(%(likes)s::bigint[]) as likes
) c
where t.author_id = c.author_id and t.id = c.id
returning t.author_id, t.id, t.version, t.replies_count, t.retweets_count, t.likes_count;

-- :name insert_replies (author_ids, tweet_ids, reply_ids, reply_author_ids) -> many
-- Notes replies under their parents; returns the new ones. Served by replies_pkey.
insert into replies (author_id, tweet_id, reply_id, reply_author_id)
select unnest(%(author_ids)s::bigint[]), unnest(%(tweet_ids)s::bigint[]),
    unnest(%(reply_ids)s::bigint[]), unnest(%(reply_author_ids)s::bigint[])
on conflict do nothing
returning author_id, tweet_id;

-- :name delete_replies (author_ids, tweet_ids, reply_ids) -> many
-- Takes notes of replies back; returns those that were there. Served by replies_pkey.
delete from replies r
using (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(reply_ids)s::bigint[]) as reply_id
) d
where r.author_id = d.author_id and r.tweet_id = d.tweet_id and r.reply_id = d.reply_id
returning r.author_id, r.tweet_id;

-- :name delete_replies_of (author_id, tweet_id, page_size) -> none
-- A deleted tweet's replies, some at a time: takes the notes away, the replies stay. Served by replies_pkey.
delete from replies
where (author_id, tweet_id, reply_id) in (
    select author_id, tweet_id, reply_id from replies
    where author_id = %(author_id)s and tweet_id = %(tweet_id)s
    order by reply_id
    limit %(page_size)s
);

-- :name insert_retweets (author_ids, tweet_ids, user_ids, retweet_ids) -> many
-- Notes retweets under their originals; returns the new ones. Served by retweets_pkey.
insert into retweets (author_id, tweet_id, user_id, retweet_id)
select unnest(%(author_ids)s::bigint[]), unnest(%(tweet_ids)s::bigint[]),
    unnest(%(user_ids)s::bigint[]), unnest(%(retweet_ids)s::bigint[])
on conflict do nothing
returning author_id, tweet_id;

-- :name delete_retweets (author_ids, tweet_ids, user_ids, retweet_ids) -> many
-- Takes notes of retweets back; returns those that were there. Served by retweets_pkey.
delete from retweets r
using (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(retweet_ids)s::bigint[]) as retweet_id
) d
where r.author_id = d.author_id and r.tweet_id = d.tweet_id and r.user_id = d.user_id and r.retweet_id = d.retweet_id
returning r.author_id, r.tweet_id;

-- :name delete_retweets_of (author_id, tweet_id, page_size) -> many
-- A deleted tweet's retweets, some at a time: takes the notes away and says whose they were. Served by retweets_pkey.
delete from retweets
where (author_id, tweet_id, user_id) in (
    select author_id, tweet_id, user_id from retweets
    where author_id = %(author_id)s and tweet_id = %(tweet_id)s
    order by user_id
    limit %(page_size)s
)
returning user_id, retweet_id;

-- :name delete_tweets (author_ids, tweet_ids) -> many
-- Retweets whose original is gone; returns those that were there. Served by tweets_pkey.
delete from tweets
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[])
returning author_id, id;

-- :name fetch_existing (author_ids, tweet_ids) -> many
-- Which of these tweets are there, and whether they were edited. Served by tweets_pkey.
select author_id, id, edited_ms is not null from tweets
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[]);
