-- :name fetch_likes (user_ids, tweet_ids) -> many
-- Which of these people like which of these tweets. Served by likes_pkey.
select user_id, tweet_id, author_id, id from likes
where user_id = any(%(user_ids)s::bigint[]) and tweet_id = any(%(tweet_ids)s::bigint[]);

-- :name insert_notes (author_ids, tweet_ids, user_ids, like_ids) -> many
-- Notes likes under their tweets; returns the new ones. Served by tweet_likes_pkey.
insert into tweet_likes (author_id, tweet_id, user_id, id)
select unnest(%(author_ids)s::bigint[]), unnest(%(tweet_ids)s::bigint[]),
    unnest(%(user_ids)s::bigint[]), unnest(%(like_ids)s::bigint[])
on conflict do nothing
returning author_id, tweet_id;

-- :name delete_notes (author_ids, tweet_ids, user_ids) -> many
-- Takes notes of likes back; returns those that were there. Served by tweet_likes_pkey.
delete from tweet_likes l
using (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(user_ids)s::bigint[]) as user_id
) d
where l.author_id = d.author_id and l.tweet_id = d.tweet_id and l.user_id = d.user_id
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
-- Likes of tweets that are gone. Served by likes_pkey.
delete from likes l
using (select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id) d
where l.user_id = d.user_id and l.tweet_id = d.tweet_id;
