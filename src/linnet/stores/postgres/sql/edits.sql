-- :name lock (author_id, tweet_id) -> one
-- One of the author's own as it is now; nobody else changes or deletes it before we commit. Served by tweets_pkey.
select author_id, id, text, reply_to_id, reply_to_author_id, retweet_of_id, retweet_of_author_id, entities::text,
    replies_count, retweets_count, likes_count, pinned, version, attachments::text, warning, sensitive, visibility,
    poll::text, poll_voters, poll_votes, edited_ms, conversation_id
from tweets
where author_id = %(author_id)s and id = %(tweet_id)s
for no key update;

-- :name count_versions (author_id, tweet_id) -> value
-- How often it was edited. Served by tweet_versions_pkey.
select count(*) from tweet_versions where author_id = %(author_id)s and tweet_id = %(tweet_id)s;

-- :name insert_version (author_id, tweet_id, since_ms, text, entities, attachments, warning, sensitive) -> none
-- What a tweet says until now. Its row must be locked.
insert into tweet_versions (author_id, tweet_id, since_ms, text, entities, attachments, warning, sensitive)
values (%(author_id)s, %(tweet_id)s, %(since_ms)s, %(text)s, %(entities)s::json, %(attachments)s::json, %(warning)s,
    %(sensitive)s);

-- :name update (author_id, tweet_id, text, entities, attachments, warning, sensitive, edited_ms) -> value
-- What it says from now on; its new version. Its row must be locked. Served by tweets_pkey.
update tweets
set text = %(text)s, entities = %(entities)s::json, attachments = %(attachments)s::json, warning = %(warning)s,
    sensitive = %(sensitive)s, edited_ms = %(edited_ms)s, version = version + 1
where author_id = %(author_id)s and id = %(tweet_id)s
returning version;

-- :name delete_versions (author_id, tweet_ids) -> none
-- What deleted tweets said before. To be run after their rows are gone: an edit that they waited for is seen then.
-- Served by tweet_versions_pkey.
delete from tweet_versions where author_id = %(author_id)s and tweet_id = any(%(tweet_ids)s::bigint[]);

-- :name fetch_history (author_id, tweet_id) -> many
-- All that a tweet has said, the first first, and of which moment on; the last is what it says now. One statement, so
-- one moment. Served by tweet_versions_pkey and tweets_pkey.
select since_ms, text, entities::text, attachments::text, warning, sensitive
from tweet_versions
where author_id = %(author_id)s and tweet_id = %(tweet_id)s
union all
select coalesce(edited_ms, id >> 16), text, entities::text, attachments::text, warning, sensitive
from tweets
where author_id = %(author_id)s and id = %(tweet_id)s and retweet_of_id is null
order by since_ms;

-- :name fetch_moments (tweet_ids) -> many
-- Which of these tweets were edited, and when last: bounded and rare, since their authors are not named. Served by
-- tweets_newest.
select author_id, id, edited_ms from tweets where id = any(%(tweet_ids)s::bigint[]) and edited_ms is not null;

-- :name fetch_moments_of (author_ids, tweet_ids) -> many
-- The same of tweets whose authors are known. Served by tweets_pkey.
select author_id, id, edited_ms from tweets
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[]) and edited_ms is not null;

-- :name fetch_retweeters (author_id, tweet_id, before_id, page_size) -> many
-- Who retweeted a tweet, newest first, with the ids of the retweets. Served by retweets_newest.
select user_id, retweet_id from retweets
where author_id = %(author_id)s and tweet_id = %(tweet_id)s and retweet_id < %(before_id)s
order by retweet_id desc
limit %(page_size)s;
