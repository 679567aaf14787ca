-- :name insert (user_id, tweet_id, author_id, bookmark_id) -> none
-- One row when it is new, none when it was there, or for somebody who is leaving. Served by bookmarks_pkey and users_pkey.
insert into bookmarks (user_id, tweet_id, author_id, id)
select u.id, %(tweet_id)s, %(author_id)s, %(bookmark_id)s from users u
where u.id = %(user_id)s and u.deleted_ms is null
on conflict do nothing;

-- :name delete (user_id, tweet_id) -> none
-- One row when it was there. Served by bookmarks_pkey.
delete from bookmarks where user_id = %(user_id)s and tweet_id = %(tweet_id)s;

-- :name fetch_bookmarked_among (user_id, tweet_ids) -> many
-- Which of these tweets somebody put by. Served by bookmarks_pkey alone.
select tweet_id from bookmarks where user_id = %(user_id)s and tweet_id = any(%(tweet_ids)s::bigint[]);

-- :name fetch_bookmarked (user_id, page_size) -> many
-- What somebody put by, the newest tweets first. Served by bookmarks_pkey alone.
select tweet_id from bookmarks where user_id = %(user_id)s
order by tweet_id desc
limit %(page_size)s;

-- :name fetch_by_user (user_id, before_id, page_size) -> many
-- Somebody's bookmarks below a cursor, newest first. Served by bookmarks_newest alone.
select user_id, tweet_id, author_id, id from bookmarks
where user_id = %(user_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_by_user_above (user_id, after_id, page_size) -> many
-- Somebody's bookmarks just above a cursor, oldest first. Served by bookmarks_newest alone.
select user_id, tweet_id, author_id, id from bookmarks
where user_id = %(user_id)s and id > %(after_id)s
order by id
limit %(page_size)s;

-- :name delete_of_tweets (author_ids, tweet_ids) -> none
-- Bookmarks of tweets that are gone, whoever put them by. Served by bookmarks_tweet.
delete from bookmarks
where author_id = any(%(author_ids)s::bigint[]) and tweet_id = any(%(tweet_ids)s::bigint[]);
