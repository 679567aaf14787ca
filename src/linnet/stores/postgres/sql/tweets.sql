-- :name insert (author_id, tweet_id, text, reply_to_id, reply_to_author_id, retweet_of_id, retweet_of_author_id, entities, attachments, warning, sensitive, visibility, poll, poll_ending_ms, conversation_id, event_id, lane, kind, payload) -> many
-- A tweet and its event, in one statement that is one transaction. A second retweet of the same tweet does nothing.
-- The event's id is larger than those of the author's events still waiting, whichever process minted them. Served by
-- tweets_one_retweet and outbox_pkey.
with posted as (
    insert into tweets (author_id, id, text, reply_to_id, reply_to_author_id, retweet_of_id, retweet_of_author_id, entities,
        attachments, warning, sensitive, visibility, poll, poll_ending_ms, poll_voters, poll_votes, conversation_id)
    values (%(author_id)s, %(tweet_id)s, %(text)s, %(reply_to_id)s, %(reply_to_author_id)s,
        %(retweet_of_id)s, %(retweet_of_author_id)s, %(entities)s::json, %(attachments)s::json,
        %(warning)s, %(sensitive)s, %(visibility)s, %(poll)s::json, %(poll_ending_ms)s::bigint,
        case when %(poll_ending_ms)s::bigint is not null then 0 end,
        case when %(poll_ending_ms)s::bigint is not null then '{0,0,0,0}'::bigint[] end, %(conversation_id)s)
    on conflict (author_id, retweet_of_id) where retweet_of_id is not null do nothing
    returning id
), appended as (
    insert into outbox (actor_id, id, lane, kind, payload)
    select %(author_id)s,
        greatest(%(event_id)s, (select coalesce(max(o.id), 0) + 1 from outbox o where o.actor_id = %(author_id)s)),
        %(lane)s, %(kind)s, %(payload)s::jsonb
    from posted
)
select id from posted;

-- :name fetch (author_ids, tweet_ids) -> many
-- Tweets by author and id, in no order. Served by tweets_pkey.
select author_id, id, text, reply_to_id, reply_to_author_id, retweet_of_id, retweet_of_author_id, entities::text,
    replies_count, retweets_count, likes_count, pinned, version, attachments::text, warning, sensitive, visibility,
    poll::text, poll_voters, poll_votes, edited_ms, conversation_id
from tweets
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[]);

-- :name find_by_id (tweet_id) -> one
-- One tweet whose author is not known yet: bounded and rare. Tweets of accounts that are being erased are not there, and
-- retweets of these neither. Served by tweets_newest and users_pkey.
select author_id, id, text, reply_to_id, reply_to_author_id, retweet_of_id, retweet_of_author_id, entities::text,
    replies_count, retweets_count, likes_count, pinned, version, attachments::text, warning, sensitive, visibility,
    poll::text, poll_voters, poll_votes, edited_ms, conversation_id
from tweets t
where id = %(tweet_id)s
    and not exists (
        select from users u where u.id in (t.author_id, t.retweet_of_author_id) and u.deleted_ms is not null
    );

-- :name find_by_id_in_steps (tweet_id) -> one
-- The same, for tables that lie on several nodes: the tweet, and then whose it is. Served by tweets_newest and users_pkey.
with found as materialized (
    select author_id, id, text, reply_to_id, reply_to_author_id, retweet_of_id, retweet_of_author_id, entities,
        replies_count, retweets_count, likes_count, pinned, version, attachments, warning, sensitive, visibility,
        poll, poll_voters, poll_votes, edited_ms, conversation_id
    from tweets
    where id = %(tweet_id)s
), leaving as (
    select u.id from users u
    where u.id in (select author_id from found union all select retweet_of_author_id from found)
        and u.deleted_ms is not null
)
select author_id, id, text, reply_to_id, reply_to_author_id, retweet_of_id, retweet_of_author_id, entities::text,
    replies_count, retweets_count, likes_count, pinned, version, attachments::text, warning, sensitive, visibility,
    poll::text, poll_voters, poll_votes, edited_ms, conversation_id
from found
where not exists (select from leaving);

-- :name delete (author_id, tweet_id) -> one
-- One of the author's own; returns what its event must carry. Served by tweets_pkey.
delete from tweets
where author_id = %(author_id)s and id = %(tweet_id)s
returning reply_to_id, reply_to_author_id, retweet_of_id, retweet_of_author_id,
    attachments is not null or edited_ms is not null, edited_ms is not null,
    coalesce(visibility = 'direct', false);

-- :name find_retweet (author_id, retweet_of_id) -> value
-- The id of somebody's retweet of a tweet. Served by tweets_one_retweet.
select id from tweets where author_id = %(author_id)s and retweet_of_id = %(retweet_of_id)s;

-- :name fetch_retweeted_among (author_id, tweet_ids) -> many
-- Which of these tweets somebody retweeted. Served by tweets_one_retweet.
select retweet_of_id from tweets
where author_id = %(author_id)s and retweet_of_id = any(%(tweet_ids)s::bigint[]);

-- :name fetch_retweeted (author_id, page_size) -> many
-- What somebody retweeted, the newest originals first. Served by tweets_one_retweet.
select retweet_of_id from tweets
where author_id = %(author_id)s and retweet_of_id is not null
order by retweet_of_id desc
limit %(page_size)s;

-- :name fetch_refs (tweet_ids) -> many
-- Who wrote each of some tweets: bounded and rare, since their authors are not named. Served by tweets_newest.
select author_id, id
from tweets
where id = any(%(tweet_ids)s::bigint[]);

-- :name fetch_public_among (author_ids, tweet_ids) -> many
-- Which of these tweets are public. Served by tweets_pkey.
select id from tweets
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[]) and visibility is null;

-- :name find_newest_id () -> value
-- The newest of all tweets, whoever may see it. Served by tweets_newest.
select coalesce(max(id), 0) from tweets;

-- :name fetch_newest (before_id, page_size) -> many
-- Everybody's public tweets as entries, newest first; a reply belongs here as much as a tweet. Served by tweets_newest.
select id, author_id, coalesce(reply_to_author_id, retweet_of_author_id, 0), coalesce(retweet_of_id, 0)
from tweets
where id < %(before_id)s and visibility is null
order by id desc
limit %(page_size)s;

-- :name fetch_newest_above (after_id, page_size) -> many
-- Everybody's public tweets just above a cursor, oldest first. Served by tweets_newest.
select id, author_id, coalesce(reply_to_author_id, retweet_of_author_id, 0), coalesce(retweet_of_id, 0)
from tweets
where id > %(after_id)s and visibility is null
order by id
limit %(page_size)s;

-- :name fetch_newest_with_attachments (before_id, page_size) -> many
-- Everybody's public tweets with pictures, newest first. Served by tweets_newest_with_attachments.
select id, author_id, coalesce(reply_to_author_id, 0), 0
from tweets
where id < %(before_id)s and attachments is not null and visibility is null
order by id desc
limit %(page_size)s;

-- :name fetch_newest_with_attachments_above (after_id, page_size) -> many
-- The same just above a cursor, oldest first. Served by tweets_newest_with_attachments.
select id, author_id, coalesce(reply_to_author_id, 0), 0
from tweets
where id > %(after_id)s and attachments is not null and visibility is null
order by id
limit %(page_size)s;

-- :name fetch_by_author (author_id, shown, before_id, page_size) -> many
-- One author's tweets as entries below a cursor, newest first: public ones, and those with the visibilities that are
-- shown. Served by tweets_pkey.
select id, author_id, coalesce(reply_to_author_id, retweet_of_author_id, 0), coalesce(retweet_of_id, 0)
from tweets
where author_id = %(author_id)s and id < %(before_id)s
    and (visibility is null or visibility = any(%(shown)s::text[]))
order by id desc
limit %(page_size)s;

-- :name fetch_by_author_above (author_id, shown, after_id, page_size) -> many
-- The same just above a cursor, oldest first. Served by tweets_pkey.
select id, author_id, coalesce(reply_to_author_id, retweet_of_author_id, 0), coalesce(retweet_of_id, 0)
from tweets
where author_id = %(author_id)s and id > %(after_id)s
    and (visibility is null or visibility = any(%(shown)s::text[]))
order by id
limit %(page_size)s;

-- :name fetch_with_attachments (author_id, shown, before_id, page_size) -> many
-- One author's tweets with pictures as entries below a cursor, newest first. Served by tweets_with_attachments.
select id, author_id, coalesce(reply_to_author_id, 0), 0
from tweets
where author_id = %(author_id)s and id < %(before_id)s and attachments is not null
    and (visibility is null or visibility = any(%(shown)s::text[]))
order by id desc
limit %(page_size)s;

-- :name fetch_with_attachments_above (author_id, shown, after_id, page_size) -> many
-- The same just above a cursor, oldest first. Served by tweets_with_attachments.
select id, author_id, coalesce(reply_to_author_id, 0), 0
from tweets
where author_id = %(author_id)s and id > %(after_id)s and attachments is not null
    and (visibility is null or visibility = any(%(shown)s::text[]))
order by id
limit %(page_size)s;

-- :name fetch_by_authors (author_ids, after_id, before_id, page_size) -> many
-- Several authors' tweets as entries in a range of ids, newest first, without direct ones. Served by tweets_pkey alone.
select id, author_id, coalesce(reply_to_author_id, retweet_of_author_id, 0), coalesce(retweet_of_id, 0)
from tweets
where author_id = any(%(author_ids)s::bigint[]) and id > %(after_id)s and id < %(before_id)s
    and visibility is distinct from 'direct'
order by id desc
limit %(page_size)s;

-- :name fetch_replies (author_id, tweet_id, before_id, page_size) -> many
-- The replies to a tweet as entries below a cursor, newest first. Served by replies_pkey.
select reply_id, reply_author_id, author_id, 0
from replies
where author_id = %(author_id)s and tweet_id = %(tweet_id)s and reply_id < %(before_id)s
order by reply_id desc
limit %(page_size)s;

-- :name fetch_replies_above (author_id, tweet_id, after_id, page_size) -> many
-- The replies just above a cursor, oldest first. Served by replies_pkey.
select reply_id, reply_author_id, author_id, 0
from replies
where author_id = %(author_id)s and tweet_id = %(tweet_id)s and reply_id > %(after_id)s
order by reply_id
limit %(page_size)s;

-- :name fetch_retweeters (author_id, tweet_id, before_id, page_size) -> many
-- Who retweeted a tweet, newest first. Served by retweets_newest.
select retweet_id, user_id
from retweets
where author_id = %(author_id)s and tweet_id = %(tweet_id)s and retweet_id < %(before_id)s
order by retweet_id desc
limit %(page_size)s;

-- :name fetch_retweeters_above (author_id, tweet_id, after_id, page_size) -> many
-- Who retweeted a tweet, just above a cursor, oldest first. Served by retweets_newest.
select retweet_id, user_id
from retweets
where author_id = %(author_id)s and tweet_id = %(tweet_id)s and retweet_id > %(after_id)s
order by retweet_id
limit %(page_size)s;

-- :name claim_key (user_id, key, request_hash, tweet_id) -> value
-- 1 when the key is ours now; waits for another transaction that is claiming it. Served by idempotency_keys_pkey.
with claimed as (
    insert into idempotency_keys (user_id, key, request_hash, tweet_id)
    values (%(user_id)s, %(key)s, %(request_hash)s, %(tweet_id)s)
    on conflict (user_id, key) do update
        set request_hash = excluded.request_hash, tweet_id = excluded.tweet_id, created_at = excluded.created_at
        where excluded.created_at - idempotency_keys.created_at > interval '1 hour'
    returning 1
)
select count(*) from claimed;

-- :name find_key (user_id, key) -> one
-- What a key was used for in the last hour. Served by idempotency_keys_pkey.
select request_hash, tweet_id from idempotency_keys
where user_id = %(user_id)s and key = %(key)s and created_at >= now() - interval '1 hour';

-- :name delete_old_keys (page_size) -> none
-- Keys older than an hour. Served by idempotency_keys_oldest.
delete from idempotency_keys where (user_id, key) in (
    select user_id, key from idempotency_keys
    where created_at < now() - interval '1 hour' order by created_at limit %(page_size)s
);
